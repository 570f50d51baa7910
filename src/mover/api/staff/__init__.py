"""`/staff/api/v1`: what the staff's pages show without an exception, for programs of theirs; it changes nothing."""
