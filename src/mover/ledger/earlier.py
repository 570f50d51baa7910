"""Following an earlier run: what the change feeds of both services do not name is as it was then.

A run that finished keeps for the next one where the change feeds of both sides stood (`runs.source_cursor` before it
listed anything, `runs.destination_cursor`). The next one with the same basis reads the feeds from there, and notes in
`changed_folders` which of the earlier folders must be listed again. All others are *known*: with `Run.carries` their
items are taken over, thousands in one statement; else their entries are taken from the ledger instead of the source,
and compared with a listing of the destination.

    folder of the earlier run ──┬─ not in changed_folders ─► known ──► listed
                                └─ in changed_folders ─────► pending ─► listed, or failed
    any other folder ──────────────────────────────────────► pending ─► listed, or failed

Where only the destination has a feed the source is listed, and *known* means that nothing changed at the destination: what
the earlier run left there is taken for what stands there, as long as that is all there is to say about the folder.

A folder is the same as in the earlier run if its id, its path, and the folder above it are; with `carries` its id at the
destination, too; where the source is listed only that one counts. What stands in one that was moved is listed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from mover.database.database import Database
from mover.entries import Entry
from mover.ledger.queries import arrivals, carrying, following
from mover.ledger.records import Arrival, Base, FolderTask, KnownFolder, KnownItem, Run, SettledItem, Tally

T = TypeVar("T")


class Write(Protocol):
    """Writes in one transaction, if it is still this process's turn with the pair. Raises LockLost."""

    def __call__(self, work: Callable[[Connection], T]) -> Awaitable[T]:
        """Do it."""


