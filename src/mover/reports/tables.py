"""The reports that are tables: every item, the problems, and the names that changed."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO

from mover.errors import advice_for
from mover.ledger.ledger import Ledger
from mover.ledger.records import ReportItem, Run
from mover.ledger.states import PROBLEMS, ItemState
from mover.reports.cells import cell, moment


@dataclass(frozen=True)
class Table:
    """A report with a row for some of a run's items.

    Attributes:
        name: Of the file.
        columns: Their headings.
        states: Which items, by state; None for all.
        wanted: Which of those.
        row: One row.
    """

    name: str
    columns: tuple[str, ...]
    states: Sequence[ItemState] | None
    wanted: Callable[[ReportItem], bool]
    row: Callable[[Run, ReportItem], Sequence[object]]


def item_row(item: ReportItem) -> tuple[object, ...]:
    """A row of the table of items."""
    return (
        item.state,
        moment(item.started_ns),
        moment(item.ended_ns),
        item.kind,
        item.size,
        item.path,
        item.destination_path,
        item.action,
        item.content_hash,
        item.verification,
        item.sent_bytes,
        item.attempts,
        item.reason,
        item.message,
    )


def _problem(run: Run, item: ReportItem) -> Sequence[object]:
    advice = advice_for(item.reason) if item.reason else ""
    return (run.pair_id, "", item.action, item.path, item.reason, item.message, advice)


ITEMS = Table(
    "items.csv",
    (
        "status",
        "start",
        "end",
        "kind",
        "size",
        "path",
        "destination path",
        "action",
        "hash",
        "verified by",
        "bytes sent",
        "attempts",
        "reason",
        "message",
    ),
    None,
    lambda item: True,  # noqa: ARG005 - every item
    lambda _, item: item_row(item),
)
ERRORS = Table(
    "errors.csv",
    ("pair id", "user", "action", "path", "reason", "message", "advice"),
    sorted(PROBLEMS),
    lambda item: True,  # noqa: ARG005 - every one of them
    _problem,
)
NAMES = Table(
    "names.csv",
    ("old", "new"),
    None,
    lambda item: item.renamed,
    lambda _, item: (item.path, item.destination_path),
)
TABLES = (ITEMS, ERRORS, NAMES)


async def write_table(ledger: Ledger, run: Run, table: Table, stream: TextIO) -> None:
    """Write a table as CSV (RFC 4180, UTF-8). The stream must not translate line ends."""
    writer = csv.writer(stream)
    writer.writerow(table.columns)
    async for item in ledger.report_items(run.id, states=table.states):
        if table.wanted(item):
            writer.writerow([cell(value) for value in table.row(run, item)])
