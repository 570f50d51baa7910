"""What people may ask for: everything that is kept of them, and of their organisation, in a file."""
