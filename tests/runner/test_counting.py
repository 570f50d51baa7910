"""What a run has come to, as pages see it while it is under way."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from mover.migrations.records import Answer, Counts
from mover.migrations.states import RunState, Wish
from mover.runner.counting import Counting, Told
from mover.runner.slices import Slice


class Run(msgspec.Struct):
    id: int
    counts: Counts


class Work:
    """A ledger that counts what the test says."""

    def __init__(self) -> None:
        self.files = 0
        self.reported: list[tuple[RunState, int, int]] = []

    async def counted(self, _run_id: int) -> Counts:
        return Counts(files_seen=self.files, bytes_seen=10 * self.files)

    async def progress(self, _run_id: int, _runner: str, counts: Counts, *, state: RunState) -> Answer:
        self.reported.append((state, counts.files_seen, counts.bytes_seen))
        return Answer(Wish.RUN)


async def counted(work: Work, told: Told | None, *, before: Counts | None = None) -> tuple[int, int]:
    counting = Counting(work, Run(7, before or Counts()))  # type: ignore[arg-type]  # as much of both as it uses
    now = await counting.now(received=0, throttled=0, told=told)
    return now.files_seen, now.bytes_seen


async def test_what_is_told_at_once_shows_before_any_folder_is_scanned() -> None:
    work = Work()
    assert await counted(work, Told(2_000, 30_000)) == (2_000, 30_000)
    assert await counted(work, None) == (0, 0), "the ledger alone has the truth at the end"


@pytest.mark.parametrize("files", [0, 3_000])
async def test_a_run_that_goes_on_does_not_show_less_than_it_was_told_before(files: int) -> None:
    work = Work()
    work.files = files
    before = Counts(files_seen=2_500, bytes_seen=25_000)
    assert await counted(work, Told(100, 1_000), before=before) == max((2_500, 25_000), (files, 10 * files))


async def test_a_slice_reports_what_is_told_for_as_long_as_it_looks_through_the_source() -> None:
    work = Work()
    pacers = SimpleNamespace(pauses_of=lambda _accounts: 0)
    bench = SimpleNamespace(work=work, runner="one", place=SimpleNamespace(pacers=pacers))
    under_way = Slice(bench, Run(7, Counts()), attempt=1, beat=lambda _counts: None)  # type: ignore[arg-type]  # as above
    under_way._ledger_run = 1
    under_way.progress.files_told, under_way.progress.bytes_told = 2_000, 30_000
    await under_way._report()
    under_way.progress.scanning = False
    await under_way._report()
    assert work.reported == [(RunState.SCANNING, 2_000, 30_000), (RunState.RUNNING, 0, 0)]
