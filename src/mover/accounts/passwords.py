"""Passwords: which are good enough, and argon2id, off the event loop."""

from __future__ import annotations

import asyncio
import base64
import secrets
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from mover.accounts.password_strength import check_guessable
from mover.accounts.refusals import NotAcceptable, TooManyAttempts
from mover.vault.secret import Secret

MINIMUM_LENGTH = 12
MAXIMUM_LENGTH = 256

_MADE_BYTES = 15  # three groups of eight letters and digits
_MOST_WAITING = 64
_BUSY_S = 5.0

T = TypeVar("T")


@dataclass(frozen=True)
class Argon2Cost:
    """Parameters of argon2id. The defaults are RFC 9106's second recommendation (section 4): 64 MiB, 3 passes, 4 lanes."""

    memory_kib: int = 64 * 1024
    passes: int = 3
    lanes: int = 4


class Passwords:
    """Checks and hashes passwords. Hashes name their parameters, so the cost can be raised at any time.

    Args:
        cost: Of a hash made from now on.
        at_once: Hashes computed at the same time: each takes the memory that `cost` says. Others wait; when 64 wait
            already, Throttled is raised.
    """

    def __init__(self, cost: Argon2Cost = Argon2Cost(), *, at_once: int = 2) -> None:
        self._hasher = PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes
        )
        self._free = asyncio.Semaphore(at_once)
        self._waiting = 0

    def check(self, password: Secret, *, own_words: Iterable[str] = ()) -> None:
        """Raise InvalidConfiguration unless a new password is good enough (NIST SP 800-63B section 5.1.1.2).

        At least 12 and at most 256 characters, not one of the most common, and not made of the person's own words (name,
        address, organisation). Nothing else: no rule about kinds of characters.
        """
        text = unicodedata.normalize("NFKC", password.reveal()[: MAXIMUM_LENGTH * 4])
        if len(text) < MINIMUM_LENGTH:
            raise NotAcceptable(
                f"the password is too short: it needs at least {MINIMUM_LENGTH} characters; a few words that do not "
                "belong together are easy to remember"
            )
        if len(text) > MAXIMUM_LENGTH:
            raise NotAcceptable(f"the password is longer than {MAXIMUM_LENGTH} characters")
        check_guessable(text, own_words)

    async def hash(self, password: Secret) -> str:
        """Hash a password for the database. Raises Throttled."""
        return await self._in_thread(lambda: self._hasher.hash(_normal(password)))

    async def verify(self, password: Secret, stored: str | None) -> bool:
        """Tell whether this is the password. Raises Throttled.

        Without a stored hash (an unknown person) it takes as long, and says no: making a hash is the work of checking one.
        """

        def compare() -> bool:
            if stored is None:
                self._hasher.hash(_normal(password))
                return False
            try:
                return self._hasher.verify(stored, _normal(password))
            except (VerificationError, InvalidHashError):
                return False

        return await self._in_thread(compare)

    def outdated(self, stored: str) -> bool:
        """Tell whether a hash was made with other parameters, and should be made again at the next sign-in."""
        return self._hasher.check_needs_rehash(stored)

    def make(self) -> Secret:
        """Make up a random password that people can type: 120 bits in three groups."""
        text = base64.b32encode(secrets.token_bytes(_MADE_BYTES)).decode("ascii").lower()
        return Secret("-".join(text[start : start + 8] for start in range(0, len(text), 8)))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MOST_WAITING:
            raise TooManyAttempts("too many people are signing in at this moment", retry_after_s=_BUSY_S)
        self._waiting += 1
        try:
            async with self._free:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def _normal(password: Secret) -> bytes:
    """Spell what the keyboard made one way (NIST SP 800-63B section 5.1.1.2: NFKC)."""
    # Longer than any password that was ever taken: cut, so that hashing it is not a burden.
    text = password.reveal()[: MAXIMUM_LENGTH * 4]
    return unicodedata.normalize("NFKC", text).encode("utf-8", "surrogatepass")
