"""Keys of organisations whose connections have no secrets: runners use them, and may not make them."""

from __future__ import annotations

import contextlib

from mover.connections.queries import persons_without_key
from mover.database.database import Database
from mover.errors import NotFound
from mover.vault.vault import Vault


async def make_missing_keys(database: Database, vault: Vault) -> None:
    """Make a key for everybody who has connections and none, as those have that were added by an older Mover.

    Raises InvalidConfiguration: the global key cannot be used.
    """
    for person in await database.read(persons_without_key):
        with contextlib.suppress(NotFound):  # who has gone meanwhile needs none
            await vault.prepare(person)
