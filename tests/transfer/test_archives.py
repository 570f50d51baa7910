"""Runs that archive: one new ZIP archive a run, whole or not at all, with a row for each file of the source."""

from __future__ import annotations

import functools
import hashlib
import io
import shutil
import subprocess
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.memory.service import DRIVE, PATHS, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.archives.records import Limits
from mover.connectors.contract import PartRules
from mover.errors import (
    Changed,
    InvalidConfiguration,
    PermissionDenied,
    ServiceFault,
    SignInFailed,
    Unreachable,
)
from mover.ledger.states import Code, ItemState
from mover.transfer import run as running
from mover.transfer.archive import archiving
from mover.transfer.archive.archiving import Archiver
from mover.transfer.options import ConflictRule

MIB = 1 << 20
WHEN_NS = 1_600_000_001_000_000_000

pytestmark = [pytest.mark.promise("P3"), pytest.mark.promise("P4")]


SMALL_PARTS = PartRules(
    smallest=1, largest=MIB, most=10_000, preferred=250_000, parallel=True, worthwhile_from=0
)


@pytest.fixture(autouse=True)
def small_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts, and points to go on from, of files that are not large."""
    monkeypatch.setattr(running, "_LARGE_FROM", 1)
    monkeypatch.setattr(archiving, "Archiver", functools.partial(Archiver, marked=300_000))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Workbench]:
    async with workbench(tmp_path, destination=MemoryService(replace(DRIVE, parts=SMALL_PARTS))) as made:
        yield made


def noise(size: int, seed: str = "") -> bytes:
    return hashlib.shake_128(seed.encode()).digest(size)


def archives_in(service: MemoryService) -> dict[str, bytes]:
    return dict(service.tree())


def opened(content: bytes, folder: Path) -> dict[str, bytes]:
    """What an archive holds, as two programs that others wrote read it."""
    (folder / "it.zip").write_bytes(content)
    unzip = shutil.which("unzip")
    assert unzip is not None
    found = subprocess.run([unzip, "-t", folder / "it.zip"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert len(set(archive.namelist())) == len(archive.namelist())
        return {name: archive.read(name) for name in archive.namelist()}


def unpacked(content: bytes, folder: Path) -> Path:
    """The folder that Info-ZIP makes of an archive."""
    (folder / "it.zip").write_bytes(content)
    unzip = shutil.which("unzip")
    assert unzip is not None
    subprocess.run([unzip, "-q", folder / "it.zip", "-d", folder / "out"], check=True)
    return folder / "out"


def only_archive(bench: Workbench) -> tuple[str, dict[str, bytes]]:
    ((path, content),) = archives_in(bench.destination).items()
    return path, opened(content, bench.folder)


def fill(source: MemoryService) -> dict[str, bytes]:
    """Small, large, empty; returns what an archive of it holds."""
    files = {
        "a.txt": b"alpha",
        "nothing": b"",
        "deep/er/\N{SNOWMAN}.bin": noise(300_000, "snow"),
        "deep/large.bin": noise(2 * MIB + 17, "large"),
        "last.txt": b"omega",
    }
    for path, content in files.items():
        source.add_file(f"/{path}", content, modified_ns=WHEN_NS)
    source.add_folder("/empty", modified_ns=WHEN_NS)
    return {**files, "deep/": b"", "deep/er/": b"", "empty/": b""}


async def test_a_run_makes_one_archive_and_the_next_one_another(bench: Workbench) -> None:
    held = fill(bench.source)
    moments = iter(range(WHEN_NS, WHEN_NS + 10**15, 10**9))
    bench.now_ns = lambda: next(moments)
    result = await bench.run(archive=True)

    assert (result.code, result.finished) == (Code.SUCCESS, True)
    path, found = only_archive(bench)
    assert found == held
    rows = await bench.rows(result.run)
    large = rows["/deep/large.bin"]
    assert large["state"] == ItemState.COPIED
    assert large["content_hash"] == f"sha256:{hashlib.sha256(held['deep/large.bin']).hexdigest()}"
    assert large["message"] == f"archived in {path[1:]} as deep/large.bin"
    assert large["verification"] == "hash"
    assert {row["state"] for row in rows.values()} == {ItemState.COPIED, ItemState.CREATED}
    assert result.totals.files_moved == 5
    assert result.totals.files_open == 0

    again = await bench.run(archive=True)
    assert again.code is Code.SUCCESS
    assert len(archives_in(bench.destination)) == 2


async def test_times_and_utf8_names_are_kept(bench: Workbench) -> None:
    fill(bench.source)
    await bench.run(archive=True)
    (content,) = archives_in(bench.destination).values()
    folder = unpacked(content, bench.folder)
    assert (folder / "deep/large.bin").stat().st_mtime == WHEN_NS // 10**9
    assert (folder / "empty").is_dir()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert all(one.flag_bits & 0x800 for one in archive.infolist())


@pytest.mark.parametrize(
    ("path", "after"),
    [("/a.txt", None), ("/a.txt", 3), ("/deep/large.bin", None), ("/deep/large.bin", 600_000)],
)
async def test_a_file_that_cannot_be_read_is_told_and_left_out(
    bench: Workbench, path: str, after: int | None
) -> None:
    held = fill(bench.source)
    bench.source.faults.add("read", path, times=None, error=PermissionDenied("not yours"), after_bytes=after)
    result = await bench.run(archive=True)
    _, found = only_archive(bench)
    del held[path[1:]]
    assert found == held
    row = (await bench.rows(result.run))[path]
    assert (row["state"], row["reason"], row["side"]) == (ItemState.FAILED, "permission_denied", "source")
    assert "not yours" in row["message"]
    assert result.code is Code.SOME_DOWNLOADS_FAILED
    assert "without 1 that could not be read" in result.message


async def test_a_read_that_breaks_off_goes_on_where_it_was(bench: Workbench) -> None:
    held = fill(bench.source)
    bench.source.faults.add(
        "read", "/deep/large.bin", times=3, error=ServiceFault("torn"), after_bytes=700_000
    )
    bench.source.faults.add("read", "/a.txt", times=2, error=ServiceFault("torn"))
    result = await bench.run(archive=True)
    assert result.code is Code.SUCCESS
    assert only_archive(bench)[1] == held


async def test_a_small_file_that_changes_is_read_again_and_a_large_one_told(bench: Workbench) -> None:
    held = fill(bench.source)

    def change(path: str, content: bytes) -> None:
        bench.source.change_file(path, content)

    bench.source.faults.add("read", "/a.txt", action=lambda: change("/a.txt", b"ALP"))
    bench.source.faults.add("read", "/last.txt", action=lambda: change("/last.txt", b"longer than it was"))
    bench.source.faults.add("read", "/deep/large.bin", error=Changed("changed"), after_bytes=600_000)
    result = await bench.run(archive=True)
    _, found = only_archive(bench)
    held["a.txt"] = b"ALP"
    del held["last.txt"], held["deep/large.bin"]
    assert found == held
    states = await bench.files(result.run)
    assert states["/last.txt"] is states["/deep/large.bin"] is ItemState.FAILED
    assert states["/a.txt"] is ItemState.COPIED


@pytest.mark.promise("P12")
@pytest.mark.parametrize("sent", [0, 1, 6, 12])
async def test_a_run_that_ends_early_goes_on_with_the_same_archive(bench: Workbench, sent: int) -> None:
    held = fill(bench.source)
    bench.source.add_file("/zlarge", noise(MIB, "z"))
    held["zlarge"] = noise(MIB, "z")
    bench.destination.faults.add("send", times=None, skip=sent, error=SignInFailed("expired"))
    first = await bench.run(archive=True)
    assert not first.finished
    assert archives_in(bench.destination) == {}

    bench.destination.faults.clear()
    before, read = bench.destination.calls["send"], bench.source.calls["read"]
    second = await bench.run(archive=True)
    assert (second.run, second.code) == (first.run, Code.SUCCESS)
    assert only_archive(bench)[1] == held
    assert len(bench.destination.uploads) == 1
    assert bench.destination.calls["send"] - before <= 15 - sent
    if sent > 6:
        assert (
            bench.source.calls["read"] - read <= 2
        )  # the large file goes on in its middle, and what is behind it
    rows = await bench.rows(second.run)
    assert {row["state"] for row in rows.values()} <= {ItemState.COPIED, ItemState.CREATED}


async def test_documents_whose_size_nobody_tells_are_archived(bench: Workbench) -> None:
    held = {"a.docx": noise(1000), "large.docx": noise(MIB), "plain": b"x"}
    bench.source.add_native("/a.docx", lambda: held["a.docx"])
    bench.source.add_native("/large.docx", lambda: held["large.docx"])
    bench.source.add_native("/grows.docx", lambda: noise(100_000 * bench.source.calls["read"]))
    bench.source.add_file("/plain", b"x")
    result = await bench.run(archive=True)
    _, found = only_archive(bench)
    assert {name: content for name, content in found.items() if name != "grows.docx"} == held
    assert (await bench.files(result.run))["/plain"] is ItemState.COPIED


async def test_what_does_not_have_the_hash_that_the_source_published_is_not_archived(
    bench: Workbench,
) -> None:
    held = fill(bench.source)
    bench.source.faults.add("read", "/a.txt", corrupt_at=2)
    bench.source.faults.add("read", "/deep/large.bin", times=None, corrupt_at=MIB)
    result = await bench.run(archive=True)
    _, found = only_archive(bench)
    del held["deep/large.bin"]
    assert found == held
    assert (await bench.rows(result.run))["/deep/large.bin"]["reason"] == "hash_mismatch"


@pytest.mark.promise("P12")
async def test_what_changed_since_it_was_half_sent_is_left_out(bench: Workbench) -> None:
    held = fill(bench.source)
    bench.destination.faults.add("send", times=None, skip=4, error=SignInFailed("expired"))
    await bench.run(archive=True)
    bench.destination.faults.clear()
    bench.source.change_file("/deep/large.bin", noise(2 * MIB + 17, "other"))
    result = await bench.run(archive=True)
    _, found = only_archive(bench)
    del held["deep/large.bin"]
    assert found == held
    assert (await bench.files(result.run))["/deep/large.bin"] is ItemState.FAILED


@pytest.mark.promise("P12")
@pytest.mark.parametrize("operation", ["finish", "upload"])
async def test_an_archive_whose_answer_was_lost_is_recognised(
    bench: Workbench, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = {"small": b"x"}
    bench.source.add_file("/small", b"x")
    if operation == "upload":
        monkeypatch.setattr(running, "_LARGE_FROM", MIB)
    else:
        held = {**fill(bench.source), **held}
    bench.destination.faults.add(operation, error=SignInFailed("lost"), lose_answer=True)
    first = await bench.run(archive=True)
    assert not first.finished
    sent = bench.destination.calls["send"]
    second = await bench.run(archive=True)
    assert second.code is Code.SUCCESS
    assert only_archive(bench)[1] == held
    assert bench.destination.calls["send"] == sent
    assert (await bench.rows(second.run))["/small"]["verification"] == "read_back"


async def test_a_stranger_under_the_name_is_left_alone(bench: Workbench) -> None:
    fill(bench.source)
    bench.now_ns = lambda: WHEN_NS
    name = await planned_name(bench)
    bench.destination.add_file(name, b"somebody's")
    await bench.run(archive=True)
    assert bench.destination.tree()[name] == b"somebody's"
    assert len(archives_in(bench.destination)) == 2


async def planned_name(bench: Workbench) -> str:
    result = await bench.run(archive=True, dry_run=True)
    assert archives_in(bench.destination) == {}
    assert "would be archived into" in result.message
    return "/" + result.message.partition("into ")[2].partition(":")[0]


async def test_hostile_names_become_safe_ones_and_that_is_told(bench: Workbench) -> None:
    for name in ("..", ".", "a\\..\\..\\b", "bell\x07", "sl/ash", "plain"):
        bench.source.add_named("/", name, name.encode())
    bench.source.add_named("/", "C:evil", b"drive")
    result = await bench.run(archive=True)
    _, found = only_archive(bench)
    assert len(found) == 7
    for name in found:
        assert not name.startswith("/")
        assert not set(name) & set("\\\x07")
        assert not {"..", "."} & set(name.split("/"))
        assert name[1:2] != ":"
    told = {row["name"]: row["message"] for row in (await bench.rows(result.run)).values()}
    assert "renamed" in told[".."]
    assert "renamed" in told["a\\..\\..\\b"]


@pytest.mark.parametrize("limits", [Limits(size=200_000, count=5), Limits(size=1, count=1)])
async def test_zip64_where_it_is_needed(
    bench: Workbench, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "Archiver", functools.partial(Archiver, limits=limits, marked=300_000))
    held = fill(bench.source)
    bench.source.faults.add("read", "/a.txt", times=None, error=PermissionDenied("no"))
    await bench.run(archive=True)
    del held["a.txt"]
    assert only_archive(bench)[1] == held


async def test_where_files_have_a_limit_there_are_several_archives(tmp_path: Path) -> None:
    destination = MemoryService(replace(DRIVE, max_file_size=3 * MIB))
    async with workbench(tmp_path, destination=destination) as bench:
        held = fill(bench.source)
        bench.source.add_file("/too large", bytes(4 * MIB))
        bench.source.add_file("/more", noise(2 * MIB))
        held["more"] = noise(2 * MIB)
        result = await bench.run(archive=True)
        found: dict[str, bytes] = {}
        archives = archives_in(destination)
        for content in archives.values():
            assert len(content) <= 3 * MIB
            found |= opened(content, tmp_path)
        assert len(archives) > 1
        assert found == held
        assert all(path.endswith(f"-{n}.zip") for n, path in enumerate(sorted(archives), start=1))
        assert (await bench.rows(result.run))["/too large"]["reason"] == "too_large"


@pytest.mark.parametrize(
    "can",
    [
        PATHS,
        replace(PATHS, unknown_sizes=False),
        replace(
            DRIVE,
            parts=PartRules(
                smallest=MIB, largest=MIB, most=99, preferred=MIB, parallel=False, worthwhile_from=0
            ),
        ),
    ],
)
async def test_any_kind_of_destination_takes_it(tmp_path: Path, can: Any) -> None:
    async with workbench(tmp_path, MemoryService(PATHS), MemoryService(can)) as bench:
        held = fill(bench.source)
        bench.destination.faults.add("upload", error=Unreachable("away"), after_bytes=MIB)
        assert (await bench.run(archive=True)).code is Code.SUCCESS
        assert only_archive(bench)[1] == held


async def test_a_refused_archive_is_told_of_every_file_and_leaves_nothing(bench: Workbench) -> None:
    fill(bench.source)
    bench.destination.faults.add("finish", times=None, error=PermissionDenied("no more"))
    result = await bench.run(archive=True)
    assert (result.code, result.finished) == (Code.ALL_UPLOADS_FAILED, True)
    rows = await bench.rows(result.run)
    assert {row["state"] for row in rows.values()} == {ItemState.FAILED}
    assert bench.destination.uploads == {}
    assert archives_in(bench.destination) == {}


async def test_what_makes_no_sense_with_it_is_refused(bench: Workbench) -> None:
    for options in ({"versions": 3}, {"form": "age"}, {"conflict": ConflictRule.OVERWRITE}):
        with pytest.raises(InvalidConfiguration, match="plain copy"):
            await bench.run(archive=True, **options)
