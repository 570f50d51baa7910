"""Passwords: which are good enough, and argon2id, off the event loop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mover.vault.secret import Secret

MINIMUM_LENGTH = 12
MAXIMUM_LENGTH = 256


@dataclass(frozen=True)
class Argon2Cost:
    """Parameters of argon2id. The defaults are RFC 9106's second recommendation (section 4): 64 MiB, 3 passes, 4 lanes."""

    memory_kib: int = 64 * 1024
    passes: int = 3
    lanes: int = 4


class Passwords:
    """Checks and hashes passwords. Hashes name their parameters, so the cost can be raised at any time."""

    def __init__(self, cost: Argon2Cost = Argon2Cost(), *, at_once: int = 2) -> None:
        raise NotImplementedError

    def check(self, password: Secret, *, own_words: Iterable[str] = ()) -> None:
        """Raise InvalidConfiguration unless a new password is good enough (NIST SP 800-63B section 5.1.1.2).

        At least 12 and at most 256 characters, not one of the most common, and not made of the person's own words (name,
        address, organisation). Nothing else: no rule about kinds of characters.
        """
        raise NotImplementedError

    async def hash(self, password: Secret) -> str:
        """Hash a password for the database."""
        raise NotImplementedError

    async def verify(self, password: Secret, stored: str | None) -> bool:
        """Tell whether this is the password; without a stored hash (unknown person) takes as long and says no."""
        raise NotImplementedError

    def outdated(self, stored: str) -> bool:
        """Tell whether a hash was made with other parameters, and should be made again at the next sign-in."""
        raise NotImplementedError

    def make(self) -> Secret:
        """Make up a random password that people can type: 100 bits."""
        raise NotImplementedError
