"""The pages of the staff: a door, a cookie and a guard of their own, and nothing of an organisation's session counts here."""
