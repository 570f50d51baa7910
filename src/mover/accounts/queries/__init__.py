"""What the accounts ask of the database, a module a subject. All in the caller's transaction."""
