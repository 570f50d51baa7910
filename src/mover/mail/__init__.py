"""Mail: a message, and two ways to send it: SMTP through the operator's address rules, or a folder of files."""
