"""The segments of large objects that are under way, in a container of their own.

    <container>_segments/<key>/.mover-<key of the target>.part     the mark of an upload that has begun; holds its id
    <container>_segments/<key>/<id>/00000001 ...                   its segments

The mark is named by the target, so that a repetition finds what an attempt left behind that nobody knows any more. The
id is new for each upload: the segments of a finished object are part of it and must never be written again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncGenerator, Sequence

import msgspec

from mover.connectors.contract import SentPart, Target, temporary_name
from mover.connectors.swift.addresses import encode
from mover.connectors.swift.api import SwiftApi
from mover.connectors.swift.calls import Call
from mover.connectors.swift.faults import NOT_FOUND, Fault, status_of
from mover.connectors.swift.info import Info
from mover.connectors.swift.objects import Make
from mover.errors import NotFound

_PAGE = 1000
_ROOM_FOR_OWN_NAMES = 96  # bytes behind the object's key: `/.mover-` with 64 characters and `.part`
_MARK_LIMIT = 1024
_NUMBER = re.compile(r"[0-9]{8}")
_ID = re.compile(r"[0-9a-f]{16,64}")


class Upload(msgspec.Struct, frozen=True, array_like=True):
    """An upload that has begun. Kept in the ledger as text.

    Attributes:
        container: Of the object.
        key: Of the object.
        segments: The container of the segments.
        stem: What the names of the mark and of the segments begin with.
        mark: Name of the mark.
        id: Of this upload.
        size: Of the file; None if unknown.
        path: For errors.
    """

    container: str
    key: str
    segments: str
    stem: str
    mark: str
    id: str
    size: int | None
    path: str

    @classmethod
    def of(
        cls,
        target: Target,
        size: int | None,
        *,
        container: str,
        key: str,
        segments: str,
        new_id: str,
        longest: int,
    ) -> Upload:
        """Name an upload; the segments of a very long key stand under its SHA-256."""
        fits = len(key.encode()) + _ROOM_FOR_OWN_NAMES <= longest
        stem = key if fits else hashlib.sha256(key.encode()).hexdigest()
        mark = f"{stem}/{temporary_name(target.key)}"
        return cls(container, key, segments, stem, mark, new_id, size, target.ref.path)

    @property
    def prefix(self) -> str:
        """What the names of its segments begin with."""
        return f"{self.stem}/{self.id}/"

    def segment(self, number: int) -> str:
        """The name of a segment."""
        return f"{self.prefix}{number:08}"


class Segments:
    """The segments of uploads in one account.

    Args:
        api: The calls.
        info: What the cluster can do.
    """

    def __init__(self, api: SwiftApi, info: Info) -> None:
        self._api = api
        self._info = info
        self._page = min(_PAGE, info.swift.container_listing_limit)
        self._most_deletes = min(info.bulk_delete.max_deletes_per_request, _PAGE) if info.bulk_delete else 0

    async def put_mark(self, upload: Upload) -> None:
        """Note that an upload has begun."""
        call = Call(
            method="PUT",
            container=upload.segments,
            key=upload.mark,
            headers={"Content-Type": "text/plain"},
            body=upload.id.encode(),
            operation="upload",
            path=upload.path,
        )
        await self._api.headers_of(call)

    async def marked_id(self, upload: Upload) -> str | None:
        """Return the id of the upload that is under way for this target; None if none is."""
        exchange = self._api.get_object(
            upload.segments, upload.mark, byte_range=None, etag=None, operation="upload", path=upload.path
        )
        async with exchange as answer:
            if isinstance(answer, Fault):
                if answer.status == NOT_FOUND:
                    return None
                raise answer.error(operation="upload", path=upload.path, now=self._api.caller.now)
            found = (await answer.read(_MARK_LIMIT)).decode("ascii", "replace")
        return found if _ID.fullmatch(found) else None

    async def remove_mark(self, upload: Upload) -> None:
        """Note that an upload has ended. A service that does not let it go keeps 32 bytes."""
        await self._api.delete(upload.segments, upload.mark, operation="upload", path=upload.path)

    async def stored(self, upload: Upload) -> list[SentPart]:
        """Return the segments that are there; one call for each 1,000."""
        found = []
        async for names in self._pages(upload):
            found += [
                SentPart(int(name[len(upload.prefix) :]), size, etag)
                for name, size, etag in names
                if _NUMBER.fullmatch(name[len(upload.prefix) :])
            ]
        return found

    async def belong_to_an_object(self, upload: Upload) -> bool:
        """Tell whether the upload was finished: the object at its place consists of its segments, for all that is known."""
        try:
            facts = await self._api.head_object(
                upload.container, upload.key, newest=True, operation="abort", path=upload.path
            )
            if facts.make is not Make.STATIC:
                return False
            manifest = await self._api.manifest(
                upload.container, upload.key, operation="abort", path=upload.path
            )
        except NotFound:
            return False
        own = f"/{upload.segments}/{upload.prefix}"
        # No manifest is empty. One that does not say what it consists of may consist of these.
        return not manifest or any(not line.place or line.place.startswith(own) for line in manifest)

    async def remove(self, upload: Upload) -> None:
        """Remove the upload's own segments, and no others. Raises what keeps one from being removed."""
        async for names in self._pages(upload):
            await self._delete(upload, [name for name, _, _ in names])

    async def _pages(self, upload: Upload) -> AsyncGenerator[list[tuple[str, int, str]], None]:
        marker = ""
        while True:
            try:
                listed = await self._api.list_objects(
                    upload.segments,
                    upload.prefix,
                    marker=marker,
                    delimiter="",
                    most=self._page,
                    operation="upload",
                    path=upload.path,
                )
            except NotFound:  # the container itself
                return
            names = [
                (line.key, line.bytes, line.hash)
                for line in listed
                if line.key > marker and line.key.startswith(upload.prefix)
            ]
            if names:
                yield names
                marker = names[-1][0]
            if self._info.ends_with(len(names), asked=self._page):
                return

    async def _delete(self, upload: Upload, names: Sequence[str]) -> None:
        if not self._most_deletes:
            for name in names:
                fault = await self._api.delete(upload.segments, name, operation="abort", path=upload.path)
                if fault is not None and fault.status != NOT_FOUND:
                    raise fault.error(operation="abort", path=upload.path, now=self._api.caller.now)
            return
        for start in range(0, len(names), self._most_deletes):
            places = [
                encode(f"{upload.segments}/{name}") for name in names[start : start + self._most_deletes]
            ]
            answer = await self._api.bulk_delete(places, operation="abort", path=upload.path)
            # The HTTP status was 200; what really happened stands inside.
            bad = [status for _, status in answer.errors] or [answer.status]
            if status_of(bad[0]) >= 300:  # noqa: PLR2004 - no success
                fault = Fault(status_of(bad[0]), {}, f"{bad[0]} {answer.body}".strip())
                raise fault.error(operation="abort", path=upload.path, now=self._api.caller.now)
