"""The format of rclone's crypt: names (EME) and contents (XSalsa20-Poly1305), with keys from a password by scrypt."""
