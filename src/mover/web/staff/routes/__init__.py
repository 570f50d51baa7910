"""What the pages of the staff show and do, a module a subject."""
