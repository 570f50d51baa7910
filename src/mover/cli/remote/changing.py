"""Adding and changing pairs of a migration on a server from a CSV file; making a migration."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from mover.cli.codes import ALL_WELL, COULD_NOT_RUN
from mover.cli.figures import count_text
from mover.cli.remote.answers import Changed, ImportPreview, Migration
from mover.cli.remote.finding import find_connection, find_migration
from mover.cli.remote.server import Server
from mover.cli.screen import err, out, print_json, words
from mover.errors import InvalidConfiguration

_STANDARD_INPUT = "-"
_LARGEST_FILE = 64 << 20


async def import_pairs(
    server: Server, migration: str, file: Path, *, update: bool, dry_run: bool, machine: bool
) -> int:
    """Add (or change) pairs, all of them or none. What is wrong is told by line, and then nothing is done."""
    content = read_csv(file)
    found = await find_migration(server, migration)
    preview = await server.post(
        f"/migrations/{found.id}/imports",
        ImportPreview,
        query={"kind": "update" if update else "add"},
        content=content,
        media_type="text/csv",
    )
    wrong = bool(preview.problems or preview.problem)
    done = None
    if not wrong and not dry_run:
        done = await server.post(f"/imports/{preview.id}/application", Changed)
    if machine:
        print_json(
            {**msgspec.to_builtins(preview), "applied": done is not None, "pairs": done.pairs if done else 0}
        )
        return COULD_NOT_RUN if wrong else ALL_WELL
    if wrong:
        _tell_problems(preview)
        return COULD_NOT_RUN
    if preview.duplicates:
        err().print(
            words(f"{count_text(preview.duplicates, 'row')} name pairs that there are already", "yellow")
        )
    verb = "changed" if update else "added"
    if done is None:
        out().print(words(f"{count_text(preview.rows, 'pair')} would be {verb}; nothing was done"))
    else:
        out().print(words(f"{count_text(done.pairs, 'pair')} {verb}"))
    return ALL_WELL


async def create_migration(server: Server, name: str, source: str, destination: str, *, machine: bool) -> int:
    """Make a migration between two connections."""
    made = await server.post(
        "/migrations",
        Migration,
        {
            "name": name,
            "source_connection_id": (await find_connection(server, source)).id,
            "destination_connection_id": (await find_connection(server, destination)).id,
        },
    )
    if machine:
        print_json(msgspec.to_builtins(made))
    else:
        out().print(words(f"{made.name} was made: {made.id}"))
    return ALL_WELL


def read_csv(file: Path) -> bytes:
    """Read a file, or standard input (`-`). Raises InvalidConfiguration."""
    try:
        if str(file) == _STANDARD_INPUT:
            content = sys.stdin.buffer.read(_LARGEST_FILE + 1)
        else:
            with file.open("rb") as opened:
                content = opened.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise InvalidConfiguration(f"{str(file)!r} cannot be read: {error.strerror}") from None
    if len(content) > _LARGEST_FILE:
        raise InvalidConfiguration(f"{str(file)!r} is larger than {_LARGEST_FILE >> 20} MiB")
    return content


def _tell_problems(preview: ImportPreview) -> None:
    if preview.problem:
        err().print(words(preview.problem, "bold red"))
    for line in preview.first_problems:
        err().print(words(f"line {line.line}: {line.problem}", "red"))
    if (more := preview.problems - len(preview.first_problems)) > 0:
        err().print(words(f"and {more:,} more", "dim"))
    out().print("Nothing was done.")
