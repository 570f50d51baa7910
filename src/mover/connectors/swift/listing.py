"""Folders as pages of entries, made of the listings of containers.

A listing does not say all. A dynamic large object stands there with 0 bytes, so everything without bytes is looked at
itself. A static large object that was written before Swift 2.19 (2018) stands there with nothing but the MD5 of its
manifest. Those clusters took segments of 1 MiB and more, so objects of that size are looked at themselves where the
cluster still is that old, or where they are: nobody tells when a cluster became newer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import msgspec

from mover.connectors.contract import Page
from mover.connectors.keys import Place, ancestors, name_of, unaddressable_name
from mover.connectors.swift.api import ListedObject, SwiftApi
from mover.connectors.swift.containers import OF_SEGMENTS, SEGMENTS_FOLDER, Containers
from mover.connectors.swift.faults import SERVICE
from mover.connectors.swift.info import Info
from mover.connectors.swift.objects import (
    file_entry,
    folder_entry,
    is_directory,
    link_target,
    md5_of,
    read_etag,
)
from mover.entries import NO_HASHES, Entry, EntryKind
from mover.errors import Conflict, NotFound, PermissionDenied, ProtocolViolation
from mover.transport.unreadable import UNREADABLE

_LOOKS_AT_ONCE = 8
_SMALLEST_OLD_SLO = 1024 * 1024
_NO_OLD_CLUSTERS_SINCE = (
    "2023-05"  # when the last distribution with an older Swift (Ubuntu 18.04) went out of support
)
_OPERATION = "list_folder"


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a listing goes on: behind a key, with the objects and markers of which a prefix may still come."""

    marker: str
    files: list[str] = []
    markers: list[str] = []


