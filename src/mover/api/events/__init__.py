"""What changes while people look: runs, told to their browsers as it happens."""
