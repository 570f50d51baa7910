"""Sources and destinations whose files tell neither size nor version, take only their own kind, and refer to each other."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.memory.service import DRIVE, PATHS, TABLES, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.errors import MissingDependency, Reason, Unsupported
from mover.ledger.states import Code, ItemState, RunMode, Verification
from mover.transfer.options import ConflictRule, VerifyLevel

MIB = 1 << 20
LARGE = bytes(range(256)) * (5 * MIB // 256)


@pytest.fixture(
    params=[DRIVE, PATHS, replace(DRIVE, range_reads=False), TABLES],
    ids=["parts", "stream", "no-ranges", "tables"],
)
async def dumping(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Workbench]:
    """From a database to each kind of destination."""
    async with workbench(tmp_path, MemoryService(TABLES), MemoryService(request.param)) as made:
        yield made


@pytest.fixture
async def restoring(tmp_path: Path) -> AsyncIterator[Workbench]:
    """From a drive to a database."""
    async with workbench(tmp_path, MemoryService(DRIVE), MemoryService(TABLES)) as made:
        yield made


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


async def test_files_without_a_size_arrive_whole_and_are_reported_with_their_hash(dumping: Workbench) -> None:
    dumping.source.add_file("/small.sql", b"small")
    dumping.source.add_file("/large.sql", LARGE)

    result = await dumping.run()

    assert result.code is Code.SUCCESS
    assert dumping.destination.tree() == {"/small.sql": b"small", "/large.sql": LARGE}
    rows = await dumping.rows(result.run)
    assert rows["/large.sql"]["content_hash"] == digest(LARGE)
    assert rows["/small.sql"]["content_hash"] == digest(b"small")


async def test_small_file_without_a_size_is_sent_in_one_call_even_to_where_sizes_must_be_known(
    tmp_path: Path,
) -> None:
    picky = MemoryService(replace(DRIVE, unknown_sizes=False, parts=None))
    async with workbench(tmp_path, MemoryService(TABLES), picky) as bench:
        bench.source.add_file("/small.sql", b"small")
        bench.source.add_file("/almost.sql", bytes(MIB))
        bench.source.add_file("/large.sql", bytes(MIB + 1))
        result = await bench.run()
        states = await bench.files(result.run)
        assert states == {
            "/small.sql": ItemState.COPIED,
            "/almost.sql": ItemState.COPIED,
            "/large.sql": ItemState.UNSUPPORTED,
        }
        assert bench.destination.calls["upload"] == 2


async def test_next_run_reads_again_and_sends_only_what_changed(dumping: Workbench) -> None:
    dumping.source.add_file("/same.sql", LARGE)
    dumping.source.add_file("/other.sql", b"first")
    await dumping.run()
    dumping.source.change_file("/other.sql", b"other")
    sent = dumping.destination.calls["upload"] + dumping.destination.calls["send"]

    result = await dumping.run()

    states = await dumping.files(result.run)
    assert states["/same.sql"] in {ItemState.UNCHANGED, ItemState.ALREADY_THERE}
    assert states["/other.sql"] is ItemState.REPLACED
    assert dumping.destination.calls["upload"] + dumping.destination.calls["send"] == sent + 1
    assert dumping.destination.tree() == {"/same.sql": LARGE, "/other.sql": b"other"}
    rows = await dumping.rows(result.run)
    assert rows["/same.sql"]["content_hash"] == digest(LARGE)


async def test_destination_that_tells_versions_is_not_read_again_for_what_is_unchanged(
    tmp_path: Path,
) -> None:
    async with workbench(tmp_path, MemoryService(TABLES), MemoryService(DRIVE)) as bench:
        bench.source.add_file("/same.sql", LARGE)
        await bench.run()
        before = bench.destination.calls["read"]

        result = await bench.run()

        assert bench.destination.calls["read"] == before
        rows = await bench.rows(result.run)
        assert rows["/same.sql"]["verification"] == Verification.EARLIER


async def test_verifying_does_not_take_an_earlier_runs_word(tmp_path: Path) -> None:
    async with workbench(tmp_path, MemoryService(TABLES), MemoryService(DRIVE)) as bench:
        bench.source.add_file("/a.sql", LARGE)
        await bench.run()
        before = bench.destination.calls["read"]
        await bench.run(RunMode.VERIFY)
        assert bench.destination.calls["read"] > before


@pytest.mark.promise("P4")
async def test_table_that_was_edited_at_the_destination_is_a_conflict(restoring: Workbench) -> None:
    restoring.source.add_file("/a.sql", b"first")
    restoring.source.add_file("/b.sql", b"first")
    await restoring.run()
    for path in ("/a.sql", "/b.sql"):
        restoring.source.change_file(path, b"second")
    restoring.destination.change_file("/a.sql", b"somebody's")

    result = await restoring.run()

    states = await restoring.files(result.run)
    assert states == {"/a.sql": ItemState.CONFLICT, "/b.sql": ItemState.REPLACED}
    assert restoring.destination.tree() == {"/a.sql": b"somebody's", "/b.sql": b"second"}
    await restoring.run(conflict=ConflictRule.OVERWRITE)
    assert restoring.destination.tree()["/a.sql"] == b"second"


async def test_unchanged_source_leaves_the_destination_unread(restoring: Workbench) -> None:
    restoring.source.add_file("/a.sql", b"first")
    await restoring.run()
    before = restoring.destination.calls["read"]
    result = await restoring.run()
    assert (await restoring.files(result.run))["/a.sql"] is ItemState.UNCHANGED
    assert restoring.destination.calls["read"] == before


async def test_size_alone_is_no_proof_where_there_are_no_sizes(restoring: Workbench) -> None:
    restoring.source.add_file("/a.sql", b"first")
    restoring.source.add_file("/large.sql", LARGE * 2)
    result = await restoring.run(verify=VerifyLevel.SIZE)
    rows = await restoring.rows(result.run)
    assert {row["verification"] for row in rows.values()} == {Verification.READ_BACK}


async def test_files_of_another_kind_are_unsupported_and_cost_no_call(restoring: Workbench) -> None:
    restoring.source.add_file("/holiday.jpg", b"x")
    restoring.source.add_file("/folder/readme", b"x")

    result = await restoring.run()

    assert set((await restoring.files(result.run)).values()) == {ItemState.UNSUPPORTED}
    rows = await restoring.rows(result.run)
    assert "takes only dumps (*.sql)" in rows["/holiday.jpg"]["message"]
    assert rows["/holiday.jpg"]["reason"] == Reason.UNSUPPORTED_TYPE
    assert restoring.source.calls["read"] == restoring.destination.calls["upload"] == 0
    assert result.code is Code.UNSUPPORTED_NOT_MOVED  # a folder was created


async def test_run_of_nothing_but_what_the_destination_does_not_take_says_so(restoring: Workbench) -> None:
    restoring.source.add_file("/holiday.jpg", b"x")
    restoring.source.add_file("/fake.sql", b"no dump")
    restoring.destination.faults.add("upload", "/fake.sql", times=None, error=Unsupported("it is not a dump"))

    result = await restoring.run()

    assert result.code is Code.UNSUPPORTED_BY_DESTINATION
    rows = await restoring.rows(result.run)
    assert rows["/fake.sql"]["state"] == ItemState.UNSUPPORTED
    assert rows["/fake.sql"]["attempts"] == 1
    restoring.source.add_file("/good.sql", b"dump")
    assert (await restoring.run()).code is Code.UNSUPPORTED_NOT_MOVED


async def test_folder_that_cannot_be_made_there_is_unsupported(restoring: Workbench) -> None:
    restoring.source.add_file("/a/b.sql", b"x")
    restoring.destination.faults.add(
        "create_folder", "/a", times=None, error=Unsupported("no folders in here")
    )
    result = await restoring.run()
    assert (await restoring.states(result.run))["/a"] is ItemState.UNSUPPORTED
    assert result.code is Code.UNSUPPORTED_BY_DESTINATION


async def test_file_that_refers_to_others_is_moved_after_them_however_long_the_chain(
    restoring: Workbench,
) -> None:
    """Each of these wants the next one to be there."""
    files = [f"/{n}.sql" for n in range(8)]
    for n, path in enumerate(files):
        restoring.source.add_file(path, b"x")
        wanted = files[n + 1] if n + 1 < len(files) else None
        if wanted:
            _refuse_until(restoring.destination, path, wanted)

    result = await restoring.run()

    assert result.code is Code.SUCCESS
    assert set(restoring.destination.tree()) == set(files)


async def test_file_whose_reference_never_comes_fails_with_that_reason(restoring: Workbench) -> None:
    restoring.source.add_file("/a.sql", b"x")
    restoring.source.add_file("/b.sql", b"x")
    restoring.destination.faults.add(
        "upload", "/a.sql", times=None, error=MissingDependency("it refers to c")
    )

    result = await restoring.run()

    assert result.code is Code.SOME_UPLOADS_FAILED
    rows = await restoring.rows(result.run)
    assert (rows["/a.sql"]["state"], rows["/a.sql"]["reason"]) == (
        ItemState.FAILED,
        Reason.MISSING_DEPENDENCY,
    )
    assert rows["/b.sql"]["state"] == ItemState.COPIED


def _refuse_until(service: MemoryService, path: str, wanted: str) -> None:
    fault = service.faults.add("upload", path, times=None, error=MissingDependency(f"it refers to {wanted}"))

    def look() -> None:
        if wanted in service.tree():
            fault.error = None

    fault.action = look