class EarlierRuns:
    """What the ledger knows of earlier runs, for the run that may follow one of them."""

    def __init__(
        self, database: Database, write: Write, pair_id: int, run: Run, *, now_ns: Callable[[], int]
    ) -> None:
        self._database = database
        self._write = write
        self._pair = pair_id
        self._run = run
        self._now_ns = now_ns

    async def is_begun(self) -> bool:
        """Whether the run has a folder: it was begun before."""
        found = await self._database.read(lambda connection: following.root_of(connection, self._run.id))
        return found is not None

    async def base(self, basis: str, *, last: bool = False, source_is_listed: bool = False) -> Base | None:
        """The newest run that this one can follow; with `last` only the one before: no other has changed anything since.

        With `source_is_listed` it is to be followed by the destination's feed alone.
        """
        return await self._database.read(
            lambda connection: following.base_for(
                connection, self._pair, self._run.id, basis, last=last, source_is_listed=source_is_listed
            )
        )

    async def number_of_folders(self) -> int:
        """How many folders the run has seen."""
        return await self._database.read(
            lambda connection: following.number_of_folders(connection, self._run.id)
        )

    async def mark_begun(self, others: Collection[int]) -> None:
        """Have the next run list what this one has decided anything about, and `others`."""
        await self._write(lambda connection: following.mark_begun(connection, self._run.id, others))

    async def settled_items(self, folder: FolderTask, source_keys: Sequence[str]) -> dict[str, SettledItem]:
        """What is known to have stood in a folder of the destination when the run ended that this one follows."""
        earlier, base_id = folder.earlier_id, self._run.base_id
        if earlier is None or base_id is None:
            return {}
        found = await self._database.read(
            lambda connection: following.settled_items(connection, base_id, earlier, source_keys)
        )
        return {item.source_key: item for item in found}

    async def mark_changed(self, found: Mapping[int, bool]) -> None:
        """Note folders of a run that one which follows it must list, each with whether all below it must be listed, too."""
        if found:
            await self._write(lambda connection: following.mark(connection, found))

    async def mark_unsettled(self, run_id: int) -> None:
        """Likewise those in which something is to be tried again."""
        await self._write(lambda connection: following.mark_unsettled(connection, run_id))

    async def mark_unsettled_sharing(self, run_id: int) -> None:
        """Likewise those in which permissions are to be tried again, or are open to too many."""
        await self._write(lambda connection: following.mark_unsettled_sharing(connection, run_id))

    async def with_lines(self, run_id: int, source_keys: Sequence[str]) -> set[str]:
        """Those of these entries about whose permissions a run has something to say."""
        return await self._database.read(
            lambda connection: following.with_lines(connection, run_id, source_keys)
        )

    async def mark_with_strangers(self, run_id: int) -> None:
        """Likewise those in which files of others were found that are the same as at the source."""
        await self._write(lambda connection: following.mark_with_strangers(connection, run_id))

    async def known_items(self, run_id: int, source_keys: Sequence[str]) -> dict[str, KnownItem]:
        """Items of a run, by source key."""
        return await self._database.read(
            lambda connection: following.known_items(connection, run_id, source_keys)
        )

    async def folders_by_source_id(self, run_id: int, ids: Sequence[str]) -> list[KnownFolder]:
        """Folders of a run that have these ids at the source."""
        return await self._database.read(
            lambda connection: following.folders_by_source_id(connection, run_id, ids)
        )

    async def folders_by_destination_id(self, run_id: int, ids: Sequence[str]) -> list[KnownFolder]:
        """Folders of a run that have these ids at the destination."""
        return await self._database.read(
            lambda connection: following.folders_by_destination_id(connection, run_id, ids)
        )

    async def folders_below(self, parents: Sequence[int]) -> list[KnownFolder]:
        """Folders that these of a run hold."""
        return await self._database.read(lambda connection: following.folders_below(connection, parents))

    async def folders_by_destination_key(
        self, places: Sequence[tuple[int, str]]
    ) -> list[tuple[KnownFolder, str]]:
        """Folders of a run, each given by the folder that holds it and its name's key at the destination; with that key."""
        return await self._database.read(
            lambda connection: following.folders_by_destination_key(connection, places)
        )

    async def page_of_folders(self, run_id: int, limit: int, *, after_id: int) -> list[KnownFolder]:
        """Folders of a run with ids above `after_id`, ascending."""
        return await self._database.read(
            lambda connection: following.page_of_folders(connection, run_id, limit, after_id)
        )

    async def arrived_as(self, destination_ids: Sequence[str]) -> list[Arrival]:
        """Arrivals that the destination knows by these ids."""
        return await self._database.read(
            lambda connection: arrivals.arrived_as(connection, self._pair, destination_ids)
        )

    async def carry(self, limit: int, note: str) -> tuple[int, list[Tally]]:
        """Take over what stands in folders that did not change; returns how many folders, and what stands in them.

        `note` is said of entries that have another name at the destination.
        """
        base_id = self._run.base_id
        if base_id is None or not self._run.carries:
            return 0, []
        now_ns = self._now_ns()
        return await self._write(
            lambda connection: carrying.carry(
                connection, self._run.id, base_id, limit=limit, note=note, now_ns=now_ns
            )
        )

    async def carry_kept_out(self, folder: FolderTask) -> list[Tally]:
        """Take over those items of a known folder that were kept out whatever the destination has, and count them."""
        now_ns = self._now_ns()
        return await self._write(
            lambda connection: carrying.carry_kept_out(connection, self._run.id, folder, now_ns)
        )

    async def known_entries(
        self, folder: FolderTask, limit: int, *, after_id: int
    ) -> tuple[list[Entry], int | None] | None:
        """Entries of a folder that did not change at the source, and where they go on; None if they are not kept any more."""
        earlier, base_id = folder.earlier_id, self._run.base_id
        if earlier is None or base_id is None:
            return None

        def work(connection: Connection) -> tuple[list[Entry], int | None] | None:
            found = following.entries_of(connection, earlier, limit, after_id)
            return found if following.is_there(connection, base_id) else None

        return await self._database.read(work)
