"""Earlier versions of files."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from mover.connectors.box.addresses import FILE, number
from mover.connectors.box.answers import Version, time_ns, whole
from mover.connectors.box.api import BoxApi
from mover.connectors.box.faults import placed
from mover.connectors.box.reading import read_file
from mover.connectors.box.spots import Spots, doing_at
from mover.connectors.contract import FileVersion
from mover.entries import NO_HASHES, EntryRef, HashName
from mover.errors import NotFound

_SHA1 = re.compile(r"[0-9a-f]{40}")


class BoxVersions:
    """As `contract.Versions`.

    Args:
        api: The calls.
        spots: Finds files.
    """

    def __init__(self, api: BoxApi, spots: Spots) -> None:
        self._api = api
        self._spots = spots

    async def of(self, file: EntryRef) -> Sequence[FileVersion]:
        """See the contract. One call, and one for each thousand earlier versions, at least one."""
        with placed(self._api.service, "versions", file.path):
            spot = await self._spots.of(file, "versions")
            if spot.kind != FILE:
                raise NotFound("this is no file")
        doing = doing_at(spot, "versions", file.path)
        item = await self._api.item(
            FILE, spot.id, doing, fields="id,type,sha1,size,file_version,content_modified_at,modified_by"
        )
        found: list[FileVersion] = []
        offset = 0
        while True:
            page = await self._api.versions(spot.id, offset, doing)
            entries = page.entries or ()
            found += [_described(version) for version in entries if version.id is not None]
            offset += len(entries)
            if not entries or offset >= (page.total_count or 0):
                break
        found.sort(key=lambda version: int(version.id))  # ids of versions grow
        current = item.file_version
        if current is not None and current.id is not None:
            told = Version(current.id, item.sha1, item.size, item.content_modified_at, item.modified_by)
            found = [version for version in found if version.id != current.id] + [_described(told)]
        return found

    async def read(
        self, file: EntryRef, version: FileVersion, *, offset: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See the contract. Two calls."""
        with placed(self._api.service, "read", file.path):
            spot = await self._spots.of(file, "read")
        reading = read_file(
            self._api, spot, file.path, version=number(version.id), offset=offset, length=length
        )
        async with aclosing(reading) as pieces:
            async for piece in pieces:
                yield piece


def _described(version: Version) -> FileVersion:
    assert version.id is not None
    sha1 = (version.sha1 or "").lower()
    author = version.modified_by
    return FileVersion(
        id=number(version.id),
        size=whole(version.size),
        modified_ns=time_ns(version.modified_at),
        hashes={HashName.SHA1: sha1} if _SHA1.fullmatch(sha1) else NO_HASHES,
        author=(author.login or "").lower() or author.name if author is not None else None,
    )
