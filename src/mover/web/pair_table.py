"""The table of a migration's pairs: its columns, and the address that holds what is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

PAGE_SIZES = (50, 100, 250)
_LONGEST_FILTER = 2000


@dataclass(frozen=True)
class Column:
    """A column that can be shown. `sort` is what the service calls its order; empty: it has none."""

    name: str
    label: str
    sort: str = ""
    number: bool = False


COLUMNS = (
    Column("id", "ID", "id", number=True),
    Column("source", "From", "source"),
    Column("destination", "To", "destination"),
    Column("status", "Status", "status"),
    Column("progress", "Progress"),
    Column("files", "Files moved", "files", number=True),
    Column("skipped", "Passed over", "skipped", number=True),
    Column("failed", "Failed", "failed", number=True),
    Column("bytes", "Moved", "bytes", number=True),
    Column("size", "Size", "size", number=True),
    Column("tags", "Tags", "tags"),
    Column("notes", "Notes", "notes"),
    Column("started", "Started", "started"),
    Column("ended", "Ended", "ended"),
    Column("duration", "Took", "duration", number=True),
    Column("runs", "Runs", "runs", number=True),
    Column("priority", "Priority", "priority", number=True),
    Column("created", "Added", "created"),
)
_BY_NAME = {column.name: column for column in COLUMNS}
USUAL = ("source", "destination", "status", "progress", "failed", "tags", "ended")


@dataclass(frozen=True)
class Shown:
    """What of the pairs is shown, and how; kept in the address, so that it can be linked to and gone back to."""

    filter: str = ""
    sort: str = "id"
    descending: bool = False
    columns: tuple[str, ...] = USUAL
    cursor: str = ""
    limit: int = 100

    @classmethod
    def read(cls, query: Mapping[str, str], columns: Iterable[str] = ()) -> Shown:
        """Read an address; what makes no sense is as usual. `columns` are those chosen by several fields."""
        chosen = tuple(name for name in (*columns, *query.get("columns", "").split(",")) if name in _BY_NAME)
        sort = query.get("sort", "id")
        limit = query.get("limit", "")
        return cls(
            filter=query.get("filter", "")[:_LONGEST_FILTER],
            sort=sort if any(column.sort == sort for column in COLUMNS) else "id",
            descending=query.get("order") == "down",
            columns=tuple(dict.fromkeys(chosen)) or USUAL,
            cursor=query.get("cursor", ""),
            limit=next((size for size in PAGE_SIZES if limit == str(size)), 100),
        )

    @property
    def shown_columns(self) -> list[Column]:
        """The columns, in their own order."""
        return [column for column in COLUMNS if column.name in self.columns]

    @property
    def query(self) -> str:
        """The part of an address after the question mark, with the question mark; without what is usual."""
        parts = {
            "filter": self.filter,
            "sort": "" if self.sort == "id" else self.sort,
            "order": "down" if self.descending else "",
            "columns": "" if self.columns == USUAL else ",".join(self.columns),
            "limit": "" if self.limit == 100 else str(self.limit),  # noqa: PLR2004 - the usual one
            "cursor": self.cursor,
        }
        encoded = urlencode(
            {name: value.encode("utf-8", "replace") for name, value in parts.items() if value}
        )
        return f"?{encoded}" if encoded else ""

    def sorted_by(self, column: Column) -> Shown:
        """Sorted by a column; the other way round if it is already."""
        descending = not self.descending if self.sort == column.sort else column.number
        return replace(self, sort=column.sort, descending=descending, cursor="")

    def after(self, cursor: str) -> Shown:
        """The page that follows."""
        return replace(self, cursor=cursor)

    def filtered(self, text: str) -> Shown:
        """With another filter, from its first page."""
        return replace(self, filter=text, cursor="")
