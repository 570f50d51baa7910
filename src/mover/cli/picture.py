"""The live picture of a run: what is done, how fast, what is under way, what went wrong."""

from __future__ import annotations

import heapq
import time

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from mover.cli.figures import clock_text, count_text, duration_text, rate_text, size_text
from mover.cli.rate import Look
from mover.cli.screen import plain
from mover.cli.watched import Watched

_SHOWN_FILES = 5
_NARROWEST, _WIDEST = 40, 110
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SPINS_PER_S = 10


def picture(watched: Watched, columns: int, *, now: float | None = None) -> RenderableType:
    """Draw it for a terminal of so many columns."""
    now = time.monotonic() if now is None else now
    width = max(_NARROWEST, min(columns - 1, _WIDEST))
    look = watched.meter.look()
    lines = [_title(watched, width, now), _bar(watched, look, width, now), _numbers(watched, look, now)]
    if watched.stopping():
        lines.append(Text("stopping: cleaning up (Ctrl-C twice more ends at once)", style="bold yellow"))
    else:
        lines += _under_way(watched, width)
    lines += _problems(watched, width)
    for line in lines:
        line.no_wrap = True
        line.truncate(columns - 1, overflow="ellipsis")
    return Group(*lines)


def _title(watched: Watched, width: int, now: float) -> Text:
    right = f"run {watched.run}{', going on' if watched.resumed else ''} · {clock_text(now - watched.began)}"
    left = shortened(watched.title, width - cell_len(right) - 2)
    title = Text(left, style="bold")
    title.append(" " * max(2, width - cell_len(left) - cell_len(right)))
    title.append(right, style="not bold dim")
    return title


def _bar(watched: Watched, look: Look, width: int, now: float) -> Text:
    if watched.only_looking or not look.files_seen:
        return _wandering(width, now)
    share = f"{look.share * 100:3.0f} %"
    length = width - len(share) - 1
    color = "cyan" if look.at_least else "green"
    halves = int(look.share * length * 2)
    bar = Text("━" * (halves // 2), style=color)
    if halves % 2:
        bar.append("╸", style=color)
    bar.append("━" * (length - (halves + 1) // 2), style="bright_black")
    bar.append(f" {share}", style="bold")
    return bar


def _wandering(width: int, now: float) -> Text:
    """A bar for work whose end is not known: something moves along it."""
    length = min(12, width)
    place = int(now * 24) % (width + length) - length
    start, end = max(place, 0), min(place + length, width)
    bar = Text("━" * start, style="bright_black")
    bar.append("━" * (end - start), style="cyan")
    bar.append("━" * (width - end), style="bright_black")
    return bar


def _numbers(watched: Watched, look: Look, now: float) -> Text:
    numbers = Text()
    if watched.only_looking:
        numbers.append(f"{look.files_seen:,}", style="bold")
        numbers.append(f" {'file' if look.files_seen == 1 else 'files'} found   ")
        numbers.append(size_text(look.bytes_seen), style="bold")
        numbers.append(f"   {count_text(watched.progress.folders_listed, 'folder')}", style="dim")
        return numbers
    numbers.append(f"{look.files_done:,}", style="bold")
    numbers.append(f" of {count_text(look.files_seen, 'file')}   ")
    numbers.append(size_text(look.bytes_done), style="bold")
    numbers.append(f" of {size_text(look.bytes_seen)}")
    if look.bytes_per_s:
        numbers.append(f"   {rate_text(look.bytes_per_s)}", style="cyan")
    if look.files_per_s >= 1:
        numbers.append(f"  {look.files_per_s:,.0f} files/s", style="cyan")
    if look.left_s is not None and look.files_done < look.files_seen:
        at_least = "at least " if look.at_least else ""
        numbers.append(f"   {at_least}{duration_text(look.left_s)} left", style="green")
    if look.at_least:
        spin = _SPINNER[int(now * _SPINS_PER_S) % len(_SPINNER)]
        numbers.append(f"   {spin} still listing", style="dim")
    if watched.progress.skipped:
        numbers.append(f"   {watched.progress.skipped:,} skipped", style="dim")
    return numbers


def _under_way(watched: Watched, width: int) -> list[Text]:
    current = heapq.nlargest(_SHOWN_FILES, watched.progress.current.items(), key=lambda file: file[1])
    lines = []
    for path, received in current:
        size = size_text(received) if received else ""
        name = shortened(plain(path.lstrip("/")), width - 16)
        line = Text(f"  {name}")
        line.append(" " * max(1, width - 2 - cell_len(name) - len(size)))
        line.append(size, style="dim")
        lines.append(line)
    others = len(watched.progress.current) - len(current)
    if others > 0:
        lines.append(Text(f"  and {others} more", style="dim"))
    return lines


def _problems(watched: Watched, width: int) -> list[Text]:
    progress = watched.progress
    if not progress.problems:
        return []
    head = Text(f"! {count_text(progress.problems, 'problem')}", style="bold yellow")
    last = shortened(plain(progress.last_problem), width - cell_len(head.plain) - 2)
    head.append(f"  {last}", style="not bold yellow")
    return [head]


def shortened(text: str, columns: int) -> str:
    """Text in so many columns; of a longer one the middle is left out, since paths differ at their ends."""
    if cell_len(text) <= columns:
        return text
    if columns < 3:  # noqa: PLR2004 - no room for anything beside the sign
        return "…"[:columns]
    head = (columns - 1) // 3
    tail = columns - 1 - head
    start, end = _cut(text, head), _cut(text[::-1], tail)[::-1]
    return f"{start}…{end}"


def _cut(text: str, columns: int) -> str:
    used = 0
    for index, character in enumerate(text):
        used += cell_len(character)
        if used > columns:
            return text[:index]
    return text
