"""To whom an export is sealed: X25519 public keys of age (https://age-encryption.org/v1)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from mover.errors import InvalidConfiguration
from mover.sealing.age import recipients as age

MOST_RECIPIENTS = 20
_SHOWN = 80


def read_recipients(texts: Iterable[str]) -> tuple[str, ...]:
    """Read public keys, each once, in their canonical form.

    Raises InvalidConfiguration: none, too many, or something that is no such key. A private key is not repeated.
    """
    found: dict[str, None] = {}
    for text in texts:
        given = text.strip()
        if given.upper().startswith("AGE-SECRET-KEY-"):
            raise InvalidConfiguration(
                "this is a private key, which the recipient alone may have; consider it known by now. "
                "The public one begins with age1"
            )
        if not _is_key_of_age(given):
            raise InvalidConfiguration(
                f"{given[:_SHOWN]!r} is no public key of age: they have the form age1 and 58 letters and digits"
            )
        found[given.lower()] = None
    if not found:
        raise InvalidConfiguration("an export needs at least one recipient who can open it")
    if len(found) > MOST_RECIPIENTS:
        raise InvalidConfiguration(f"an export has at most {MOST_RECIPIENTS} recipients")
    return tuple(found)


def recipients_digest(recipients: Iterable[str]) -> str:
    """What those who approve an export bind it to: SHA-256 of its recipients in hexadecimal digits."""
    return hashlib.sha256("\n".join(["mover recipients 1", *recipients]).encode()).hexdigest()


def _is_key_of_age(given: str) -> bool:
    try:
        read = age.read_recipients([given])
    except InvalidConfiguration:
        return False
    return len(given.split()) == 1 and all(isinstance(one, age.X25519Recipient) for one in read)
