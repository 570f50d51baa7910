"""Keys that sign reconciliations: Ed25519, one an organisation, its private half in the vault."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from mover.accounts.actor import Actor
from mover.database.database import Database
from mover.vault.vault import Vault


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """A published key: 32 bytes in base64. `retired_ns`: it signs nothing new since then."""

    id: str
    public_key: str
    created_ns: int
    retired_ns: int | None


class SigningKeys:
    """Makes an organisation's key when it is first needed. Several processes may."""

    def __init__(self, database: Database, vault: Vault, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._vault = vault
        self._now_ns = now_ns

    async def public_keys(self, actor: Actor) -> list[PublicKey]:
        """All keys, newest first. Needs READ."""
        raise NotImplementedError

    async def rotate(self, actor: Actor) -> PublicKey:
        """Sign with a new key from now on; what was signed stays valid. Needs OWN."""
        raise NotImplementedError
