"""Reports as streams of rows, and how they are written."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec

from mover.reports.cells import cell

_PIECE_ROWS = 256

Row = tuple[object, ...]


@dataclass(frozen=True)
class RowStream:
    """A report that is read once.

    Attributes:
        name: Of its file, without extension.
        columns: Their headings.
        rows: Text, numbers or None.
    """

    name: str
    columns: tuple[str, ...]
    rows: AsyncIterator[Row]

    async def csv(self) -> AsyncIterator[str]:
        """Yield CSV (RFC 4180), some lines at a time, to be encoded as UTF-8; no cell is a formula to a spreadsheet."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(self.columns)
        count = 0
        async for row in self.rows:
            writer.writerow([cell(value) for value in row])
            count += 1
            if count % _PIECE_ROWS == 0:
                yield text.getvalue()
                text.seek(0)
                text.truncate()
        yield text.getvalue()

    async def jsonl(self) -> AsyncIterator[str]:
        """Yield lines of JSON objects, some at a time."""
        names = [column.replace(" ", "_") for column in self.columns]
        waiting: list[bytes] = []
        async for row in self.rows:
            waiting.append(msgspec.json.encode(dict(zip(names, row, strict=True))) + b"\n")
            if len(waiting) == _PIECE_ROWS:
                yield b"".join(waiting).decode()
                waiting = []
        yield b"".join(waiting).decode()
