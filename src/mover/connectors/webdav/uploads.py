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

from contextlib import suppress

from mover.connectors.contract import Content, Target, temporary_name
from mover.connectors.webdav.aftermath import Aftermath
from mover.connectors.webdav.api import LIVE_PROPERTIES, DavApi
from mover.connectors.webdav.content import InHand, Streamed, at_hand, safe_media_type
from mover.connectors.webdav.extensions import (
    check_received,
    checksum_header,
    hash_request,
    time_header,
    uploaded_entry,
)
from mover.connectors.webdav.listing import entry_of, etag_of
from mover.connectors.webdav.probe import Probe, is_delicate
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
_MOST_BROKEN = 10_000


class Uploads:
    """Sends whole files to one server."""

    def __init__(self, api: DavApi, root: Root, traits: Traits) -> None:
        self._api = api
        self._root = root
        self._traits = traits
        self._broken: set[str] = set()
        self._aftermath = Aftermath(api, root, atomic_put=traits.atomic_put)
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
        except BaseException as error:
            found = await self._after_failure(error, target, body)
            if found is None:
                raise
            return found

    async def _after_failure(
        self, error: BaseException, target: Target, body: InHand | Streamed
    ) -> Entry | None:
        """Return the file if it was created all the same; remove a fragment of it. Raises Conflict."""
        path = target.ref.path
        if isinstance(error, MoverError) and not (isinstance(body, Streamed) and body.failed):
            match error:
                case Conflict():
                    if path in self._broken:
                        return await self._create_after_break(target, body)
                    raise _taken(target) from error
                case NotFound() | Unsupported():
                    if await self._aftermath.stands_there(target):
                        raise _taken(target) from error
                    return None
                case Unreachable() | TimedOut() | ServiceFault() | IntegrityError() | QuotaExceeded():
                    self._remember_break(path)
                    return await self._aftermath.settle(target, body)
                case _:  # refused before anything was stored
                    return None
        if not self._traits.atomic_put:  # cancelled, or the content could not be read
            self._remember_break(path)
            await self._aftermath.settle(target, body)
        return None

    async def _create_after_break(self, target: Target, body: InHand | Streamed) -> Entry:
        """Create what was not there before an earlier try of ours broke, so that a beginning of it now is our fragment.

        The server may have put it down only after that try had looked for it.
        """
        self._broken.discard(target.ref.path)
        if (found := await self._aftermath.settle(target, body)) is not None:
            return found
        if body.repeatable:
            with suppress(Conflict):
                return await self._put(target, target.name, body, {"If-None-Match": "*"})
        raise _taken(target)

    def _remember_break(self, path: str) -> None:
        if not self._traits.atomic_put and len(self._broken) < _MOST_BROKEN:
            self._broken.add(path)

    async def _put_over(self, target: Target, replaced: Entry, body: InHand | Streamed) -> Entry:
        condition = {"If-Match": etag_of(replaced.version)} if replaced.version else {}
        try:
            return await self._put(target, target.name, body, condition)
        except (Conflict, NotFound) as error:
            if isinstance(body, Streamed) and body.failed:  # the source's error, not the server's
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
            await self._aftermath.drop(target, temporary)
            raise
        try:
            await self._move_into_place(target, temporary, body.size)
        except BaseException:
            # A server that gave up between removing the old file and moving the new one leaves only the new one.
            if target.replaces is None or await self._aftermath.stands_there(target):
                await self._aftermath.drop(target, temporary)
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
                await self._aftermath.drop(target, name)  # ours: the server has just said that it created it
            raise error.at(service="webdav", operation=_OPERATION, path=path) from error.__cause__
        return uploaded_entry(self._traits, name, answer, modified_ns=target.modified_ns, hashes=hashes)

    async def _move_into_place(self, target: Target, temporary: str, size: int | None) -> None:
        source_path = target.folder.child(temporary).path
        source = self._root.file_url(source_path)
        path = target.ref.path
        destination = self._root.file_url(path)
        overwrite = target.replaces is not None
        try:
            await self._api.move(source, destination, overwrite=overwrite, operation=_OPERATION, path=path)
        except Conflict as error:
            raise _taken(target) from error
        except (Unreachable, TimedOut, ServiceFault):
            if not await self._aftermath.has_moved(source_path, target, size):
                raise

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
