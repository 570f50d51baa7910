"""Maps as CSV files: `Source User,Destination User`."""

from __future__ import annotations

from collections.abc import AsyncIterable

from mover.errors import InvalidConfiguration
from mover.migrations.csv_files import BadFile, columns, records
from mover.migrations.map_rows import checked_row
from mover.migrations.records import Subject
from mover.reports.cells import unguarded

SOURCE, DESTINATION = "Source User", "Destination User"
_MOST_ROWS = 100_000
_MOST_PROBLEMS = 100


async def read_map(
    content: AsyncIterable[bytes],
) -> tuple[dict[str, tuple[Subject, str, str, str]], list[str]]:
    """Read a file of at most 100,000 rows; returns its rows by key, and what is wrong with it: sentences with their line."""
    new: dict[str, tuple[Subject, str, str, str]] = {}
    lines: dict[str, int] = {}
    problems: list[str] = []
    places: dict[str, int] | None = None
    try:
        async for line, cells in records(content):
            if places is None:
                places = columns(cells, (SOURCE, DESTINATION), (SOURCE, DESTINATION))
                continue
            source, destination = (
                unguarded(cells[place]) if place < len(cells) else ""
                for place in (places[SOURCE], places[DESTINATION])
            )
            try:
                row = checked_row(source, destination)
            except InvalidConfiguration as error:
                problems.append(f"line {line}: {error.message}")
            else:
                if row[2] in new:
                    problems.append(f"line {line}: {row[1][:80]!r} stands in line {lines[row[2]]} already")
                new[row[2]], lines[row[2]] = row, line
            if len(new) > _MOST_ROWS:
                problems.append(f"line {line}: a map has at most {_MOST_ROWS} rows")
            if len(problems) >= _MOST_PROBLEMS or len(new) > _MOST_ROWS:
                break
    except BadFile as error:
        problems.append(error.message)
    if places is None and not problems:
        problems.append(f"line 1: the file is empty; its first line has to be {SOURCE},{DESTINATION}")
    return new, problems
