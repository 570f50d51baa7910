"""The arithmetic of what a move will cost, between in-memory services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update
from tests.database_url import on_both
from tests.memory.contents import Pattern
from tests.memory.service import DRIVE, MIB, PATHS, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.connectors.costs import CallCosts, Step
from mover.ledger.estimates import Estimate, Sort
from mover.ledger.ledger import Ledger
from mover.ledger.queries.expected import planned_files
from mover.ledger.states import Code, RunMode
from mover.ledger.tables import items, runs
from mover.transfer.lasting import ENOUGH_FILES
from mover.transfer.options import VerifyLevel

COSTS = CallCosts(
    title="Attic",
    reads=(Step(up_to=100, calls=0.5, alone=2), Step(calls=2)),
    read_alone=3,
    uploads=(Step(up_to=100, calls=1), Step(calls=2)),
    upload_where_stood=10,
    replace=20,
    begin=100,
    part=1_000,
    finish=200,
    look=7,
    folder=Step(calls=1),
)
COUNTED = replace(DRIVE, costs=COSTS)


def both(test: Callable[..., Any]) -> Callable[..., Any]:
    """Have a test run on both databases."""
    for mark in on_both:
        test = mark(test)
    return test


async def scanned(bench: Workbench, mode: RunMode = RunMode.SCAN, **options: Any) -> Estimate:
    result = await bench.run(mode, **options)
    run = await Ledger(bench.database).run(result.run)
    assert run is not None
    assert run.estimate is not None
    return run.estimate


def without_listing(estimate: Estimate) -> tuple[dict[Sort, int], dict[Sort, int]]:
    found: list[dict[Sort, int]] = []
    for side in (estimate.source, estimate.destination):
        assert side.by_sort is not None
        found.append(
            {sort: calls for sort, calls in side.by_sort.items() if sort is not Sort.LISTING and calls}
        )
    return found[0], found[1]


@both
async def test_files_are_added_up_by_size_and_way(tmp_path: Path) -> None:
    async with workbench(tmp_path, MemoryService(COUNTED), MemoryService(COUNTED)) as bench:
        bench.source.add_file("/a/small", b"x" * 100)
        bench.source.add_file("/a/other", b"x" * 101)
        bench.source.add_file("/b/large", Pattern(9 * MIB))
        told = await scanned(bench)
    source, destination = without_listing(told)
    assert (told.files, told.size, told.unknown_sizes) == (3, 201 + 9 * MIB, 0)
    assert source == {Sort.READING: 1 + 2 + 9 * 3}  # half a call, rounded up with the rest; nine ranges
    assert destination == {
        Sort.WRITING: 1 + 2 + (100 + 9 * 1_000 + 200) + 2 + 2
    }  # two folders, made and dated


async def test_what_stands_there_costs_looks(tmp_path: Path) -> None:
    async with workbench(tmp_path, MemoryService(COUNTED), MemoryService(COUNTED)) as bench:
        bench.source.add_file("/same", b"1")
        bench.source.add_file("/changed", b"1")
        await bench.run()
        bench.source.add_file("/new", b"1")
        bench.source.change_file("/changed", b"12")
        told = await scanned(bench)
        dry = await scanned(bench, RunMode.COPY, dry_run=True)
    source, destination = without_listing(told)
    assert (told.files, dry) == (2, replace_listing(dry, told))
    assert source == {Sort.READING: 1}
    assert destination == {Sort.READING: 10 + 7 + 20, Sort.WRITING: 2}


def replace_listing(one: Estimate, other: Estimate) -> Estimate:
    assert without_listing(one) == without_listing(other)
    return one


async def test_reading_back_and_dating_cost_calls_where_a_destination_needs_them(tmp_path: Path) -> None:
    plain = MemoryService(replace(PATHS, costs=COSTS))
    async with workbench(tmp_path, MemoryService(COUNTED), plain) as bench:
        bench.source.add_file("/small", b"x")
        auto = await scanned(bench)
        size = await scanned(bench, verify=VerifyLevel.SIZE)
    assert without_listing(auto)[1] == {Sort.WRITING: 1 + 1, Sort.READING: 10 + 3}
    assert without_listing(size)[1] == {Sort.WRITING: 1 + 1, Sort.READING: 10}


async def test_unknown_sizes_are_told_of_and_taken_for_small_ones(tmp_path: Path) -> None:
    async with workbench(tmp_path, MemoryService(COUNTED), MemoryService(COUNTED)) as bench:
        bench.source.add_native("/document", lambda: b"x" * 10)
        told = await scanned(bench)
    source, destination = without_listing(told)
    assert (told.files, told.size, told.unknown_sizes) == (1, 0, 1)
    assert source == {Sort.READING: 3}
    assert destination == {Sort.READING: 10, Sort.WRITING: 1}
    assert told.uncounted


async def test_nobody_is_told_of_calls_that_nobody_counts_nor_of_a_time_that_nobody_knows(
    bench: Workbench,
) -> None:
    bench.source.add_file("/file", b"x")
    told = await scanned(bench)
    assert (told.source.calls, told.destination.calls) == (None, None)
    assert (told.least, told.most_s) == (None, None)


async def test_a_copy_and_a_comparison_tell_nothing(bench: Workbench) -> None:
    bench.source.add_file("/file", b"x")
    for mode in (RunMode.COPY, RunMode.VERIFY):
        run = await Ledger(bench.database).run((await bench.run(mode)).run)
        assert run is not None
        assert run.code in {Code.SUCCESS, Code.NOTHING_TO_COPY}
        assert run.estimate is None


@both
async def test_sizes_without_bound_do_not_overflow(tmp_path: Path) -> None:
    greatest = 2**63 - 1
    async with workbench(tmp_path, MemoryService(COUNTED), MemoryService(COUNTED)) as bench:
        for number in range(3):
            bench.source.add_file(f"/{number}", b"x")
        scan = (await bench.run(RunMode.SCAN)).run
        huge = update(items).where(items.c.run_id == scan).values(size=greatest, large=True)
        await bench.database.write(lambda connection: connection.execute(huge).close())
        [group] = await bench.database.read(lambda c: planned_files(c, scan, [100], [1, MIB]))
    assert (group.bucket, group.files, group.large) == (1, 3, True)
    assert group.size == pytest.approx(3 * greatest)
    assert group.pieces == pytest.approx((3 * greatest, 3 * greatest / MIB))


@both
async def test_the_pace_of_earlier_runs_is_that_of_the_pair_else_of_the_same_accounts(
    bench: Workbench,
) -> None:
    for number in range(ENOUGH_FILES):
        bench.source.add_file(f"/one/{number}", b"x")
        bench.source.add_file(f"/two/{number}", b"xx")
    first = (await bench.run(source_root="/one", destination_root="/one")).run
    slow = update(runs).where(runs.c.id == first).values(active_ns=100 * 10**9)
    await bench.database.write(lambda connection: connection.execute(slow).close())
    other = await scanned(bench, source_root="/two", destination_root="/two")
    assert other.past == 1
    assert other.most_s == pytest.approx(200.0)  # twice the bytes
    assert other.least is not None
    assert other.least.seconds == pytest.approx(100.0)
    gone = delete(items).where(items.c.run_id == first)
    await bench.database.write(lambda connection: connection.execute(gone).close())
    assert (await scanned(bench, source_root="/two", destination_root="/two")).past == 0
