"""What a run has come to, as pages see it while it is under way."""

from __future__ import annotations

import msgspec
import pytest

from mover.migrations.records import Counts
from mover.runner.counting import Counting, Told


class Run(msgspec.Struct):
    id: int
    counts: Counts


class Work:
    """A ledger that counts what the test says."""

    def __init__(self) -> None:
        self.files = 0

    async def counted(self, _run_id: int) -> Counts:
        return Counts(files_seen=self.files, bytes_seen=10 * self.files)


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
