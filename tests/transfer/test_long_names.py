"""Paths that are longer than an index of PostgreSQL takes; SQLite takes any."""

from __future__ import annotations

import random
from pathlib import Path

from tests.database_url import Kind, on_both
from tests.memory.service import PATHS, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.ledger.states import Code, ItemState

pytestmark = on_both

_rng = random.Random(3)
LONG_NAME = "".join(chr(_rng.randrange(0x4E00, 0x9FA5)) for _ in range(1_500))
FOLDERS = ["".join(chr(_rng.randrange(0x4E00, 0x9FA5)) for _ in range(200)) for _ in range(6)]


async def test_what_is_too_long_is_reported_and_the_rest_arrives(tmp_path: Path, database_kind: Kind) -> None:
    async with workbench(tmp_path, MemoryService(PATHS), MemoryService(PATHS)) as bench:
        bench.source.add_file("/short", b"x")
        bench.source.add_file(f"/{LONG_NAME}", b"x")
        bench.source.add_file("/" + "/".join(FOLDERS) + "/deep", b"x")

        first = await bench.run()
        second = await bench.run()

        if database_kind is Kind.SQLITE:
            assert bench.destination.tree() == bench.source.tree()
            assert (first.code, second.code) == (Code.SUCCESS, Code.NOTHING_TO_COPY)
        else:
            assert bench.destination.tree() == {"/short": b"x"}
            assert (first.code, second.code) == (Code.SOME_UPLOADS_FAILED, Code.ALL_UPLOADS_FAILED)
            assert await failed(bench, first.run) == {f"/{LONG_NAME}", "/" + "/".join(FOLDERS[:5])}


async def failed(bench: Workbench, run: int) -> set[str]:
    states = await bench.states(run)
    return {path for path, state in states.items() if state is ItemState.FAILED}
