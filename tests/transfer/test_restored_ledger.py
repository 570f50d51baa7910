"""The ledger is put back as it was in the middle of a run, and the run goes on: nothing is sent twice, nothing is a stranger's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, update
from tests.database_url import fresh, on_sqlite
from tests.memory.service import DRIVE, PATHS, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.connectors.contract import Capabilities
from mover.database.backing_up import back_up
from mover.database.database import Database
from mover.ledger.states import Code, ItemState
from mover.ledger.tables import arrivals, items
from mover.transfer.options import Options

pytestmark = [
    pytest.mark.slow,
    pytest.mark.promise("P12", "availability"),
    pytest.mark.usefixtures("database_kind"),
    on_sqlite,  # a copy of its file is the shortest way back; what a run does with the past knows no database
]

FOLDERS, FILES = 3, 50
AT_ONCE = Options().files_at_once
LIKE_GOOGLE = replace(DRIVE, duplicate_names=True, exclusive_create=False)
SERVICES = pytest.mark.parametrize("capabilities", [DRIVE, LIKE_GOOGLE, PATHS], ids=["ids", "twins", "paths"])


@asynccontextmanager
async def interrupted_at(
    tmp_path: Path, capabilities: Capabilities, operation: str
) -> AsyncIterator[Workbench]:
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
@pytest.mark.parametrize("operation", ["upload", "list_folder", "create_folder"])
async def test_what_arrived_since_is_found_and_neither_sent_again_nor_a_conflict(
    tmp_path: Path, capabilities: Capabilities, operation: str
) -> None:
    async with interrupted_at(tmp_path, capabilities, operation) as bench:
        there = stood(bench)
        refused = bench.destination.calls["upload"]

        result = await bench.run()

        assert result.code in {Code.SUCCESS, Code.NOTHING_TO_COPY}, result
        assert stood(bench) == there
        assert (
            bench.destination.calls["upload"] - refused <= AT_ONCE
        )  # those that made it look for the others
        assert set((await bench.files(result.run)).values()) <= {ItemState.COPIED, ItemState.ALREADY_THERE}


async def test_a_stranger_s_file_stays_though_it_is_the_beginning_of_ours(tmp_path: Path) -> None:
    async with interrupted_at(tmp_path, DRIVE, "upload") as bench:
        bench.destination.change_file("/2/149", b"content 14")
        bench.destination.change_file("/1/148", b"")

        result = await bench.run()

        states = await bench.files(result.run)
        assert {path for path, state in states.items() if state is ItemState.CONFLICT} == {"/2/149", "/1/148"}
        found = bench.destination.tree()
        assert (found["/2/149"], found["/1/148"]) == (b"content 14", b"")


@pytest.mark.parametrize("capabilities", [DRIVE, PATHS], ids=["hashes", "paths"])
async def test_what_was_replaced_since_is_no_conflict(tmp_path: Path, capabilities: Capabilities) -> None:
    now, then = fresh(tmp_path / "now"), tmp_path / "then.db"
    async with workbench(tmp_path, destination=MemoryService(capabilities), url=now) as bench:
        bench.source.add_file("/changed", b"first")
        assert (await bench.run()).code is Code.SUCCESS
        await back_up(now, then)
        bench.source.change_file("/changed", b"other")
        assert (await bench.run()).code is Code.SUCCESS
        there, bench.database = bench.database, await Database.open(f"sqlite:///{then}")
        try:
            result = await bench.run()
            assert await bench.files(result.run) == {"/changed": ItemState.ALREADY_THERE}
            bench.source.change_file("/changed", b"third")
            result = await bench.run()
            assert await bench.files(result.run) == {"/changed": ItemState.REPLACED}
        finally:
            await bench.database.close()
            bench.database = there


async def test_what_a_standby_has_forgotten_while_the_run_goes_on_has_an_outcome_nevertheless(
    tmp_path: Path,
) -> None:
    async with workbench(tmp_path) as bench:
        for number in range(FILES):
            bench.source.add_file(f"/{number}", f"content {number}".encode())
        released = asyncio.Event()
        fault = bench.destination.faults.add("upload", f"/{FILES - 1}", stall=released)
        moving = asyncio.create_task(bench.run())
        await fault.reached.wait()

        def forget(connection: Connection) -> None:
            connection.execute(delete(arrivals))
            ended = items.c.state == ItemState.COPIED.value
            connection.execute(update(items).where(ended).values(state=ItemState.SENDING.value))
            begun = update(items).where(items.c.name.in_(["3", "5"]))
            connection.execute(begun.values(state=ItemState.PLANNED.value))

        async with asyncio.timeout(30):
            while ItemState.COPIED not in (await bench.files(1)).values():  # noqa: ASYNC110 - outcomes tell nobody
                await asyncio.sleep(0.01)
        await bench.database.write(forget)
        released.set()
        result = await moving

        assert result.totals.files_open == 0
        assert set((await bench.files(result.run)).values()) <= {ItemState.COPIED, ItemState.ALREADY_THERE}
        assert bench.destination.tree() == bench.source.tree()
        sent = bench.destination.calls["upload"]
        again = await bench.run()
        assert set((await bench.files(again.run)).values()) == {ItemState.UNCHANGED}
        assert bench.destination.calls["upload"] == sent


def stood(bench: Workbench) -> dict[str, str]:
    """What stands at the destination, and what is another thing once it is written anew. ValueError if there are twins."""
    at = bench.destination.nodes.at
    return {
        path: f"{node.id} {content!r}"
        for path, content in bench.destination.tree().items()
        if (node := at(path)) is not None
    }
