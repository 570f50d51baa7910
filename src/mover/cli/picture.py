"""The live picture of a run: what is done, how fast, what is under way, what went wrong."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from mover.cli.figures import count_text, duration_text, rate_text, size_text
from mover.cli.rate import Look
from mover.cli.screen import plain

if TYPE_CHECKING:
    from mover.cli.display import Watched

_SHOWN_FILES = 5
_NARROWEST, _WIDEST = 40, 110
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SPINS_PER_S = 10


def picture(watched: Watched, columns: int, *, now: float | None = None) -> RenderableType:
    """Draw it for a terminal of so many columns."""
    now = time.monotonic() if now is None else now
    width = max(_NARROWEST, min(columns - 1, _WIDEST))
    look = watched.meter.look()
    return Group(
        _title(watched, width, now),
        _bar(look, width, now),
        _numbers(watched, look),
        *_under_way(watched, width),
        *_problems(watched, width),
    )


def _title(watched: Watched, width: int, now: float) -> Text:
    right = (
        f"run {watched.run}{', going on' if watched.resumed else ''} · {duration_text(now - watched.began)}"
    )
    left = shortened(watched.title, width - cell_len(right) - 2)
    title = Text(left, style="bold")
    title.append(" " * max(2, width - cell_len(left) - cell_len(right)))
    title.append(right, style="dim")
    return title


def _bar(look: Look, width: int, now: float) -> Text:
    share = f"{look.share * 100:3.0f} %"
    length = width - len(share) - 1
    bar = Text()
    if look.at_least and not look.files_done:
        place = int(now * 12) % max(length, 1)
        bar.append("━" * place, style="bright_black")
        bar.append("━" * min(6, length - place), style="cyan")
        bar.append("━" * max(0, length - place - 6), style="bright_black")
        bar.append(" " * (len(share) + 1))
        return bar
    done = int(look.share * length * 2)
    bar.append("━" * (done // 2), style="cyan" if look.at_least else "green")
    if done % 2:
        bar.append("╸", style="cyan" if look.at_least else "green")
    bar.append("━" * (length - (done + 1) // 2), style="bright_black")
    bar.append(f" {share}", style="bold")
    return bar


def _numbers(watched: Watched, look: Look) -> Text:
    progress = watched.progress
    numbers = Text()
    numbers.append(f"{look.files_done:,}", style="bold")
    numbers.append(f" of {count_text(look.files_seen, 'file')}")
    numbers.append(f"   {size_text(look.bytes_done)}", style="bold")
    numbers.append(f" of {size_text(look.bytes_seen)}")
    numbers.append(f"   {rate_text(look.bytes_per_s)}", style="cyan")
    if look.files_per_s >= 1:
        numbers.append(f"  {look.files_per_s:,.0f} files/s", style="cyan")
    if look.at_least:
        spin = _SPINNER[int(time.monotonic() * _SPINS_PER_S) % len(_SPINNER)]
        numbers.append(f"   {spin} still looking", style="dim")
    elif look.left_s is not None and look.files_done < look.files_seen:
        numbers.append(f"   {duration_text(look.left_s)} left", style="green")
    if progress.skipped:
        numbers.append(f"   {progress.skipped:,} need nothing", style="dim")
    return numbers


def _under_way(watched: Watched, width: int) -> Sequence[Text]:
    current = sorted(watched.progress.current.items(), key=lambda file: -file[1])
    lines = []
    for path, received in current[:_SHOWN_FILES]:
        size = size_text(received) if received else ""
        name = shortened(plain(path.lstrip("/")), width - 16)
        file = Text(f"  {name}", style="")
        file.append(" " * max(1, width - 2 - cell_len(name) - len(size)))
        file.append(size, style="dim")
        lines.append(file)
    if len(current) > _SHOWN_FILES:
        lines.append(Text(f"  and {len(current) - _SHOWN_FILES} more at the same time", style="dim"))
    return lines


def _problems(watched: Watched, width: int) -> Sequence[Text]:
    progress = watched.progress
    if not progress.problems:
        return ()
    head = Text(f"! {count_text(progress.problems, 'problem')}", style="bold yellow")
    last = shortened(plain(progress.last_problem), width - cell_len(head.plain) - 8)
    head.append(f"  last: {last}", style="not bold yellow")
    return (head,)


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
