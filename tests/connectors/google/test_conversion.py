"""Office files that become documents of Google's own, moved by the engine."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from simulators.faults import LoseAnswer
from simulators.front import RunningFront
from simulators.nodes import Node
from tests.contract import google as people
from tests.memory.service import MemoryService
from tests.transfer.uploading import upload_keys
from tests.transfer.workbench import NO_WAIT, Workbench, signed_in, workbench

from mover.connectors.paced import Paced
from mover.ledger.ledger import Ledger
from mover.ledger.states import Code, ItemState, RunMode, Verification
from mover.transfer.options import Options, VerifyLevel
from mover.transfer.progress import Progress
from mover.transfer.run import Engine, RunResult, run_pair
from mover.transfer.side import Side
from mover.transport.pacing import Pacer
from simulators.google import Google

pytestmark = pytest.mark.servers


def document(text: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as package:
        package.writestr("[Content_Types].xml", "<Types/>")
        package.writestr("word/document.xml", f"<w:document>{text}</w:document>")
    return written.getvalue()


@asynccontextmanager
async def converting(front: RunningFront) -> AsyncIterator[Paced]:
    made = people.connects(front, "google", people.single(front, convert=True))()
    paced = Paced(made, Pacer(4, 8), policy=NO_WAIT)
    await paced.sign_in()
    try:
        yield paced
    finally:
        await paced.close()


async def run(bench: Workbench, front: RunningFront, *, verify: VerifyLevel = VerifyLevel.AUTO) -> RunResult:
    engine = Engine(
        ledger=Ledger(bench.database), staging=bench.staging, staging_memory_bytes=16 << 20, retries=NO_WAIT
    )
    async with signed_in(bench.source) as one, converting(front) as other:
        return await run_pair(
            engine,
            Side("source:/", "one", one, "/"),
            Side("google:/My Drive", "other", other, "/My Drive"),
            RunMode.COPY,
            Options(verify=verify),
            Progress(),
            shown_options={},
            upload_keys=upload_keys(bench.database),
        )


async def test_they_are_moved_once_and_not_again(
    tmp_path: Path, simulators: RunningFront, google: Google
) -> None:
    async with workbench(tmp_path, MemoryService()) as bench:
        bench.source.add_file("/Plan.docx", document("one"))
        result = await run(bench, simulators)
        rows = await bench.rows(result.run)
        assert result.code is Code.SUCCESS
        assert rows["/Plan.docx"]["verification"] == Verification.ALTERED
        google.tally.clear()
        again = await run(bench, simulators)
        assert again.code is Code.NOTHING_TO_COPY
        assert await bench.files(again.run) == {"/Plan.docx": ItemState.UNCHANGED}


async def test_what_changed_is_put_over_the_document_and_an_edit_there_is_left_alone(
    tmp_path: Path, simulators: RunningFront, google: Google
) -> None:
    async with workbench(tmp_path, MemoryService()) as bench:
        bench.source.add_file("/Plan.docx", document("one"))
        await run(bench, simulators)
        bench.source.change_file("/Plan.docx", document("two, longer"))
        replaced = await run(bench, simulators)
        assert await bench.files(replaced.run) == {"/Plan.docx": ItemState.REPLACED}
        [node] = [each for each in google.drive_of(people.ALICE).nodes.values() if each.name == "Plan"]
        simulators.inside(lambda: google.drive_of(people.ALICE).touch(_edited(node)))
        left = await run(bench, simulators)
        assert await bench.files(left.run) == {"/Plan.docx": ItemState.LEFT_ALONE}


def _edited(node: Node) -> Node:
    node.modified_ns += 60_000_000_000
    return node


@pytest.mark.parametrize("size", [0, 9 << 20], ids=["small", "large"])
async def test_one_whose_answer_is_lost_is_found_and_made_once(
    tmp_path: Path, simulators: RunningFront, google: Google, size: int
) -> None:
    async with workbench(tmp_path, MemoryService()) as bench:
        bench.source.add_file("/Plan.docx", document("x" * size))
        google.faults.add(LoseAnswer(), method="PUT" if size else "POST", path="/upload/")
        result = await run(bench, simulators)
        rows = await bench.rows(result.run)
        assert rows["/Plan.docx"]["state"] == ItemState.COPIED, rows
        found = [each for each in google.drive_of(people.ALICE).nodes.values() if each.name == "Plan"]
        assert len(found) == 1


@pytest.mark.usefixtures("google")
async def test_who_asks_for_proof_is_told_that_there_is_none(
    tmp_path: Path, simulators: RunningFront
) -> None:
    async with workbench(tmp_path, MemoryService()) as bench:
        bench.source.add_file("/Plan.docx", document("one"))
        result = await run(bench, simulators, verify=VerifyLevel.READBACK)
        rows = await bench.rows(result.run)
        assert rows["/Plan.docx"]["state"] == ItemState.FAILED
        assert "documents of its own" in rows["/Plan.docx"]["message"]
