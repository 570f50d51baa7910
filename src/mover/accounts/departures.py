"""What is left of organisations that were deleted goes in batches, with the people who belong nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from mover.accounts.queries import organisations as queries
from mover.accounts.queries import removal
from mover.database.database import Database
from mover.vault.vault import Vault

Remover = Callable[[Connection, str, int], int]
"""Of a room above: removes at most so many rows of an organisation (its id), and says how many it removed."""


class _BelongsElsewhereError(Exception):
    """The person is a member of another organisation too, and stays."""


class Departures:
    """Removes the rows of organisations whose end `Organisations.delete` has decided. Several may at the same time.

    Args:
        database: Where they are.
        vault: Holds the keys of people.
        removers: Of the rooms above, in this order, before the accounts' own rows go.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        removers: Sequence[Remover] = (),
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._vault = vault
        self._removers = tuple(removers)
        self._now = now

    async def remove_deleted(self, *, limit: int = 1000) -> int:
        """Remove at most about `limit` rows of deleted organisations; returns how many it was. 0: all are gone."""
        marked = await self._database.read(queries.deleted)
        removed = 0
        for organisation_id in marked:
            for remover in (*self._removers, removal.remove_rows):
                left = limit - removed
                if left <= 0:
                    return removed
                removed += await self._remove(remover, organisation_id, left)
            if removed >= limit:
                return removed
            removed += await self._remove_with_people(organisation_id, limit - removed)
        return removed

    async def _remove(self, remover: Remover, organisation_id: str, limit: int) -> int:
        return await self._database.write(lambda transaction: remover(transaction, organisation_id, limit))

    async def _remove_with_people(self, organisation_id: str, limit: int) -> int:
        """Remove memberships, the people who belong nowhere else with their keys in the vault, and the organisation at last."""
        leaving = await self._database.read(
            lambda transaction: removal.some_members(transaction, organisation_id, limit)
        )
        for person_id in leaving:
            await self._forget_member(organisation_id, person_id)
        if len(leaving) < limit:
            await self._database.write(
                lambda transaction: removal.remove_organisation(transaction, organisation_id)
            )
        return len(leaving) + 1

    async def _forget_member(self, organisation_id: str, person_id: str) -> None:
        def leave(transaction: Connection) -> None:
            queries.remove_member(transaction, organisation_id, person_id, int(self._now() * 1e9))

        def vanish(transaction: Connection) -> None:
            leave(transaction)
            if not removal.remove_if_alone(transaction, person_id):
                raise _BelongsElsewhereError

        try:
            await self._vault.destroy_person(f"person:{person_id}", along=vanish)
        except _BelongsElsewhereError:
            await self._database.write(leave)