@dataclass(frozen=True, kw_only=True)
class Lister:
    """Lists the folders of one account.

    Attributes:
        api: The calls.
        containers: What is known of containers.
        info: What the cluster can do.
        page: Most lines to ask for at once.
    """

    api: SwiftApi
    containers: Containers
    info: Info
    page: int

    async def containers_of_account(self, cursor: str | None) -> AsyncGenerator[Page, None]:
        """Yield the account's containers as folders."""
        marker = cursor or ""
        page = min(self.page, self.info.swift.account_listing_limit)
        while True:
            names = await self.api.list_containers(marker, most=page, operation=_OPERATION, path="/")
            if self._only_repeats(names, marker, page):
                names = []
            if any(name <= marker for name in names):
                raise _repeats("/")
            beside = set(names)
            entries = []
            for name in names:
                if "/" in name or "\0" in name or not name:
                    entries.append(_unaddressable(name))
                    continue
                segments = await self.containers.holds_segments(name, beside, "/")
                entries.append(folder_entry(name, internal=OF_SEGMENTS if segments else None))
            more = not self.info.ends_with(len(names), asked=page)
            marker = names[-1] if names else marker
            yield Page(entries, marker if more else None)
            if not more:
                return

    async def objects_of(self, place: Place, path: str, cursor: str | None) -> AsyncGenerator[Page, None]:
        """Yield what stands directly in a folder of a container; as `Connector.list_folder`."""
        assert place.bucket is not None
        state = _read_cursor(cursor, path) if cursor else _Cursor("")
        found = cursor is not None or not place.parts
        page = min(self.page, self.info.swift.container_listing_limit)
        while True:
            listed = await self.api.list_objects(
                place.bucket,
                place.prefix,
                marker=state.marker,
                most=page,
                operation=_OPERATION,
                path=path,
            )
            if self._only_repeats([line.key for line in listed], state.marker, page):
                listed = []
            if not listed and not found:
                await self._check_marker(place, path)
            found = True
            more = not self.info.ends_with(len(listed), asked=page)
            entries, state = await self._entries(place, listed, state, path)
            yield Page(entries, msgspec.json.encode(state).decode() if more else None)
            if not more:
                return

    def _only_repeats(self, keys: Sequence[str], marker: str, page: int) -> bool:
        """Tell whether an answer is the end in the words of servers that are no Swift and take a marker loosely.

        Behind a page with gaps they are asked for more, and repeat what stood in it: the folder that was its last line,
        or everything.
        """
        return not self.info.fills_pages and len(keys) < page and all(key <= marker for key in keys)

    async def _check_marker(self, place: Place, path: str) -> None:
        """Raise NotFound unless an object whose key has no slash at its end marks the folder in which nothing stands."""
        if not place.folder_only:
            assert place.bucket is not None
            try:
                facts = await self.api.head_object(place.bucket, place.key, operation=_OPERATION, path=path)
            except NotFound:
                pass
            else:
                if facts.is_directory:
                    return
        raise NotFound("there is no such folder", service=SERVICE, operation=_OPERATION, path=path)

    async def _entries(
        self, place: Place, listed: Sequence[ListedObject], state: _Cursor, path: str
    ) -> tuple[list[Entry], _Cursor]:
        """Make entries of a page, and the cursor behind it."""
        prefix = place.prefix
        files, markers = set(state.files), set(state.markers)
        entries: list[Entry] = []
        doubtful: list[tuple[int, str]] = []
        last = state.marker
        for line in listed:
            key = line.key
            if not key.startswith(prefix) or key <= last:
                raise _strays(path) if not key.startswith(prefix) else _repeats(path)
            last = key
            if line.subdir is not None:
                folder = key[:-1]
                if len(key) <= len(prefix) or key.find("/", len(prefix)) != len(key) - 1:
                    raise _strays(path)
                if "\0" in key:
                    entries.append(_unaddressable(key[len(prefix) :]))
                elif folder not in markers:
                    entries.append(_folder(folder, prefix, beside_object=folder in files))
            elif key == prefix:
                if line.bytes:  # a marker with something in it, which no file's name leads to
                    entries.append(
                        Entry(name=unaddressable_name(b"marker"), kind=EntryKind.SPECIAL, size=line.bytes)
                    )
            elif "\0" in key or "/" in key[len(prefix) :]:
                entries.append(_unaddressable(key[len(prefix) :]))
            elif is_directory(line.content_type, line.bytes):
                markers.add(key)
                entries.append(_folder(key, prefix, beside_object=False))
            else:
                files.add(key)
                if self._is_doubtful(line):
                    doubtful.append((len(entries), key))
                entries.append(_file(name_of(key[len(prefix) :]), line))
        await self._look_at(place, entries, doubtful, path)
        following = _Cursor(last, sorted(ancestors(files, last)), sorted(ancestors(markers, last)))
        return entries, following

    def _is_doubtful(self, line: ListedObject) -> bool:
        if link_target(line.symlink_path) is not None or line.slo_etag is not None:
            return False
        if 0 < line.bytes < _SMALLEST_OLD_SLO:
            return False
        return not line.bytes or not self.info.lists_slo_etags or line.last_modified < _NO_OLD_CLUSTERS_SINCE

    async def _look_at(
        self, place: Place, entries: list[Entry], doubtful: Sequence[tuple[int, str]], path: str
    ) -> None:
        """Put what the objects themselves say in the place of what the listing says; some at once."""
        if not doubtful:
            return
        container = place.bucket
        assert container is not None
        slots = asyncio.Semaphore(_LOOKS_AT_ONCE)

        async def look(index: int, key: str) -> None:
            async with slots:
                try:
                    facts = await self.api.head_object(container, key, operation=_OPERATION, path=path)
                except NotFound:
                    return  # removed since it was listed: reading it will say so
                except (PermissionDenied, Conflict):
                    # Perhaps of segments that this account may not see. One such object must not hide all others.
                    entries[index] = msgspec.structs.replace(
                        entries[index], size=None, version=None, hashes=NO_HASHES
                    )
                    return
            entries[index] = file_entry(entries[index].name, facts)

        looks = [asyncio.create_task(look(index, key)) for index, key in doubtful]
        try:
            await asyncio.gather(*looks)
        finally:
            for task in looks:
                task.cancel()
            await asyncio.wait(looks)


def _unaddressable(part: str) -> Entry:
    return Entry(name=unaddressable_name(part.encode()), kind=EntryKind.SPECIAL)


def _folder(key: str, prefix: str, *, beside_object: bool) -> Entry:
    part = key[len(prefix) :]
    internal = OF_SEGMENTS if part == SEGMENTS_FOLDER and not prefix else None
    return folder_entry(name_of(part, beside_object=beside_object), internal=internal)


def _file(name: str, line: ListedObject) -> Entry:
    if (pointed_to := link_target(line.symlink_path)) is not None:
        return Entry(name=name, kind=EntryKind.SHORTCUT, target=pointed_to)
    large = line.slo_etag is not None
    etag = read_etag(line.slo_etag if line.slo_etag is not None else line.hash)
    return Entry(
        name=name,
        kind=EntryKind.FILE,
        size=line.bytes,
        version=etag,
        hashes=NO_HASHES if large else md5_of(etag),
        media_type=line.content_type,
    )


def _read_cursor(cursor: str, path: str) -> _Cursor:
    try:
        return msgspec.json.decode(cursor, type=_Cursor)
    except UNREADABLE as error:
        raise ProtocolViolation(
            "the place where the listing was left off cannot be read",
            service=SERVICE,
            operation=_OPERATION,
            path=path,
        ) from error


def _repeats(path: str) -> ProtocolViolation:
    return ProtocolViolation(
        "the listing does not go on where it was left off", service=SERVICE, operation=_OPERATION, path=path
    )


def _strays(path: str) -> ProtocolViolation:
    return ProtocolViolation(
        "the listing has entries of another folder", service=SERVICE, operation=_OPERATION, path=path
    )
