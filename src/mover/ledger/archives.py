"""The ledger of the archives of one run. Part of `RunLedger`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence

from sqlalchemy import Connection

from mover.database.database import Database
from mover.ledger.archived import Archive, Mark, PlacedMember, PlannedMember, ReadMember
from mover.ledger.queries import archives
from mover.ledger.records import Item, Pair, Run
from mover.ledger.sharing import InTurn
from mover.ledger.states import ItemState, Verification

_PAGE = 1_000  # members


class ArchiveLedger:
    """Where the run's files stand in its archives, and what was read of them. Methods return when it is on disk."""

    def __init__(
        self, database: Database, pair: Pair, run: Run, write: InTurn, now_ns: Callable[[], int]
    ) -> None:
        self._database = database
        self._pair = pair
        self._run = run
        self._write = write
        self._now_ns = now_ns

    def upload_key(self, number: int) -> str:
        """The source key of an archive's upload."""
        return f"archive:{self._run.id}:{number}"

    async def all(self) -> list[Archive]:
        """Those that are planned to their end, by number."""
        return await self._database.read(lambda c: archives.archives_of(c, self._run.id))

    async def begin(self) -> list[str]:
        """Forget what no run goes on with; returns keys of uploads that are still to be given up."""

        def work(connection: Connection) -> list[str]:
            archives.forget_other_runs(connection, self._pair.id, self._run.id)
            archives.forget_unplanned(connection, self._run.id)
            return archives.unfinished_uploads(connection, self._pair.id, f"archive:{self._run.id}:")

        return await self._write(work)

    async def to_archive(self, limit: int, *, after_id: int) -> list[Item]:
        """Planned items without a place, ascending."""
        return await self._database.read(lambda c: archives.to_archive(c, self._run.id, limit, after_id))

    async def place(self, members: Sequence[PlannedMember]) -> None:
        """Keep places. They count when their archive is added."""
        await self._write(lambda c: archives.place(c, self._run.id, members))

    async def add(self, planned: Sequence[Archive]) -> None:
        """Keep archives whose members are placed."""
        await self._write(lambda c: archives.add_archives(c, self._run.id, planned))

    async def members(self, number: int, limit: int, *, after: int = -1) -> list[PlacedMember]:
        """Members whose headers stand behind a position, in order."""
        return await self._database.read(
            lambda c: archives.members_from(c, self._run.id, number, limit, after=after)
        )

    async def each_member(self, number: int, *, after: int = -1) -> AsyncGenerator[PlacedMember, None]:
        """Yield members whose headers stand behind a position, in order, as they are known when they are reached."""
        while page := await self.members(number, _PAGE, after=after):
            for placed in page:
                yield placed
            after = page[-1].position

    async def begin_at(self, number: int, position: int) -> int:
        """Go on from a position: forget what was read of members that begin there or behind it.

        Returns where the member begins in which the position is.
        """

        def work(connection: Connection) -> int:
            archives.cut(connection, self._run.id, number, position)
            return archives.before(connection, self._run.id, number, position) or 0

        return await self._write(work)

    async def keep(self, read: Sequence[ReadMember], marks: Sequence[Mark]) -> None:
        """Keep what was read of members, before a byte of it is handed on."""
        if read or marks:
            await self._write(lambda c: archives.keep_read(c, self._run.id, read, marks))

    async def mark_before(self, item_id: int, bytes_read: int) -> Mark | None:
        """The last mark in the first so many bytes of a file."""
        return await self._database.read(lambda c: archives.mark_before(c, self._run.id, item_id, bytes_read))

    async def arrived(self, number: int, verification: Verification) -> None:
        """Note that an archive has arrived."""
        await self._write(lambda c: archives.set_arrived(c, self._run.id, number, verification))

    async def settle(self, archive: Archive, limit: int) -> tuple[int, int]:
        """Write what became of some members of an archive that has arrived.

        Returns how many, and how many of them were left out; (0, 0) at the end.
        """
        return await self._write(lambda c: archives.settle(c, self._run.id, archive, limit, self._now_ns()))

    async def failed(self, number: int, state: ItemState, reason: str, message: str) -> None:
        """Write that an archive could not be stored, nor anything in it."""
        now_ns = self._now_ns()
        await self._write(
            lambda c: archives.fail_members(
                c, self._run.id, number, state=state, reason=reason, message=message, now_ns=now_ns
            )
        )
