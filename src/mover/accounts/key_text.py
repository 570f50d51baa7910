"""How an API key is spelled: `mvr_<id>_<secret><checksum>`, or `mvs_...` if it is one of the staff's.

The prefix and the checksum (CRC-32, as in the tokens of code hosting services) let secret scanners recognise a key that
ended up where it should not be, without asking anybody; a mistyped one is refused without asking the database.
"""

from __future__ import annotations

import enum
import re
import secrets
import zlib
from dataclasses import dataclass, field

from mover.vault.secret import Secret

PATTERN = r"mv[rs]_[0-9a-f]{32}_[0-9A-Za-z]{49}"
"""For secret scanners."""

_KEY = re.compile(r"(mv[rs]_)([0-9a-f]{32})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_BYTES = 32
_SECRET_DIGITS = 43  # 62 ** 43 > 2 ** 256
_CHECKSUM_DIGITS = 6  # 62 ** 6 > 2 ** 32


class Prefix(enum.StrEnum):
    """Whose a key is: a text is never taken for one of the others'."""

    ORGANISATION = "mvr_"
    STAFF = "mvs_"


@dataclass(frozen=True)
class KeyText:
    """An API key's text, taken apart."""

    key_id: str
    secret: Secret = field(repr=False)
    prefix: Prefix = Prefix.ORGANISATION

    def spelled(self) -> Secret:
        """The whole text, as it is shown once and presented with every call."""
        body = f"{self.prefix}{self.key_id}_{self.secret.reveal()}"
        return Secret(body + _checksum(body))

    @classmethod
    def make(cls, key_id: str, prefix: Prefix = Prefix.ORGANISATION) -> KeyText:
        """Make a text for a key: 256 random bits."""
        number = int.from_bytes(secrets.token_bytes(_SECRET_BYTES))
        return cls(key_id, Secret(_base62(number, _SECRET_DIGITS)), prefix)

    @classmethod
    def parse(cls, presented: Secret, prefix: Prefix = Prefix.ORGANISATION) -> KeyText | None:
        """Take a text apart; None for what was never a key of this kind."""
        text = presented.reveal()
        found = _KEY.fullmatch(text)
        if found is None or found[1] != prefix or _checksum(text[:-_CHECKSUM_DIGITS]) != found[4]:
            return None
        return cls(found[2], Secret(found[3]), prefix)


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode("ascii")), _CHECKSUM_DIGITS)


def _base62(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text
