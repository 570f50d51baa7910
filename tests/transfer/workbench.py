"""An engine on a throwaway ledger, and two in-memory services to run it between."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from tests.database_url import fresh
from tests.memory.service import MemoryService
from tests.transfer.uploading import upload_keys

from mover.connectors.paced import Paced
from mover.database.database import Database
from mover.entries import EntryKind
from mover.ledger.ledger import Ledger
from mover.ledger.states import ItemState, RunMode
from mover.ledger.tables import folders, items
from mover.staging import Staging
from mover.transfer.options import Options
from mover.transfer.progress import Progress
from mover.transfer.run import Engine, RunResult, run_pair
from mover.transfer.side import Side
from mover.transport.pacing import Pacer
from mover.transport.retries import RetryPolicy

MEMORY_BYTES = 16 << 20
NO_WAIT = RetryPolicy(attempts=3, first_s=0.0, cap_s=0.0)


@dataclass
class Workbench:
    """Everything a run needs, and short ways to look at what it left."""

    folder: Path
    database: Database
    source: MemoryService
    destination: MemoryService
    staging: Staging
    progress: Progress = field(default_factory=Progress)
    now_ns: Callable[[], int] = time.time_ns
    who: str = ""
    retries: RetryPolicy = NO_WAIT

    async def run(
        self,
        mode: RunMode = RunMode.COPY,
        *,
        source_root: str = "/",
        destination_root: str = "/",
        **options: Any,
    ) -> RunResult:
        """Run the pair once, as a new process would."""
        self.progress = Progress()
        engine = Engine(
            ledger=Ledger(self.database),
            staging=self.staging,
            staging_memory_bytes=MEMORY_BYTES,
            retries=self.retries,
            now_ns=self.now_ns,
        )
        async with signed_in(self.source) as one, signed_in(self.destination) as other:
            return await run_pair(
                engine,
                Side("source:" + source_root, "one", one, source_root, who=self.who),
                Side("destination:" + destination_root, "other", other, destination_root),
                mode,
                Options(**options),
                self.progress,
                shown_options={},
                upload_keys=upload_keys(self.database),
            )

    async def states(self, run: int) -> dict[str, ItemState]:
        """State of each file and folder of a run, by path."""
        return {path: ItemState(row["state"]) for path, row in (await self.rows(run)).items()}

    async def rows(self, run: int) -> dict[str, dict[str, Any]]:
        """Items of a run, by path."""
        query = select(items, folders.c.path).join(folders, folders.c.id == items.c.folder_id)
        found = await self.database.read(
            lambda connection: connection.execute(query.where(items.c.run_id == run)).mappings().all()
        )
        return {f"{row['path'].rstrip('/')}/{row['name']}": dict(row) for row in found}

    async def files(self, run: int) -> dict[str, ItemState]:
        """State of each file of a run, by path."""
        rows = await self.rows(run)
        return {
            path: ItemState(row["state"]) for path, row in rows.items() if row["kind"] != EntryKind.FOLDER
        }


@asynccontextmanager
async def signed_in(service: MemoryService) -> AsyncIterator[Paced]:
    """A paced connector of a service."""
    connector = service.connector()
    await connector.sign_in()
    pacer = Pacer(*connector.capabilities.concurrency)
    paced = Paced(connector, pacer, policy=NO_WAIT)
    try:
        yield paced
    finally:
        await paced.close()


@asynccontextmanager
async def workbench(
    folder: Path,
    source: MemoryService | None = None,
    destination: MemoryService | None = None,
    *,
    url: str | None = None,
) -> AsyncIterator[Workbench]:
    """Set up; the two services default to drives with ids, the database to a fresh one."""
    database = await Database.open(url or fresh(folder / "ledger"))
    staging = Staging(folder / "staging", memory_bytes=MEMORY_BYTES, disk_bytes=1 << 30)
    await staging.open()
    try:
        yield Workbench(folder, database, source or MemoryService(), destination or MemoryService(), staging)
    finally:
        await staging.close()
        await database.close()
