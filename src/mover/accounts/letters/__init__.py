"""The texts of the mails that the accounts send, a module a purpose."""
