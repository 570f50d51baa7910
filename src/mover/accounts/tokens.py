"""Random tokens, and what is kept of them.

A token has 256 random bits, so its plain SHA-256 is enough: nobody finds it by trying, which is all that a slow hash such
as argon2 defends against, and a call with an API key must not cost 64 MiB. What is in the database opens nothing.
"""

from __future__ import annotations

import hashlib
from secrets import token_urlsafe

from mover.vault.secret import Secret


def new_token() -> Secret:
    """Make a token that fits into URLs and cookies: 43 characters."""
    return Secret(token_urlsafe(32))


def hashed(token: Secret) -> str:
    """Return what is kept of a token, and looked for: SHA-256 in hexadecimal digits."""
    return hashlib.sha256(token.reveal().encode("utf-8", "surrogatepass")).hexdigest()
