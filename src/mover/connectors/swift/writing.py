"""Whole objects and markers of folders: where they go, and under what conditions."""

from __future__ import annotations

import contextlib

from mover.connectors.bodies import body_of
from mover.connectors.contract import Content, Target
from mover.connectors.keys import Place, check_writable, place_of
from mover.connectors.swift.api import SwiftApi
from mover.connectors.swift.calls import Call
from mover.connectors.swift.containers import Containers
from mover.connectors.swift.faults import SERVICE
from mover.connectors.swift.objects import (
    DIRECTORY,
    folder_entry,
    md5_of,
    object_headers,
    written_entry,
)
from mover.connectors.swift.placing import Placing
from mover.entries import Entry, EntryRef, HashName
from mover.errors import Conflict, IntegrityError, NameRejected, NotFound


class Writing:
    """Writes to one account.

    Args:
        api: The calls.
        containers: Makes those that are needed.
        placing: Writes without replacing anything else.
        container: The connection's; None if the top folders are the containers.
        longest: Bytes that a key may have.
    """

    def __init__(
        self,
        api: SwiftApi,
        containers: Containers,
        placing: Placing,
        *,
        container: str | None,
        longest: int,
    ) -> None:
        self._api = api
        self._containers = containers
        self._placing = placing
        self._container = container
        self._longest = longest

    def locate(self, target: Target) -> Place:
        """Find where a file goes. Raises NameRejected, PathTooLong."""
        path = target.ref.path
        place = place_of(path, self._container)
        if not place.parts:
            raise _rejected("at the top stand containers; a file needs one", path)
        self._check(place, path)
        return place

    async def upload(self, target: Target, content: Content) -> Entry:
        """As `Connector.upload`. One call, and one or two more for the first file of a container."""
        path = target.ref.path
        place = self.locate(target)
        assert place.bucket is not None
        await self._containers.make_sure(place.bucket, path)
        size = content.size
        md5 = content.hashes.get(HashName.MD5)
        call = Call(
            method="PUT",
            container=place.bucket,
            key=place.key,
            headers=object_headers(target) | ({"ETag": md5} if md5 else {}),
            body=content.chunks if size is None else await body_of(content, size),
            size=size,
            repeatable=content.repeatable,
            operation="upload",
            path=path,
        )
        with self._containers.expected(place.bucket):
            facts = await self._placing.put(target, call)
        if md5 is not None and facts.etag not in {None, md5}:
            raise IntegrityError(
                "other bytes arrived than were sent", service=SERVICE, operation="upload", path=path
            )
        return written_entry(target, size, facts.etag, md5_of(facts.etag))

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """As `Connector.create_folder`. Two calls: is there an object of that name, and the marker; one for a container."""
        ref = parent.child(name)
        place = place_of(ref.path, self._container)
        assert place.bucket is not None
        if not place.parts:
            _check_container(place.bucket, ref.path)
            await self._containers.create(place.bucket, operation="create_folder", path=ref.path)
            return folder_entry(name)
        self._check(place, ref.path, as_folder=True)
        await self._containers.make_sure(place.bucket, ref.path)
        if not place.folder_only and await self._is_marked(place, ref):
            return folder_entry(name)
        marker = Call(
            method="PUT",
            container=place.bucket,
            key=place.prefix,
            headers={"Content-Type": DIRECTORY},
            body=b"",
            operation="create_folder",
            path=ref.path,
        )
        with contextlib.suppress(Conflict), self._containers.expected(place.bucket):
            # A conflict: the marker is there already.
            await self._placing.put(Target(folder=parent, name=name, key=""), marker)
        return folder_entry(name)

    async def _is_marked(self, place: Place, ref: EntryRef) -> bool:
        """Tell whether an object of the folder's own name marks it; raises Conflict if it is a file."""
        assert place.bucket is not None
        try:
            facts = await self._api.head_object(
                place.bucket, place.key, operation="create_folder", path=ref.path
            )
        except NotFound:
            return False
        if not facts.is_directory:
            raise Conflict(
                "an object of that name is there", service=SERVICE, operation="create_folder", path=ref.path
            )
        return True

    def _check(self, place: Place, path: str, *, as_folder: bool = False) -> None:
        try:
            check_writable(place, as_folder=as_folder, longest=self._longest)
        except NameRejected as error:
            raise error.at(service=SERVICE, operation="upload", path=path) from error.__cause__
        assert place.bucket is not None
        if self._container is None:
            _check_container(place.bucket, path)


def _check_container(container: str, path: str) -> None:
    if container in {"", ".", ".."} or "\0" in container:
        raise _rejected("no container can have this name", path)


def _rejected(message: str, path: str) -> NameRejected:
    return NameRejected(message, service=SERVICE, operation="upload", path=path)
