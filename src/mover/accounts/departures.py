"""What is left of organisations that were deleted goes in batches, with the people who belong nowhere else.

Of the audit log its tombstone stays: who deleted the organisation, and when.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from mover.accounts.erasure import BelongsElsewhere, Erasure, PersonRemover
from mover.accounts.queries import organisations as queries
from mover.accounts.queries import removal
from mover.audit.custody import Custodian
from mover.database.database import Database
from mover.vault.vault import Vault

Remover = Callable[[Connection, str, int], int]
"""Of a room above: removes at most so many rows of an organisation (its id), and says how many it removed."""


class Departures:
    """Removes the rows of organisations whose end `Organisations.delete` has decided. Several may at the same time.

    Args:
        database: Where they are.
        vault: Holds the keys of people.
        removers: Of the rooms above, in this order, before the accounts' own rows go.
        person_removers: Of the rooms above, for people who go.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        removers: Sequence[Remover] = (),
        person_removers: Sequence[PersonRemover] = (),
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._removers = tuple(removers)
        self._now = now
        self._custodian = Custodian(database, vault, now_ns=self._now_ns)
        self._erasure = Erasure(database, vault, removers=person_removers, now=now)

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
            if removed < limit:
                removed += await self._custodian.bury(organisation_id, limit=limit - removed)
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
            queries.remove_member(transaction, organisation_id, person_id, self._now_ns())

        try:
            await self._erasure.forget(person_id, along=leave)
        except BelongsElsewhere:
            await self._database.write(leave)

    def _now_ns(self) -> int:
        return int(self._now() * 1e9)
