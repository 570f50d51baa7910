"""Reports into a folder, or one of them onto a stream."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import msgspec

from mover.errors import InvalidConfiguration
from mover.ledger.ledger import Ledger
from mover.reports.jsonlines import summary_object, write_json_lines
from mover.reports.page import write_page
from mover.reports.permissions import write_permission_lines, write_permissions
from mover.reports.summary import Summary, summary
from mover.reports.tables import ITEMS, TABLES, write_table

FORMATS = ("csv", "json", "html")


async def print_report(ledger: Ledger, run_id: int, format_name: str, stream: TextIO) -> Summary:
    """Write one report to a stream: the items as CSV, everything as JSON lines, or the page."""
    found = await summary(ledger, run_id)
    match format_name:
        case "csv":
            await write_table(ledger, found.run, ITEMS, stream)
        case "json":
            await write_json_lines(ledger, found, stream)
        case "html":
            await write_page(ledger, found, stream)
        case _:
            raise InvalidConfiguration(f"unknown format {format_name!r}; known are: {', '.join(FORMATS)}")
    return found


async def write_report(
    ledger: Ledger, run_id: int, folder: Path, formats: frozenset[str] = frozenset(FORMATS)
) -> list[Path]:
    """Write a run's reports into a folder, which is made if needed. Returns the files written.

    `csv`: items.csv, errors.csv, names.csv. `json`: items.jsonl. `html`: report.html. Always summary.json. Where the run
    looked at permissions also permissions.csv and permissions.jsonl.

    Raises:
        InvalidConfiguration: There is no such run, or the folder cannot be written.
    """
    found = await summary(ledger, run_id)
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - one call, before anything else runs  # noqa: ASYNC240 - one call, before anything else is done
        if "csv" in formats:
            for table in TABLES:
                with _file(folder / table.name, written) as stream:
                    await write_table(ledger, found.run, table, stream)
        if "csv" in formats and found.permissions:
            with _file(folder / "permissions.csv", written) as stream:
                await write_permissions(ledger, run_id, stream)
        if "json" in formats and found.permissions:
            with _file(folder / "permissions.jsonl", written) as stream:
                await write_permission_lines(ledger, run_id, stream)
        if "json" in formats:
            with _file(folder / "items.jsonl", written) as stream:
                await write_json_lines(ledger, found, stream)
        if "html" in formats:
            with _file(folder / "report.html", written) as stream:
                await write_page(ledger, found, stream)
        with _file(folder / "summary.json", written) as stream:
            stream.write(msgspec.json.format(msgspec.json.encode(summary_object(found))).decode() + "\n")
    except OSError as error:
        raise InvalidConfiguration(f"the report cannot be written to {folder}: {error.strerror}") from error
    return written


@contextmanager
def _file(path: Path, written: list[Path]) -> Iterator[TextIO]:
    """A file that appears under its name when it is complete; names and paths are for its owner only."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
        yield stream
    unfinished.replace(path)
    written.append(path)
