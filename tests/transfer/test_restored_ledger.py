"""The ledger is put back as it was in the middle of a run, and the run goes on: nothing is sent twice, nothing is a stranger's."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.database_url import fresh, on_sqlite
from tests.memory.faults import Fault
from tests.memory.service import DRIVE, PATHS, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.connectors.contract import Capabilities
from mover.database.backing_up import back_up
from mover.database.database import Database
from mover.ledger.states import Code, ItemState

pytestmark = [
    pytest.mark.promise("P12", "availability"),
    pytest.mark.usefixtures("database_kind"),
    on_sqlite,  # a copy of its file is the shortest way back; what a run does with the past knows no database
]

FOLDERS, FILES = 3, 50
LIKE_GOOGLE = replace(DRIVE, duplicate_names=True, exclusive_create=False)
SERVICES = pytest.mark.parametrize("capabilities", [DRIVE, LIKE_GOOGLE, PATHS], ids=["ids", "twins", "paths"])


@asynccontextmanager
async def interrupted_at(tmp_path: Path, capabilities: Capabilities, operation: str) -> AsyncIterator[Workbench]:
    """A run that has ended well, in front of a ledger that knows only of its beginning: up to the first such call."""
    now, then = fresh(tmp_path / "now"), tmp_path / "then.db"
    async with workbench(tmp_path, destination=MemoryService(capabilities), url=now) as bench:
        for number in range(FOLDERS * FILES):
            bench.source.add_file(f"/{number % FOLDERS}/{number}", f"content {number}".encode())
        released = asyncio.Event()
        side = bench.source if operation == "list_folder" else bench.destination
        fault = side.faults.add(operation, skip=2, stall=released)
        moving = asyncio.create_task(bench.run())
        await fault.reached.wait()
        await back_up(now, then)
        released.set()
        assert (await moving).code is Code.SUCCESS
        assert bench.destination.tree() == bench.source.tree()
        there, bench.database = bench.database, await Database.open(f"sqlite:///{then}")
        try:
            yield bench
        finally:
            await bench.database.close()
            bench.database = there


@SERVICES
@pytest.mark.parametrize("operation", ["upload", "list_folder"])
async def test_what_arrived_since_is_found_and_neither_sent_again_nor_a_conflict(
    tmp_path: Path, capabilities: Capabilities, operation: str
) -> None:
    async with interrupted_at(tmp_path, capabilities, operation) as bench:
        sent = bench.destination.calls["upload"]

        result = await bench.run()

        assert result.code in {Code.SUCCESS, Code.NOTHING_TO_COPY}, result
        assert bench.destination.tree() == bench.source.tree()  # which raises if there are twins
        assert bench.destination.calls["upload"] == sent
        assert set((await bench.files(result.run)).values()) <= {ItemState.COPIED, ItemState.ALREADY_THERE}
