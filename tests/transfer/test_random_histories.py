"""Any sequence of edits on both sides, faults and cancellations: what must hold whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.memory.service import CASELESS_DRIVE, DRIVE, EPOCH_NS, PATHS, SECOND_NS, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.connectors.contract import Capabilities
from mover.errors import MoverError, Throttled, Unreachable
from mover.ledger.ledger import Ledger
from mover.ledger.states import PROBLEMS, ItemState
from mover.reports.summary import summary

pytestmark = pytest.mark.promise("P3", "P4", "P12")

NAMES = ("a", "A", "d/a")
CONTENTS = (b"", b"one", b"two", b"one and more", b"x" * 5_000)
FAULTY = ("read", "upload", "list_folder", "create_folder", "look_up", "refresh", "rename", "set_modified")

name = st.sampled_from([f"/{name}" for name in NAMES])
content = st.sampled_from(CONTENTS)
write = st.tuples(st.sampled_from(["source", "stranger"]), name, content)
other = (
    st.tuples(st.just("move"), name, name)
    | st.tuples(st.just("remove"), name, name)
    | st.tuples(st.just("gone there"), name | st.just("/d"), name)
)
fault = st.tuples(
    st.sampled_from(["source", "destination"]),
    st.sampled_from(FAULTY),
    st.sampled_from(["before", "lost", "corrupt", "midway"]),
    st.integers(0, 3),
)
edits = st.lists(write | write | other, min_size=1, max_size=5)
run = st.tuples(st.just("run"), st.lists(fault, max_size=2), st.none() | st.none() | st.integers(1, 200))
rounds = st.lists(st.tuples(edits, run), min_size=2, max_size=4)
kinds = st.sampled_from(
    [(DRIVE, DRIVE), (PATHS, PATHS), (DRIVE, PATHS), (PATHS, DRIVE), (DRIVE, CASELESS_DRIVE)]
)


@dataclass
class Story:
    """Both sides, and what is known to be somebody else's at the destination."""

    bench: Workbench
    strangers: dict[str, bytes] = field(default_factory=dict)

    async def step(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("source" | "stranger" as side, path, data):
                self.write(side, path, data)
            case ("move", path, new):
                self.move(path, new)
            case ("remove", path, _):
                self.remove(path)
            case ("gone there", path, _):
                self.gone_there(path)
            case ("run", faults, turns):
                await self.run(faults, turns)

    def write(self, side: str, path: str, data: bytes) -> None:
        service = self.bench.source if side == "source" else self.bench.destination
        with contextlib.suppress(KeyError, AssertionError):
            if side == "stranger" and service.tree().get(path) == data:
                return  # nobody can tell that from what stands there
            if path in service.tree():
                service.change_file(path, data)
            elif service.nodes.at(path) is None:
                service.add_file(path, data)
            else:
                return
            node = service.nodes.at(path)
            if side == "stranger" and node is not None:
                self.strangers[service.nodes.path(node)] = data

    def move(self, path: str, new: str) -> None:
        source = self.bench.source
        if path in source.tree() and source.nodes.at(new) is None:
            source.move(path, new)

    def remove(self, path: str) -> None:
        if path in self.bench.source.tree():
            self.bench.source.remove(path)

    def gone_there(self, path: str) -> None:
        """Somebody removes a file or a folder at the destination."""
        destination = self.bench.destination
        node = destination.nodes.at(path)
        if node is not None:
            gone = {destination.nodes.path(one) for one in (node, *destination.nodes.walk(node))}
            destination.remove(path)
            self.strangers = {path: data for path, data in self.strangers.items() if path not in gone}

    async def run(self, faults: list[tuple[str, str, str, int]], turns: int | None) -> int | None:
        """Run with these faults, cancelled after so many turns of the loop; returns the number of a whole run."""
        for side, operation, kind, skip in faults:
            service = self.bench.source if side == "source" else self.bench.destination
            if kind == "corrupt" and side == "source" and not service.capabilities.listed_hashes:
                continue  # what a source without hashes itself delivers is its word: nobody could notice
            error = Throttled("slow") if skip % 2 else Unreachable("reset")
            if kind == "corrupt":
                service.faults.add(operation, skip=skip, corrupt_at=1)
            else:
                service.faults.add(
                    operation,
                    skip=skip,
                    times=2,
                    error=error,
                    lose_answer=kind == "lost",
                    after_bytes=1 if kind == "midway" else None,
                )
        before = self.bench.source.files()
        task = asyncio.create_task(self.bench.run())
        for _ in range(turns or 0):
            await asyncio.sleep(0)
        if turns is not None:
            task.cancel()
        result = None
        with contextlib.suppress(asyncio.CancelledError, MoverError):
            result = await task
        self.bench.source.faults.clear()
        self.bench.destination.faults.clear()
        assert self.bench.source.files() == before
        there = self.bench.destination.tree()
        assert {path: there.get(path) for path in self.strangers} == self.strangers
        if result is None:
            return None
        assert (await summary(Ledger(self.bench.database), result.run)).discrepancies == ()
        return result.run

    async def at_the_end(self) -> None:
        """Go on with what was interrupted, then run once more: every file of the source has arrived or is reported."""
        await self.run([], None)
        run = await self.run([], None)
        assert run is not None
        key = self.bench.destination.capabilities.names.key
        there = {key(path): data for path, data in self.bench.destination.tree().items()}
        items = {item.path: item async for item in Ledger(self.bench.database).report_items(run)}
        for path, data in self.bench.source.tree().items():
            above = itertools.accumulate(path.split("/")[1:-1], "{}/{}".format)
            if any(items[f"/{folder}"].state in PROBLEMS for folder in above):
                continue
            item = items[path]
            if item.state not in PROBLEMS | {ItemState.LEFT_ALONE}:
                assert there.get(key(item.destination_path)) == data, (path, item.state)


def clock() -> Callable[[], int]:
    return itertools.count(EPOCH_NS + 1_000_000 * SECOND_NS, SECOND_NS).__next__


async def live(sides: tuple[Capabilities, Capabilities], steps: list[tuple[Any, ...]], many: int) -> None:
    source, destination = MemoryService(sides[0]), MemoryService(sides[1], now_ns=clock())
    with tempfile.TemporaryDirectory() as folder:
        async with workbench(Path(folder), source, destination) as bench:
            for number in range(many):
                source.add_folder(f"/still {number}")
            story = Story(bench)
            for one in steps:
                await story.step(one)
            await story.at_the_end()


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kinds,
    rounds.map(lambda some: [step for made, then in some for step in (*made, then)]),
    st.sampled_from([0, 9]),  # with more folders a cursor is taken of a destination that has the only feed
)
def test_whatever_happens_nothing_is_lost_and_nothing_of_others_is_touched(
    sides: tuple[Capabilities, Capabilities], steps: list[tuple[Any, ...]], many: int
) -> None:
    asyncio.run(live(sides, steps, many))
