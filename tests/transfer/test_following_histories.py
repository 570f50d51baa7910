"""Any history of edits on both sides: runs that follow change feeds end as those that list everything."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.memory.service import CASELESS_DRIVE, DRIVE, PATHS, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.connectors.contract import Capabilities
from mover.ledger.ledger import Ledger
from mover.ledger.states import ItemState
from mover.reports.summary import summary
from mover.transfer.filters import Filters

pytestmark = pytest.mark.promise("P4", "P12")

FOLDERS = ("/pair/a", "/pair/b", "/pair/a/in", "/pair/b/keep out", "/other", "/other/deep")
NAMES = ("x", "X", "y.tmp")
FILTERS = Filters.build(exclude=["keep out/", "*.tmp"])

folder = st.sampled_from(FOLDERS)
path = st.builds("{}/{}".format, folder, st.sampled_from(NAMES))
content = st.sampled_from([b"", b"one", b"two", b"one and more"])
at_source = (
    st.tuples(st.just("write"), path, content)
    | st.tuples(st.just("move"), path | folder, path | folder)
    | st.tuples(st.just("remove"), path | folder, st.none())
    | st.tuples(st.just("folder"), folder, st.none())
)
at_destination = (
    st.tuples(st.just("write there"), path, content)
    | st.tuples(st.just("move there"), path | folder, path | folder)
    | st.tuples(st.just("remove there"), path | folder, st.none())
)
feeds = st.tuples(
    st.just("feed"), st.sampled_from(["shuffled", "repeated", "too old", "too old there"]), st.none()
)
steps = st.lists(at_source | at_source | at_destination | feeds, min_size=1, max_size=6)
rounds = st.lists(st.tuples(steps, st.sampled_from(["all", "all", "some"])), min_size=2, max_size=4)
STILL = tuple(f"/still {number}" for number in range(9))
"""Folders in which nothing happens, so that there are enough of them for a cursor of the destination."""


class Kind(NamedTuple):
    """The two services of a history, and below which folder others stand in which nothing happens."""

    destination: Capabilities
    feed_there: bool = True
    source: Capabilities = DRIVE
    feed: bool = True
    still: str | None = None


kinds = st.sampled_from(
    [Kind(DRIVE), Kind(DRIVE), Kind(CASELESS_DRIVE), Kind(PATHS, feed_there=False)]
) | st.builds(
    Kind,
    st.sampled_from([DRIVE, CASELESS_DRIVE]),
    st.just(value=True),
    st.sampled_from([PATHS, PATHS, DRIVE]),
    st.just(value=False),
    st.sampled_from(["/pair", "/pair/a", "/pair/b"]),
)


told: dict[int, int] = {}
"""How long each feed was at the end of the last run."""


def telling(bench: Workbench) -> MemoryService:
    """The service whose feed is disturbed: the source's, if it has one."""
    return bench.source if bench.source.change_feed else bench.destination


def act(bench: Workbench, step: tuple[Any, ...]) -> None:
    what, one, two = step
    service = bench.source
    if what.endswith(" there"):
        service, what = bench.destination, what.removesuffix(" there")
        one = one.replace("/pair", "", 1)
        two = two.replace("/pair", "", 1) if isinstance(two, str) else two
        if one.startswith("/other"):
            return
    with contextlib.suppress(KeyError, AssertionError):
        match what:
            case "write":
                write(service, one, two)
            case "move":
                move(service, one, two)
            case "remove":
                if one:
                    service.remove(one)
            case "folder":
                service.add_folder(one)
            case "feed":
                disturb(bench, one)


def write(service: MemoryService, path: str, data: bytes) -> None:
    node = service.nodes.at(path)
    above = service.nodes.at(path.rpartition("/")[0])
    if node is not None and path in service.tree():
        service.change_file(path, data)
    elif node is None and above is not None:
        service.add_file(path, data)


def move(service: MemoryService, path: str, new: str) -> None:
    free = service.nodes.at(new) is None and service.nodes.at(new.rpartition("/")[0]) is not None
    if free and path and not f"{new}/".startswith(f"{path}/"):
        service.move(path, new)


def disturb(bench: Workbench, how: str) -> None:
    """Let a feed tell what happened since the last run in another order, or twice, or not at all."""
    nodes = telling(bench).nodes
    lines = nodes.changed
    match how:
        case "repeated":
            lines += lines[nodes.oldest_cursor :][-3:]
        case "shuffled":
            start = told[id(bench)]
            lines[start:] = random.Random(len(lines)).sample(lines[start:], len(lines) - start)
        case "too old":
            bench.source.forget_changes()
        case _:
            bench.destination.forget_changes()


async def outcome(
    bench: Workbench, what: str, *, full: bool
) -> tuple[dict[str, ItemState], dict[str, bytes]]:
    """Run, and tell what became of everything."""
    filters = FILTERS if what == "some" else Filters.build()
    result = await bench.run(source_root="/pair", full=full, filters=filters)
    told[id(bench)] = len(telling(bench).nodes.changed)
    assert (await summary(Ledger(bench.database), result.run)).discrepancies == ()
    return await bench.states(result.run), dict(sorted(bench.destination.files()))


async def live(kind: Kind, story: list[tuple[list[tuple[Any, ...]], str]]) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        sources = [MemoryService(kind.source, change_feed=kind.feed) for _ in range(2)]
        services = [MemoryService(kind.destination, change_feed=kind.feed_there) for _ in range(2)]
        async with (
            workbench(Path(one), sources[0], services[0]) as following,
            workbench(Path(other), sources[1], services[1]) as listing,
        ):
            for bench in (following, listing):
                for name in STILL if kind.still is not None else ():
                    bench.source.add_folder(f"{kind.still}{name}")
                for path in FOLDERS[:4]:
                    bench.source.add_file(f"{path}/x", path.encode())
            for made, what in [([], "all"), *story]:
                for bench in (following, listing):
                    for step in made:
                        act(bench, step)
                assert await outcome(following, what, full=False) == await outcome(listing, what, full=True)


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(kinds, rounds)
def test_runs_that_follow_feeds_end_as_those_that_list_everything(
    kind: Kind, story: list[tuple[list[tuple[Any, ...]], str]]
) -> None:
    asyncio.run(live(kind, story))
