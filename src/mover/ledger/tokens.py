"""What the ledger needs so that tokens of uploads are worthless to whoever has the database alone.

The address of a resumable upload at Google or Microsoft is a right in itself: who knows it can write that one file,
without any sign-in. Which service's tokens are rights is the services' business, so all are sealed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sqlalchemy import Connection

from mover.vault.secret import Secret


class TokenCipher(Protocol):
    """Seals the tokens of one pair, without asking anybody."""

    def seal(self, token: Secret, place: str) -> bytes:
        """Seal a token so that it can be unsealed for the same place only."""

    def unseal(self, sealed: bytes, place: str) -> Secret | None:
        """Unseal a token; None if its key was destroyed since, or it is not what was sealed for that place."""


class UploadKeys(Protocol):
    """Keeps a key for each pair that has uploads in parts.

    `along` is called in the transaction that changes something, and undoes it by raising.
    """

    async def cipher(self, pair_id: int, *, along: Callable[[Connection], object]) -> TokenCipher:
        """Have the pair's key, made if there is none. Raises what the keeper of keys raises."""

    async def destroy(self, pair_id: int, *, along: Callable[[Connection], object]) -> None:
        """Destroy the pair's key: it has no uploads any more. Idempotent."""
