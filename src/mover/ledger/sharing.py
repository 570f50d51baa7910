"""The ledger of one run's permissions. Part of `RunLedger`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import msgspec
from sqlalchemy import Connection

from mover.database.database import Database
from mover.ledger.grants import GRANT_PROBLEMS, DueGrant, Granted, GrantOutcome, GrantTally, NewGrant
from mover.ledger.queries import grants
from mover.ledger.records import Pair, Run

T = TypeVar("T")


class InTurn(Protocol):
    """Writes in one transaction, if it is still this process's turn. Raises LockLost."""

    def __call__(self, work: Callable[[Connection], T], /) -> Awaitable[T]:
        """Do it."""


class SharingLedger:
    """Lines of the run, who may see what is in folders, and what Mover itself permitted for the pair."""

    def __init__(self, database: Database, pair: Pair, run: Run, write: InTurn) -> None:
        self._database = database
        self._pair = pair
        self._run = run
        self._write = write

    async def root_access(self) -> int | None:
        """The number of what was learned of the root, if it was."""
        return await self._database.read(lambda connection: grants.root_access(connection, self._run.id))

    async def set_root(self, access: str, lines: Sequence[NewGrant]) -> int:
        """Keep what was learned of the root; returns its number."""
        return await self._write(lambda connection: grants.set_root(connection, self._run.id, access, lines))

    async def keep_accesses(self, texts: Sequence[str]) -> list[int]:
        """Keep who may see what is in some folders; returns numbers, in order."""
        if not texts:
            return []
        return await self._write(lambda connection: grants.keep_accesses(connection, self._run.id, texts))

    async def access(self, number: int) -> str:
        """What was kept."""
        return await self._database.read(lambda connection: grants.access(connection, number))

    async def has_granted(self) -> bool:
        """Whether anything was ever permitted for the pair."""
        return await self._database.read(lambda connection: grants.has_granted(connection, self._pair.id))

    async def granted_of(self, source_keys: Sequence[str]) -> dict[str, list[Granted]]:
        """What was permitted on these entries, by source key."""
        return await self._database.read(
            lambda connection: grants.granted_of(connection, self._pair.id, source_keys)
        )

    async def granted_at(self, destination_ids: Sequence[str]) -> list[Granted]:
        """What was permitted on what the destination knows by these ids."""
        return await self._database.read(
            lambda connection: grants.granted_at(connection, self._pair.id, destination_ids)
        )

    async def pass_on_grant(self, one: Granted, heir: str) -> None:
        """Let what was permitted for one entry count for another one, by its source key, in place of its own to the same."""
        taken = msgspec.structs.replace(one, source_key=heir)

        def work(connection: Connection) -> None:
            grants.forget_granted(connection, self._pair.id, [one, taken])
            grants.keep_granted(connection, self._pair.id, [taken])

        await self._write(work)

    async def about_to_grant(self, given: Sequence[Granted]) -> None:
        """Note what will be permitted, before it is: after a crash it is known to be ours."""
        if given:
            await self._write(lambda connection: grants.keep_granted(connection, self._pair.id, given))

    async def forget_granted(self, gone: Sequence[Granted]) -> None:
        """Note that these were taken back."""
        if gone:
            await self._write(lambda connection: grants.forget_granted(connection, self._pair.id, gone))

    async def due(self, limit: int, *, after_id: int) -> list[DueGrant]:
        """Planned lines with ids above `after_id`, ascending."""
        return await self._database.read(
            lambda connection: grants.due(connection, self._run.id, self._pair.id, limit, after_id)
        )

    async def finish(
        self, outcomes: Sequence[GrantOutcome], given: Sequence[Granted], not_given: Sequence[Granted]
    ) -> None:
        """Write what became of lines, and what is permitted by them now."""

        def work(connection: Connection) -> None:
            grants.finish_lines(connection, outcomes)
            grants.raise_granted(connection, self._pair.id, given)
            grants.forget_granted(connection, self._pair.id, not_given)

        await self._write(work)

    async def tally(self) -> list[GrantTally]:
        """Count lines by state and reason."""
        return await self._database.read(lambda connection: grants.tally(connection, self._run.id))

    async def problems(self) -> int:
        """How many lines a person should look at."""
        return sum(line.count for line in await self.tally() if line.state in GRANT_PROBLEMS)
