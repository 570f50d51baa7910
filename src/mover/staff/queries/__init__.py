"""The statements of the staff's tables, and those that read metadata of organisations for them."""
