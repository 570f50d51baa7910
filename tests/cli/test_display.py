from __future__ import annotations

import asyncio
import io

import pytest
from rich.console import Console

from mover.cli.console import CommandConsole
from mover.cli.display import line, shown
from mover.cli.picture import picture, shortened
from mover.cli.rate import Before, Meter
from mover.cli.watched import Watched
from mover.entries import EntryKind
from mover.ledger.records import Tally
from mover.ledger.states import ItemState
from mover.transfer.progress import Progress

MIB = 1 << 20


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress() -> Progress:
    return Progress(files_seen=10, bytes_seen=100 * MIB)


@pytest.fixture
def watched(progress, clock) -> Watched:
    return Watched("./a → nas:/b", progress, Meter(progress, clock=clock), run=7, began=clock.now)


def drawn(watched: Watched, columns: int = 100) -> str:
    printed = io.StringIO()
    Console(file=printed, width=columns, force_terminal=False).print(picture(watched, columns, now=100.0))
    return printed.getvalue()


def work(progress: Progress, files: int, size: int) -> None:
    for _ in range(files):
        progress.ended(ItemState.COPIED, size)
    progress.bytes_received += files * size


def test_rates_and_the_time_left_come_from_the_last_seconds(progress, clock):
    meter = Meter(progress, clock=clock)
    meter.look()
    clock.now += 5
    work(progress, 5, 10 * MIB)
    progress.scanning = False
    look = meter.look()
    assert (look.files_done, look.bytes_done) == (5, 50 * MIB)
    assert look.bytes_per_s == 10 * MIB
    assert look.files_per_s == 1
    assert look.left_s == pytest.approx(5)
    assert look.share == pytest.approx(0.5)
    assert not look.at_least


def test_what_was_long_ago_does_not_count_for_the_rate(progress, clock):
    meter = Meter(progress, clock=clock)
    meter.look()
    clock.now += 1
    work(progress, 5, 10 * MIB)
    for _ in range(40):
        clock.now += 1
        meter.look()
    look = meter.look()
    assert look.bytes_per_s == 0
    assert look.left_s is None


def test_the_time_left_is_a_lower_limit_while_files_are_still_being_found(progress, clock):
    meter = Meter(progress, clock=clock)
    assert meter.look().at_least


def test_an_interrupted_run_is_counted_from_its_beginning(clock):
    progress = Progress(files_seen=2, bytes_seen=20)
    meter = Meter(progress, clock=clock)
    meter.before = Before.of(
        [
            Tally(EntryKind.FILE, ItemState.COPIED, 3, 30, 30),
            Tally(EntryKind.FILE, ItemState.PLANNED, 1, 10, 0),
            Tally(EntryKind.FOLDER, ItemState.CREATED, 9, 0, 0),
        ]
    )
    look = meter.look()
    assert (look.files_seen, look.files_done, look.bytes_seen, look.bytes_done) == (6, 3, 60, 30)


def test_nothing_seen_yet_is_no_division_by_zero(clock):
    look = Meter(Progress(), clock=clock).look()
    assert (look.share, look.left_s) == (0.0, 0.0)


def test_the_picture_shows_files_problems_and_numbers(watched, progress):
    work(progress, 4, 10 * MIB)
    progress.current["/photos/one.jpg"] = 3 * MIB
    progress.ended(ItemState.FAILED, 0, path="/x", message="no room left")
    text = drawn(watched)
    for part in (
        "./a → nas:/b",
        "run 7",
        "5 of 10 files",
        "photos/one.jpg",
        "3.00 MiB",
        "1 problem",
        "no room left",
    ):
        assert part in text


@pytest.mark.parametrize("columns", [20, 40, 80, 300])
def test_the_picture_fits_its_terminal_whatever_names_there_are(watched, progress, columns):
    progress.current["/" + "文" * 300] = 1
    progress.current["/evil\x1b[2J\nname" + "e\u0301" * 200] = 2
    progress.ended(ItemState.FAILED, 0, path="/" + "ü" * 500, message="m" * 500)
    text = drawn(watched, columns)
    assert "\x1b" not in text
    console = Console(width=columns)
    assert all(console.measure(row).maximum < columns + 1 for row in text.splitlines() if row)
    assert len(text.splitlines()) <= 7


def test_the_picture_says_that_it_is_stopping(watched):
    watched.stopping = lambda: True
    assert "cleaning up" in drawn(watched)


def test_while_only_looking_there_is_no_share(watched):
    watched.only_looking = True
    text = drawn(watched)
    assert "10 files found" in text
    assert "%" not in text


def test_a_line_tells_the_same(watched, progress, clock):
    watched.meter.look()
    clock.now += 10
    work(progress, 5, 10 * MIB)
    progress.ended(ItemState.FAILED, 10 * MIB, path="/x", message="no")
    text = line(watched, watched.meter.look())
    assert text.startswith("6 files of 10 or more, 60.0 MiB of 100 MiB, 5.00 MiB/s, at least ")
    assert text.endswith("1 problem, last: /x: no")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("text", "columns", "expected"), [("abc", 3, "abc"), ("abcdefghij", 7, "ab…ghij"), ("abc", 1, "…")]
)
def test_long_text_loses_its_middle(text, columns, expected):
    assert shortened(text, columns) == expected


async def test_a_terminal_that_is_gone_does_not_end_the_run(watched):
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    console = CommandConsole(file=Gone(), force_terminal=True)
    async with shown(watched, None, live=True, console=console) as started:  # type: ignore[arg-type]  # not asked
        started(7, False)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert watched.run == 7
