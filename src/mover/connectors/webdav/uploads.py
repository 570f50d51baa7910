"""Uploads of whole files, in the cheapest way that is safe at the server at hand.

| the server's PUT ...                      | small file, new     | large file, new     | file replaced                 |
| ----------------------------------------- | ------------------- | ------------------- | ----------------------------- |
| is conditional and atomic (1)             | PUT, 1 call         | PUT, 1 call         | PUT with If-Match, 1 call     |
| is conditional, may leave fragments (2)   | PUT, 1 call         | PUT + MOVE, 2 calls | PUT + look + MOVE, 3 calls    |
| is unconditional (3)                      | PUT + MOVE, 2 calls | PUT + MOVE, 2 calls | PUT + look + MOVE, 3 calls    |

(1) mod_dav_fs, Nextcloud, ownCloud; (2) WsgiDAV; (3) nginx, rclone. Between (2) and (3) decides a probe at the first
upload. PUT means under a temporary name wherever MOVE follows, and `Overwrite: F` (RFC 4918 section 9.9.3) then keeps
an entry that appeared in between. Small files may go under their own name on servers of kind 2 because their bytes
leave this machine in one piece; should the connection break all the same, the fragment is compared with the content
and removed only if it is a beginning of it. Names that a server's MOVE would mangle never go through a MOVE.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

from mover.connectors.contract import Content, Target, temporary_name
from mover.connectors.webdav.api import LIVE_PROPERTIES, DavApi
from mover.connectors.webdav.content import InHand, Streamed, at_hand, begins_with, safe_media_type
from mover.connectors.webdav.extensions import (
    check_received,
    checksum_header,
    hash_request,
    time_header,
    uploaded_entry,
)
from mover.connectors.webdav.listing import entry_of, etag_of
from mover.connectors.webdav.probe import Probe, is_delicate
from mover.connectors.webdav.reading import read_file
from mover.connectors.webdav.recognition import Traits
from mover.connectors.webdav.urls import Root
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import (
    Changed,
    Conflict,
    IntegrityError,
    MoverError,
    NameRejected,
    NotFound,
    QuotaExceeded,
    ServiceFault,
    TimedOut,
    Unreachable,
    Unsupported,
)

_OPERATION = "upload"
_TIDY_UP_S = 15.0
# After these the server may have stored something, or everything.
_UNSETTLED = (Unreachable, TimedOut, ServiceFault, IntegrityError, QuotaExceeded)


class Uploads:
    """Sends whole files to one server."""

    def __init__(self, api: DavApi, root: Root, traits: Traits) -> None:
        self._api = api
        self._root = root
        self._traits = traits
        self._probe = Probe(api, root, conditional=traits.conditional_put)

    async def upload(self, target: Target, content: Content) -> Entry:
        """Do what `Connector.upload` promises.

        A repetition after a lost answer finds the file and raises Conflict, unless the file was found in time and
        recognised as the one that was sent.
        """
        body = await at_hand(content)
        if target.replaces is None:
            return await self._upload_new(target, body)
        return await self._upload_over(target, target.replaces, body)

    async def _upload_new(self, target: Target, body: InHand | Streamed) -> Entry:
        in_one_piece = self._traits.atomic_put or isinstance(body, InHand)
        if in_one_piece and await self._probe.conditional(target.folder):
            return await self._create(target, body)
        if await self._movable(target.folder, target.name):
            return await self._place(target, body)
        # Better sent in the open than not at all: a fragment is seen and removed, and nothing else is at risk.
        if await self._probe.conditional(target.folder):
            return await self._create(target, body)
        raise _immovable(target.ref.path, _OPERATION)

    async def _upload_over(self, target: Target, replaced: Entry, body: InHand | Streamed) -> Entry:
        if self._traits.atomic_put:
            if replaced.version is None:
                await self._check_unchanged(target, replaced)
            return await self._put_over(target, replaced, body)
        if await self._movable(target.folder, target.name):
            return await self._place(target, body)
        if isinstance(body, InHand):
            await self._check_unchanged(target, replaced)
            return await self._put_over(target, replaced, body)
        raise _immovable(target.ref.path, _OPERATION)

    async def check_movable(self, folder: EntryRef, name: str) -> None:
        """Raise NameRejected if the server's MOVE would not end at that name."""
        if not await self._movable(folder, name):
            raise _immovable(folder.child(name).path, "rename")

    async def _movable(self, folder: EntryRef, name: str) -> bool:
        return not is_delicate(folder.child(name).path) or await self._probe.moves_faithfully(folder)

    async def _create(self, target: Target, body: InHand | Streamed) -> Entry:
        try:
            return await self._put(target, target.name, body, {"If-None-Match": "*"})
        except Conflict as error:
            raise _taken(target) from error
        except (NotFound, Unsupported) as error:
            if not _sources_fault(body) and await self._stands_there(target):
                raise _taken(target) from error
            raise
        except _UNSETTLED:
            if not _sources_fault(body) and (found := await self._settle(target, body)) is not None:
                return found
            raise
        except asyncio.CancelledError:
            if not self._traits.atomic_put:
                await self._settle(target, body)
            raise

    async def _put_over(self, target: Target, replaced: Entry, body: InHand | Streamed) -> Entry:
        condition = {"If-Match": etag_of(replaced.version)} if replaced.version else {}
        try:
            return await self._put(target, target.name, body, condition)
        except (Conflict, NotFound) as error:
            if _sources_fault(body):
                raise
            if not condition or not body.repeatable:
                raise _changed(target) from error
        # If-Match fails on weak ETags, and Apache's are weak while a file is younger than a second.
        await self._check_unchanged(target, replaced)
        return await self._place(target, body)

    async def _place(self, target: Target, body: InHand | Streamed) -> Entry:
        """Send under a temporary name, then move into place."""
        temporary = temporary_name(target.key)
        try:
            entry = await self._put(target, temporary, body, {})
            if target.replaces is not None:
                await self._check_unchanged(target, target.replaces)
        except BaseException:
            await self._drop(target, temporary)
            raise
        try:
            await self._move_into_place(target, temporary, body.size)
        except BaseException:
            # A server that gave up between removing the old file and moving the new one leaves only the new one.
            if target.replaces is None or await self._stands_there(target):
                await self._drop(target, temporary)
            raise
        return Entry(
            name=target.name, kind=EntryKind.FILE, hashes=entry.hashes, modified_ns=entry.modified_ns
        )

    async def _put(
        self, target: Target, name: str, body: InHand | Streamed, condition: dict[str, str]
    ) -> Entry:
        path = target.folder.child(name).path
        headers = {
            **condition,
            **time_header(self._traits, target.modified_ns),
            **checksum_header(self._traits, body.hashes),
            **hash_request(self._traits, body.hashes),
        }
        if (media_type := safe_media_type(target.media_type)) is not None:
            headers["Content-Type"] = media_type
        answer = await self._api.put(
            self._root.file_url(path), body, headers=headers, operation=_OPERATION, path=path
        )
        try:
            hashes = check_received(self._traits, body.hashes, answer)
        except IntegrityError as error:
            if target.replaces is None:
                await self._drop(target, name)  # ours: the server has just said that it created it
            raise error.at(service="webdav", operation=_OPERATION, path=path) from error.__cause__
        return uploaded_entry(self._traits, name, answer, modified_ns=target.modified_ns, hashes=hashes)

    async def _move_into_place(self, target: Target, temporary: str, size: int | None) -> None:
        source = self._root.file_url(target.folder.child(temporary).path)
        path = target.ref.path
        destination = self._root.file_url(path)
        overwrite = target.replaces is not None
        try:
            await self._api.move(source, destination, overwrite=overwrite, operation=_OPERATION, path=path)
        except Conflict as error:
            raise _taken(target) from error
        except (Unreachable, TimedOut, ServiceFault):
            if not await self._has_moved(source, destination, path, size):
                raise

    async def _has_moved(self, source: str, destination: str, path: str, size: int | None) -> bool:
        """Tell, after a MOVE whose answer was lost, whether it happened: the source is gone, the destination is ours."""
        try:
            await self._api.resource(source, LIVE_PROPERTIES, operation=_OPERATION, path=path)
        except NotFound:
            with suppress(MoverError):
                found = await self._api.resource(
                    destination, LIVE_PROPERTIES, operation=_OPERATION, path=path
                )
                entry = entry_of(found, "")
                return entry.kind is EntryKind.FILE and entry.size == size
        except MoverError:  # no answer either: the first error tells the story
            return False
        return False

    async def _check_unchanged(self, target: Target, replaced: Entry) -> None:
        """Raise Changed if the file to be replaced is no longer the one that was seen."""
        path = target.ref.path
        try:
            found = await self._api.resource(
                self._root.file_url(path), LIVE_PROPERTIES, operation=_OPERATION, path=path
            )
        except NotFound as error:
            raise _changed(target) from error
        entry = entry_of(found, target.name)
        if replaced.version is not None and entry.version is not None:
            same = entry.version == replaced.version
        else:
            same = (entry.size, entry.modified_ns) == (replaced.size, replaced.modified_ns)
        if entry.kind is not EntryKind.FILE or not same:
            raise _changed(target)

    async def _settle(self, target: Target, body: InHand | Streamed) -> Entry | None:
        """Look what a PUT under the final name has left whose answer never came.

        Returns the file if it is there whole, byte for byte. Removes a beginning of it, which only a server can have
        left that does not put files in place at once. Anything else is not touched. Never raises: the first error
        tells the story.
        """
        path = target.ref.path
        url = self._root.file_url(path)
        with suppress(MoverError, TimeoutError):
            async with asyncio.timeout(_TIDY_UP_S if isinstance(body, InHand) else None):
                resource = await self._api.resource(url, LIVE_PROPERTIES, operation=_OPERATION, path=path)
                entry = entry_of(resource, target.name)
                size = entry.size
                if entry.kind is not EntryKind.FILE or size is None or body.size is None or size > body.size:
                    return None
                if (size < body.size and self._traits.atomic_put) or not await self._is_ours(
                    url, path, size, body
                ):
                    return None
                if size == body.size:
                    return entry
                await self._api.delete(url, operation=_OPERATION, path=path)
        return None

    async def _is_ours(self, url: str, path: str, size: int, body: InHand | Streamed) -> bool:
        if not body.repeatable:
            return False

        async def look_again() -> Entry:
            return entry_of(
                await self._api.resource(url, LIVE_PROPERTIES, operation=_OPERATION, path=path), ""
            )

        stored = read_file(self._api, url, path, offset=0, length=size, version=None, look_again=look_again)
        async with aclosing(stored) as pieces:
            return await begins_with(body, pieces)

    async def _stands_there(self, target: Target) -> bool:
        path = target.ref.path
        try:
            await self._api.resource(
                self._root.file_url(path), LIVE_PROPERTIES, operation=_OPERATION, path=path
            )
        except MoverError:
            return False
        return True

    async def _drop(self, target: Target, name: str) -> None:
        """Remove what this upload has put down, as far as the server lets it; the first error tells the story."""
        path = target.folder.child(name).path
        with suppress(MoverError, TimeoutError):
            async with asyncio.timeout(_TIDY_UP_S):
                await self._api.delete(self._root.file_url(path), operation=_OPERATION, path=path)


def _sources_fault(body: InHand | Streamed) -> bool:
    return isinstance(body, Streamed) and body.failed


def _immovable(path: str, operation: str) -> NameRejected:
    return NameRejected(
        "the server cannot move anything to a path with ? or ; in it",
        service="webdav",
        operation=operation,
        path=path,
    )


def _taken(target: Target) -> Conflict:
    return Conflict(
        "an entry of this name is there already", service="webdav", operation=_OPERATION, path=target.ref.path
    )


def _changed(target: Target) -> Changed:
    return Changed(
        "the file to be replaced is no longer the one that was seen",
        service="webdav",
        operation=_OPERATION,
        path=target.ref.path,
    )
