"""Folders, page by page."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from mover.connectors.contract import Page
from mover.connectors.dropbox.answers import Listing
from mover.connectors.dropbox.api import FilesApi
from mover.connectors.dropbox.calls import Purpose
from mover.connectors.dropbox.entries import entry_of
from mover.connectors.dropbox.faults import Fault

PAGE = 1000


async def list_pages(
    api: FilesApi, purpose: Purpose, path: str, cursor: str | None, *, limit: int = PAGE
) -> AsyncGenerator[Page, None]:
    """Yield the pages of a folder. A call a page. Where Dropbox has lost its place it begins anew, and entries repeat.

    Pages may be empty though others follow; what was removed while the listing went on is left out.
    """
    found = await _page(api, purpose, path, cursor, limit)
    while True:
        entries = [entry_of(entry) for entry in found.entries if entry.tag in {"file", "folder"}]
        yield Page(entries, found.cursor if found.has_more else None)
        if not found.has_more:
            return
        found = await _page(api, purpose, path, found.cursor, limit)


async def _page(api: FilesApi, purpose: Purpose, path: str, cursor: str | None, limit: int) -> Listing:
    if cursor is not None:
        found = await api.go_on(purpose, cursor)
        if not isinstance(found, Fault):
            return found
        if not found.has("reset"):
            raise api.caller.error(purpose, found)
    return await api.list_folder(purpose, path, limit)
