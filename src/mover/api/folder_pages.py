"""Folders of connected services, a page at a time."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass

import msgspec

from mover.connectors.contract import Connector
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import InvalidConfiguration

_MOST_LOOKED_AT = 100_000


class Position(msgspec.Struct, frozen=True, array_like=True):
    """Where the listing of a folder goes on: after `skip` entries from the connector's own cursor."""

    cursor: str | None
    skip: int


@dataclass(frozen=True)
class FolderPage:
    """Some entries of a folder, and where the next ones begin; None at the end."""

    entries: list[Entry]
    next: str | None


async def page_of(
    connector: Connector, folder: EntryRef, begin: Position, *, limit: int, folders_only: bool
) -> FolderPage:
    """Take entries until there are enough. Where a connector has no cursors, the listing is made again and skipped over."""
    entries: list[Entry] = []
    base, passed = begin.cursor, 0
    async with aclosing(connector.list_folder(folder, begin.cursor)) as pages:
        async for page in pages:
            for entry in page.entries:
                passed += 1
                if base == begin.cursor and passed <= begin.skip:
                    continue
                if len(entries) == limit:
                    return FolderPage(entries, msgspec.json.encode(Position(base, passed - 1)).decode())
                if not folders_only or entry.kind is EntryKind.FOLDER:
                    entries.append(entry)
            if passed > _MOST_LOOKED_AT:
                raise InvalidConfiguration(
                    f"the folder has more than {_MOST_LOOKED_AT} entries; name a folder in it by its path"
                )
            if page.cursor is not None:
                base, passed = page.cursor, 0
    return FolderPage(entries, None)
