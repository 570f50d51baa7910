"""All that stands below the source's root, where its service tells it at once. Part of `RunLedger`.

begin ─► keep, page by page ─┬─► complete ─► place_of, entries: folder by folder ─► dropped with each that was scanned
└─► given up: all folders are listed by the service
"""

from __future__ import annotations

from collections.abc import Sequence

from mover.connectors.contract import TreeLine
from mover.database.database import Database
from mover.entries import Entry
from mover.ledger.queries import trees
from mover.ledger.records import FolderTask, Pair, Run, TreeReading
from mover.ledger.sharing import InTurn


class TreeLedger:
    """What one run was told.

    Attributes:
        is_complete: All was told, and the run's folders are taken from it.
    """

    def __init__(self, database: Database, pair: Pair, run: Run, write: InTurn) -> None:
        self._database = database
        self._pair = pair
        self._run = run
        self._write = write
        self.is_complete = False

    async def begin(self, root_id: str | None) -> TreeReading | None:
        """How far this run has come, in this process or an earlier one; None: it lists folders already, without it."""
        reading = await self._write(
            lambda connection: trees.begin(connection, self._run.id, self._pair.id, root_id)
        )
        self.is_complete = reading is not None and reading.feed is not None
        return reading

    async def keep(self, lines: Sequence[TreeLine], cursor: str) -> None:
        """Keep a page, and how far it goes."""
        await self._write(lambda connection: trees.keep(connection, self._run.id, lines, cursor))

    async def restart(self, root_id: str | None) -> None:
        """Read it from the beginning."""
        await self._write(lambda connection: trees.restart(connection, self._run.id, root_id))

    async def complete(self, feed: str) -> None:
        """Note that all was told; `feed` is the cursor of the change feed that goes on from it."""
        await self._write(lambda connection: trees.complete(connection, self._run.id, feed))
        self.is_complete = True

    async def give_up(self) -> None:
        """Forget what was told, and have all folders listed."""
        await self._write(lambda connection: trees.give_up(connection, self._run.id))

    async def place_of(self, folder: FolderTask) -> str | None:
        """Where all that stands in a folder is kept; None: the service has to list it."""
        if not self.is_complete:
            return None
        return await self._database.read(lambda connection: trees.place_of(connection, self._run.id, folder))

    async def entries(self, place: str, limit: int, *, after: str) -> tuple[list[Entry], str | None]:
        """Entries that stand in the folder at a place, and after which one they go on; None: nowhere."""
        return await self._database.read(
            lambda connection: trees.entries_at(connection, self._run.id, place, limit, after)
        )
