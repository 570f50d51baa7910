from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.memory.contents import pieces
from tests.memory.service import DRIVE, EPOCH_NS, MIB, NO_NAMES, SECOND_NS, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.errors import PermissionDenied, SignInFailed, Unreachable
from mover.ledger.states import Code, ItemState
from mover.transfer.options import ConflictRule

HASHLESS = replace(DRIVE, listed_hashes=NO_NAMES, returned_hashes=NO_NAMES)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Workbench]:
    async with workbench(tmp_path, MemoryService(versions=True), MemoryService(versions=True)) as made:
        yield made


def written(service: MemoryService, *contents: bytes, path: str = "/a") -> None:
    """Write a file again and again, a day apart."""
    for content in contents:
        node = service.nodes.at(path)
        day = 0 if node is None else len(node.earlier) + 1
        moment = EPOCH_NS + day * 86_400 * SECOND_NS
        if node is None:
            service.add_file(path, content, modified_ns=moment)
        else:
            service.change_file(path, content, modified_ns=moment)


def history(service: MemoryService, path: str = "/a") -> list[bytes]:
    node = service.nodes.at(path)
    assert node is not None
    return [
        b"".join(pieces(contents)) for contents in [*(one.contents for one in node.earlier), node.contents]
    ]


def times(service: MemoryService, path: str = "/a") -> list[int]:
    node = service.nodes.at(path)
    assert node is not None
    return [*(one.modified_ns for one in node.earlier), node.modified_ns]


async def test_the_last_versions_arrive_in_their_order_with_their_times(bench: Workbench) -> None:
    written(bench.source, b"one", b"two", b"three", b"four")

    result = await bench.run(versions=2)
    again = await bench.run(versions=2, full=True)

    assert history(bench.destination) == [b"two", b"three", b"four"]
    assert times(bench.destination) == times(bench.source)[1:]
    row = (await bench.rows(result.run))["/a"]
    assert (row["state"], row["message"], row["sent_bytes"]) == (
        ItemState.COPIED,
        "with 2 earlier versions",
        len(b"twothreefour"),
    )
    assert again.code is Code.NOTHING_TO_COPY


async def test_without_the_option_only_the_current_version_is_moved(bench: Workbench) -> None:
    written(bench.source, b"one", b"two")

    await bench.run()

    assert history(bench.destination) == [b"two"]
    assert bench.source.calls["versions"] == 0


async def test_a_later_run_adds_only_what_is_new(bench: Workbench) -> None:
    written(bench.source, b"one", b"two")
    await bench.run(versions=10)
    written(bench.source, b"three", b"four")

    result = await bench.run(versions=10)

    assert history(bench.destination) == [b"one", b"two", b"three", b"four"]
    assert await bench.files(result.run) == {"/a": ItemState.REPLACED}


async def test_a_version_that_the_source_no_longer_tells_of_is_not_brought_twice(bench: Workbench) -> None:
    written(bench.source, b"one", b"two")
    await bench.run(versions=10)
    written(bench.source, b"three", b"four")
    node = bench.source.nodes.at("/a")
    assert node is not None
    node.earlier = [one for one in node.earlier if one.contents.size == len(b"three")]

    await bench.run(versions=10)

    assert history(bench.destination) == [b"one", b"two", b"three", b"four"]


@pytest.mark.parametrize(
    ("capabilities", "after"), [(DRIVE, 0), (DRIVE, 1), (DRIVE, 3), (HASHLESS, 2), (HASHLESS, 3)]
)
async def test_an_interruption_doubles_no_version(tmp_path: Path, capabilities: object, after: int) -> None:
    services = [MemoryService(capabilities, versions=True) for _ in range(2)]  # type: ignore[arg-type]
    async with workbench(tmp_path, *services) as bench:
        written(bench.source, b"one", b"two", b"three", b"four")
        bench.destination.faults.add("upload", skip=after, error=SignInFailed("expired"))
        broken = await bench.run(versions=10)

        await bench.run(versions=10)

        assert broken.code is Code.SIGN_IN_FAILED
        assert history(bench.destination) == [b"one", b"two", b"three", b"four"]


@pytest.mark.parametrize("after", [0, 2, 3])
async def test_an_answer_that_is_lost_doubles_no_version(bench: Workbench, after: int) -> None:
    written(bench.source, b"one", b"two", b"three", b"four")
    bench.destination.faults.add("upload", skip=after, error=Unreachable("reset"), lose_answer=True)

    await bench.run(versions=10)

    assert history(bench.destination) == [b"one", b"two", b"three", b"four"]


async def test_each_version_is_verified(bench: Workbench) -> None:
    written(bench.source, b"one", b"two")
    bench.destination.faults.add("upload", corrupt_at=1)

    result = await bench.run(versions=10)

    row = (await bench.rows(result.run))["/a"]
    assert (row["state"], row["attempts"]) == (ItemState.REPLACED, 2)
    assert history(bench.destination)[-2:] == [b"one", b"two"]


async def test_a_version_that_the_source_does_not_hand_out_is_told_and_passed_over(bench: Workbench) -> None:
    written(bench.source, b"one", b"two", b"three")
    bench.source.faults.add("read_version", error=PermissionDenied("archived"), skip=1)

    result = await bench.run(versions=10)

    assert history(bench.destination) == [b"one", b"three"]
    message = str((await bench.rows(result.run))["/a"]["message"])
    assert "with 1 earlier versions; not all earlier versions:" in message
    assert "archived" in message


async def test_a_large_version_goes_in_parts(bench: Workbench) -> None:
    old = b"x" * (9 * MIB)
    written(bench.source, old, b"small now")

    await bench.run(versions=1)

    assert history(bench.destination) == [old, b"small now"]
    assert bench.destination.calls["finish"] == 1


@pytest.mark.parametrize("side", ["source", "destination"])
async def test_where_one_side_has_no_versions_the_current_one_is_moved(tmp_path: Path, side: str) -> None:
    services = MemoryService(versions=side != "source"), MemoryService(versions=side != "destination")
    async with workbench(tmp_path, *services) as bench:
        written(bench.source, b"one", b"two")

        await bench.run(versions=5)

        assert history(bench.destination) == [b"two"]


async def test_a_strangers_file_is_not_covered_with_versions(bench: Workbench) -> None:
    written(bench.source, b"one", b"two")
    bench.destination.add_file("/a", b"theirs")

    reported = await bench.run(versions=5)
    before = history(bench.destination)
    await bench.run(versions=5, conflict=ConflictRule.OVERWRITE)

    assert await bench.files(reported.run) == {"/a": ItemState.CONFLICT}
    assert before == [b"theirs"]
    assert history(bench.destination) == [b"theirs", b"one", b"two"]
