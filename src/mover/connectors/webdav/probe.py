"""Finding out by trial, at the first upload, what no header of a server tells."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from mover.connectors.contract import temporary_name
from mover.connectors.webdav.api import LIVE_PROPERTIES, DavApi
from mover.connectors.webdav.content import InHand
from mover.connectors.webdav.urls import Root
from mover.entries import NO_HASHES, EntryRef
from mover.errors import Conflict, MoverError, NotFound, PermissionDenied, ProtocolViolation, Unsupported

_OPERATION = "upload"
_NOTHING = InHand(b"", NO_HASHES)
_DELICATE = re.compile(r"[?;\x00-\x1f]")


def is_delicate(path: str) -> bool:
    """Tell whether a path has characters that some servers lose from the `Destination` of a MOVE.

    WsgiDAV decodes the header before it takes it apart, so an encoded `?` or `;` ends the path there and the file
    comes to stand under another name, over whatever has that name.
    """
    return _DELICATE.search(path) is not None


class Probe:
    """Answers two questions about a server, each asked at most once, with an empty temporary file.

    Args:
        api: Of the server.
        root: Of the connection.
        conditional: The first answer, where it is known.
        token: Makes the temporary file's name unlike that of any other process.
    """

    def __init__(
        self,
        api: DavApi,
        root: Root,
        *,
        conditional: bool | None,
        token: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._api = api
        self._root = root
        self._conditional = conditional
        self._faithful: bool | None = None
        self._token = token
        self._asking = asyncio.Lock()

    async def conditional(self, folder: EntryRef) -> bool:
        """Tell whether `If-None-Match: *` keeps a PUT from replacing a file; three calls in `folder`.

        Raises what a first upload to that folder would raise.
        """
        if self._conditional is None:
            async with self._asking:
                if self._conditional is None:
                    self._conditional = await self._with_file(folder, self._try_condition)
        return self._conditional

    async def moves_faithfully(self, folder: EntryRef) -> bool:
        """Tell whether a MOVE ends where its `Destination` says even if that is delicate; five calls in `folder`.

        Raises what a first upload to that folder would raise.
        """
        if self._faithful is None:
            async with self._asking:
                if self._faithful is None:
                    self._faithful = await self._with_file(folder, self._try_move)
        return self._faithful

    async def _with_file(self, folder: EntryRef, ask: Callable[[str], Awaitable[bool]]) -> bool:
        path = folder.child(temporary_name(f"probe-{self._token()}")).path
        await self._api.put(self._root.file_url(path), _NOTHING, operation=_OPERATION, path=path)
        async with self._removed_afterwards(path):
            return await ask(path)

    async def _try_condition(self, path: str) -> bool:
        try:
            await self._api.put(
                self._root.file_url(path),
                _NOTHING,
                headers={"If-None-Match": "*"},
                operation=_OPERATION,
                path=path,
            )
        except (Conflict, Unsupported) as refusal:
            return isinstance(refusal, Conflict)
        return False

    async def _try_move(self, path: str) -> bool:
        url = self._root.file_url(path)
        # Should the server cut the name at the first delicate character, that too is a temporary name of our own.
        delicate = f"{path}?;{path.rpartition('/')[2]}"
        destination = self._root.file_url(delicate)
        async with self._removed_afterwards(delicate):
            try:
                await self._api.move(url, destination, overwrite=False, operation=_OPERATION, path=path)
                await self._api.resource(destination, LIVE_PROPERTIES, operation=_OPERATION, path=path)
            except (Conflict, NotFound, PermissionDenied, ProtocolViolation, Unsupported):
                return False
            return True

    @asynccontextmanager
    async def _removed_afterwards(self, path: str) -> AsyncIterator[None]:
        try:
            yield
        finally:
            with suppress(MoverError):  # an empty file with a temporary name; scans pass it over
                await self._api.delete(self._root.file_url(path), operation=_OPERATION, path=path)
