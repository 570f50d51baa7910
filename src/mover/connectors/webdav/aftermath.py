"""What is left after an upload broke: finding out, and tidying up. Nothing here raises: the first error tells the story."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, suppress

from mover.connectors.contract import Target
from mover.connectors.webdav.api import LIVE_PROPERTIES, DavApi
from mover.connectors.webdav.content import InHand, Streamed, begins_with
from mover.connectors.webdav.listing import entry_of, etag_of
from mover.connectors.webdav.reading import read_file
from mover.connectors.webdav.urls import Root
from mover.entries import Entry, EntryKind
from mover.errors import NotFound

_OPERATION = "upload"
_LIMIT_S = 15.0


class Aftermath:
    """Looks after broken uploads on one server.

    Args:
        api: Of the server.
        root: Of the connection.
        atomic_put: The server puts files in place at once, so a beginning of a file is not an upload's fragment.
    """

    def __init__(self, api: DavApi, root: Root, *, atomic_put: bool) -> None:
        self._api = api
        self._root = root
        self._atomic_put = atomic_put

    async def settle(self, target: Target, body: InHand | Streamed) -> Entry | None:
        """Look what a PUT under the final name has left whose answer never came.

        Returns the file if it is there whole, byte for byte. Removes a beginning of it. Anything else is not touched.
        """
        path = target.ref.path
        with _quietly():
            # Comparing a large file takes its time, but no more than sending it again.
            async with asyncio.timeout(_LIMIT_S if isinstance(body, InHand) else None):
                entry = await self._look(path)
                if not self._may_be_ours(entry, body) or not await self._begins(entry, path, body):
                    return None
                if entry.size == body.size:
                    return entry
                condition = {"If-Match": etag_of(entry.version)} if entry.version else {}
                await self._api.delete(
                    self._root.file_url(path), headers=condition, operation=_OPERATION, path=path
                )
        return None

    async def has_moved(self, source: str, target: Target, size: int | None) -> bool:
        """Tell, after a MOVE whose answer was lost, whether it happened: the source is gone, the destination is ours."""
        with _quietly():
            try:
                await self._look(source)
            except NotFound:
                entry = await self._look(target.ref.path)
                return entry.kind is EntryKind.FILE and entry.size == size
        return False

    async def stands_there(self, target: Target) -> bool:
        """Tell whether anything of the target's name can be seen."""
        found: Entry | None = None
        with _quietly():
            found = await self._look(target.ref.path)
        return found is not None

    async def drop(self, target: Target, name: str) -> None:
        """Remove what the upload itself has put down under a name, as far as the server lets it."""
        path = target.folder.child(name).path
        with _quietly():
            async with asyncio.timeout(_LIMIT_S):
                await self._api.delete(self._root.file_url(path), operation=_OPERATION, path=path)

    def _may_be_ours(self, entry: Entry, body: InHand | Streamed) -> bool:
        if entry.kind is not EntryKind.FILE or entry.size is None or body.size is None or not body.repeatable:
            return False
        return entry.size == body.size or (entry.size < body.size and not self._atomic_put)

    async def _begins(self, entry: Entry, path: str, body: InHand | Streamed) -> bool:
        stored = read_file(
            self._api,
            self._root.file_url(path),
            path,
            offset=0,
            length=entry.size,
            version=entry.version,
            look_again=lambda: self._look(path),
        )
        async with aclosing(stored) as pieces:
            return await begins_with(body, pieces)

    async def _look(self, path: str) -> Entry:
        url = self._root.file_url(path)
        found = await self._api.resource(url, LIVE_PROPERTIES, operation=_OPERATION, path=path)
        return entry_of(found, path.rpartition("/")[2])


@contextmanager
def _quietly() -> Iterator[None]:
    with suppress(Exception):  # reading the content again may raise whatever its source raises
        yield
