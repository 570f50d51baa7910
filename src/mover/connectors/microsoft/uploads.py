"""Uploads of whole files: an upload session and one fragment, two calls, as many as other clients make.

| file                    | calls                                                                     |
| ----------------------- | ------------------------------------------------------------------------- |
| new or replaced         | createUploadSession + PUT (one for each 60 MiB)                           |
| empty                   | PUT content, and PATCH for its times: sessions take no content of no bytes |

A simple PUT would be one call, and cost a second version on work drives once the times are set. Where the PUT of a new file
is refused because there are too many calls, its session is kept for the next attempt: to drop it and to begin another one
would be two calls more, just when the service asks for fewer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass

from mover.connectors.bodies import body_of
from mover.connectors.bounded import Bounded
from mover.connectors.contract import Content, Target
from mover.connectors.microsoft.addressing import Address
from mover.connectors.microsoft.api import GraphApi
from mover.connectors.microsoft.listing import Lister, hashes_of
from mover.connectors.microsoft.model import Item
from mover.connectors.microsoft.sessions import (
    LARGEST_FRAGMENT,
    Grain,
    RepeatedError,
    UploadGone,
    UploadUrl,
    create,
    file_times,
    place_of,
)
from mover.entries import Entry, HashName
from mover.errors import (
    Changed,
    IntegrityError,
    MoverError,
    NotFound,
    ProtocolViolation,
    ServiceFault,
    Throttled,
    TimedOut,
    Unreachable,
    Unsupported,
)
from mover.vault.secret import Secret

_OPERATION = "upload"
_CLEANING_S = 10.0
_MOST_KEPT = 1_000
"""Sessions whose content was refused; those that are forgotten end by themselves in some days."""


@dataclass(frozen=True)
class _Begun:
    """A session of a new file, of which the service has nothing yet.

    Attributes:
        place: Where the file will stand.
        target: With its times: they are told when a session begins.
        size: In bytes.
        url: A right to write the file.
    """

    place: Address
    target: Target
    size: int
    url: Secret


class Uploads:
    """Sends whole files."""

    def __init__(self, api: GraphApi, lister: Lister, grain: Grain) -> None:
        self._api = api
        self._lister = lister
        self._grain = grain
        self._refused: Bounded[str, _Begun] = Bounded(_MOST_KEPT)

    async def upload(self, folder: Address, target: Target, content: Content) -> Entry:
        """Do what `Connector.upload` promises."""
        size = content.size
        if size is None:
            raise Unsupported(
                "the service must know the size in advance", operation=_OPERATION, path=target.ref.path
            )
        place, tag = place_of(folder, target)
        if size == 0:
            return await self._empty(place, tag, target, content)
        try:
            item = await self._in_session(place, tag, target, content, size)
        except Throttled as error:
            error.did_nothing = True  # the call that makes the file is the last one
            raise
        return self._entry(folder, item)

    async def _in_session(
        self, place: Address, tag: str | None, target: Target, content: Content, size: int
    ) -> Item:
        kept = self._refused.pop(target.key)
        if kept is not None and (kept.place, kept.target, kept.size) == (place, target, size):
            with suppress(UploadGone):
                return await self._by_url(kept.url.reveal(), place, target, content, size)
        url = await create(
            self._api, place, target, size, self._grain, if_match=tag, deferred=False, operation=_OPERATION
        )
        try:
            return await self._by_url(url, place, target, content, size)
        except UploadGone as error:
            raise ServiceFault(
                "the service has lost the upload; the file is sent again", said=error.said
            ) from None

    async def _by_url(self, url: str, place: Address, target: Target, content: Content, size: int) -> Item:
        session = UploadUrl(self._api.caller, url, operation=_OPERATION, path=target.ref.path)
        try:
            return await self._send(session, content, size)
        except Throttled as error:
            if target.replaces is not None or size > LARGEST_FRAGMENT:
                return await self._settle(session, place, target, content, error)
            self._refused.put(target.key, _Begun(place, target, size, Secret(url)))
            raise
        except BaseException as error:  # noqa: BLE001 - raised again once the upload is dropped
            return await self._settle(session, place, target, content, error)

    def _entry(self, folder: Address, item: Item) -> Entry:
        self._api.caller.fresh.add(folder.drive, item.id)
        return self._lister.entry(folder.drive, item)

    async def _send(self, session: UploadUrl, content: Content, size: int) -> Item:
        item: Item | None = None
        try:
            if size <= LARGEST_FRAGMENT:
                body = await body_of(content, size)
                item = await session.send(0, size, size, body if isinstance(body, bytes) else body())
            else:
                async with aclosing(_Pieces(content.chunks())) as pieces:
                    for offset in range(0, size, LARGEST_FRAGMENT):
                        length = min(LARGEST_FRAGMENT, size - offset)
                        item = await session.send(offset, length, size, pieces.take(length))
                    await pieces.check_end()
        except RepeatedError:
            raise ServiceFault("the service awaits another part of the file") from None
        if item is None:
            raise ProtocolViolation("the service has the whole file and does not make it")
        return item

    async def _settle(
        self, session: UploadUrl, place: Address, target: Target, content: Content, error: BaseException
    ) -> Item:
        """Return the file if it was made though the answer was lost; else drop the upload and raise the error."""
        if isinstance(error, Unreachable | TimedOut | ServiceFault | UploadGone):
            with suppress(MoverError):
                found = await self._made(session, place, target, content)
                if found is not None:
                    return found
        async with asyncio.timeout(_CLEANING_S):
            with suppress(MoverError):  # it ends by itself in some days
                await session.cancel()
        raise error

    async def _made(
        self, session: UploadUrl, place: Address, target: Target, content: Content
    ) -> Item | None:
        try:
            await session.next_offset(content.size)
        except NotFound:
            item = await self._api.item(place, operation=_OPERATION, path=target.ref.path)
            is_new = target.replaces is None or item.c_tag != target.replaces.version
            return item if is_new and is_ours(item, content, self._lister, place) else None
        return None

    async def _empty(self, place: Address, tag: str | None, target: Target, content: Content) -> Entry:
        path = target.ref.path
        async for piece in content.chunks():
            if piece:
                raise IntegrityError("the content is not empty as announced", operation=_OPERATION, path=path)
        item = await self._api.put_nothing(place, if_match=tag, operation=_OPERATION, path=path)
        made = Address(place.drive, item.id)
        self._api.caller.fresh.add(place.drive, item.id)
        if times := file_times(target, self._grain):
            try:
                item = await self._api.update(
                    made, {"fileSystemInfo": times}, operation=_OPERATION, path=path
                )
            except MoverError:
                if target.replaces is None:  # so that a repetition finds nothing in its way
                    with suppress(MoverError):
                        await self._api.delete(made, operation=_OPERATION, path=path)
                raise
        return self._lister.entry(place.drive, item)


def is_ours(item: Item, content: Content, lister: Lister, place: Address) -> bool:
    """Tell whether an item holds a content, as far as that is known: by hash, else by size."""
    known = content.hashes.get(HashName.QUICKXOR)
    told = hashes_of(item).get(HashName.QUICKXOR)
    if known is not None and told is not None:
        return known == told
    return lister.entry(place.drive, item).size == content.size


class _Pieces:
    """The chunks of a content, cut where fragments end."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    async def take(self, length: int) -> AsyncGenerator[bytes, None]:
        """Yield the next `length` bytes, or fewer if there are no more."""
        left = length
        while left:
            piece, self._rest = self._rest or await anext(self._chunks, b""), b""
            if not piece:
                return
            piece, self._rest = piece[:left], piece[left:]
            left -= len(piece)
            yield piece

    async def check_end(self) -> None:
        """Raise IntegrityError if there is more."""
        if self._rest or await anext(self._chunks, b""):
            raise IntegrityError("the content is longer than announced")

    async def aclose(self) -> None:
        """Close the content."""
        if isinstance(self._chunks, AsyncGenerator):
            await self._chunks.aclose()


def changed(path: str) -> Changed:
    """The file to be replaced is another one by now."""
    return Changed("the file to be replaced is no longer the one that was seen", path=path)
