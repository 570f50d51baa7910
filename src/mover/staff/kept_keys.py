"""Keys of the installation that the staff's services need: in the vault, made when they are first needed."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from mover.errors import NotFound
from mover.vault import queries
from mover.vault.secret import Secret
from mover.vault.vault import Vault

FIELD = "key"


class _MadeElsewhere(Exception):
    """Another process made the key at this moment."""


async def kept_key(vault: Vault, holder: str, owner: str, make: Callable[[], Secret]) -> Secret:
    """Fetch a key, or make it. Several processes may at the same time, and get the same one."""
    try:
        return await vault.fetch(holder, owner, FIELD)
    except NotFound:
        pass
    made = make()

    def expect_none(connection: Connection) -> None:
        if queries.sealed_secrets(connection, holder, owner, FIELD):
            raise _MadeElsewhere

    try:
        await vault.store(holder, owner, FIELD, made, along=expect_none)
    except _MadeElsewhere:
        return await vault.fetch(holder, owner, FIELD)
    return made
