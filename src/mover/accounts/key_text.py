"""How an API key is spelled: `mvr_<id>_<secret><checksum>`.

The prefix and the checksum (CRC-32, as in the tokens of code hosting services) let secret scanners recognise a key that
ended up where it should not be, without asking anybody; a mistyped one is refused without asking the database.
"""

from __future__ import annotations

import re
import secrets
import zlib
from dataclasses import dataclass, field

from mover.vault.secret import Secret

PREFIX = "mvr_"
PATTERN = r"mvr_[0-9a-f]{32}_[0-9A-Za-z]{49}"
"""For secret scanners."""

_KEY = re.compile(r"mvr_([0-9a-f]{32})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_BYTES = 32
_SECRET_DIGITS = 43  # 62 ** 43 > 2 ** 256
_CHECKSUM_DIGITS = 6  # 62 ** 6 > 2 ** 32


@dataclass(frozen=True)
class KeyText:
    """An API key's text, taken apart."""

    key_id: str
    secret: Secret = field(repr=False)

    def spelled(self) -> Secret:
        """The whole text, as it is shown once and presented with every call."""
        body = f"{PREFIX}{self.key_id}_{self.secret.reveal()}"
        return Secret(body + _checksum(body))

    @classmethod
    def make(cls, key_id: str) -> KeyText:
        """Make a text for a key: 256 random bits."""
        return cls(
            key_id, Secret(_base62(int.from_bytes(secrets.token_bytes(_SECRET_BYTES)), _SECRET_DIGITS))
        )

    @classmethod
    def parse(cls, presented: Secret) -> KeyText | None:
        """Take a text apart; None for what was never a key."""
        text = presented.reveal()
        found = _KEY.fullmatch(text)
        if found is None or _checksum(text[:-_CHECKSUM_DIGITS]) != found[3]:
            return None
        return cls(found[1], Secret(found[2]))


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode("ascii")), _CHECKSUM_DIGITS)


def _base62(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text
