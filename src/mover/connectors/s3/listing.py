"""Folders as pages of entries, made of the listing of keys."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec

from mover.connectors.contract import Page
from mover.connectors.keys import Place, ancestors, name_of, unaddressable_name
from mover.connectors.s3.api import ListedObject, Listing, S3Api
from mover.connectors.s3.calls import SERVICE
from mover.connectors.s3.objects import etag_hashes, folder_entry
from mover.entries import NO_HASHES, Entry, EntryKind
from mover.errors import NotFound, ProtocolViolation

_KEYS_A_PAGE = 1000  # the most that S3 gives
_MOST_EMPTY_PAGES = 1000


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a listing goes on: the service's token, and the objects beside which a prefix may still come."""

    token: str
    open_keys: list[str] = []


async def list_buckets(api: S3Api, cursor: str | None) -> AsyncGenerator[Page, None]:
    """Yield the account's buckets as folders."""
    token = cursor
    while True:
        names, following = await api.list_buckets(token, operation="list_folder", path="/")
        if following is not None and following == token:
            raise _repeats("/")
        token = following
        yield Page([folder_entry(name) for name in names], token)
        if token is None:
            return


async def list_objects(
    api: S3Api, place: Place, path: str, cursor: str | None, *, md5: bool
) -> AsyncGenerator[Page, None]:
    """Yield what stands directly in a folder of a bucket; as `Connector.list_folder`.

    Args:
        api: The calls.
        place: The folder.
        path: For errors.
        cursor: Of an earlier page.
        md5: ETags that look like MD5s are MD5s.
    """
    assert place.bucket is not None
    state = _read_cursor(cursor, path) if cursor else None
    token = state.token if state else None
    open_keys = frozenset(state.open_keys) if state else frozenset[str]()
    found = state is not None or not place.parts
    first_of_page: object = None
    empty_pages = 0
    while True:
        listing = await api.list_objects(
            place.bucket,
            place.prefix,
            token=token,
            most=_KEYS_A_PAGE,
            operation="list_folder",
            path=path,
        )
        first = _first(listing)
        if (listing.token is not None and listing.token == token) or (
            first is not None and first == first_of_page
        ):
            raise _repeats(path)
        first_of_page = first
        empty_pages = 0 if first is not None else empty_pages + 1
        if empty_pages > _MOST_EMPTY_PAGES:
            raise ProtocolViolation(
                "the listing goes on without end", service=SERVICE, operation="list_folder", path=path
            )
        found = found or first is not None
        token = listing.token
        if token is None and not found:
            raise NotFound("there is no such folder", service=SERVICE, operation="list_folder", path=path)
        entries, open_keys = _entries(listing, place.prefix, open_keys, path, md5=md5)
        following = msgspec.json.encode(_Cursor(token, sorted(open_keys))).decode() if token else None
        if entries or token is None:
            yield Page(entries, following)
        if token is None:
            return


def _entries(
    listing: Listing, prefix: str, open_keys: frozenset[str], path: str, *, md5: bool
) -> tuple[list[Entry], frozenset[str]]:
    """Make entries of a page; also return the keys beside which later pages may have a prefix."""
    start = len(prefix)
    entries: list[Entry] = []
    keys = set(open_keys)
    last = ""
    for listed in listing.objects:
        key = listed.key
        if isinstance(key, bytes):
            entries.append(
                Entry(name=unaddressable_name(key[len(prefix.encode()) :]), kind=EntryKind.SPECIAL)
            )
            continue
        if (
            not key.startswith(prefix) or "/" in key[start:]
        ):  # one that passes over `delimiter` lists all below
            raise _strays(path)
        last = max(last, key)
        if key == prefix:
            if listed.size:
                entries.append(
                    Entry(name=unaddressable_name(b"marker"), kind=EntryKind.SPECIAL, size=listed.size)
                )
            continue
        keys.add(key)
        entries.append(_file(name_of(key[start:]), listed, md5=md5))
    for folder in listing.prefixes:
        if isinstance(folder, bytes):
            entries.append(
                Entry(name=unaddressable_name(folder[len(prefix.encode()) :]), kind=EntryKind.SPECIAL)
            )
            continue
        if (
            not folder.startswith(prefix)
            or folder.find("/", start) != len(folder) - 1
            or len(folder) == start
        ):
            raise _strays(path)
        last = max(last, folder)
        entries.append(folder_entry(name_of(folder[start:-1], beside_object=folder[:-1] in keys)))
    return entries, ancestors(keys, last) if listing.token else frozenset()


def _file(name: str, listed: ListedObject, *, md5: bool) -> Entry:
    return Entry(
        name=name,
        kind=EntryKind.FILE,
        size=listed.size,
        version=listed.etag,
        hashes=etag_hashes(listed.etag) if md5 else NO_HASHES,
    )


def _first(listing: Listing) -> object:
    if listing.objects:
        return listing.objects[0].key
    return listing.prefixes[0] if listing.prefixes else None


def _read_cursor(cursor: str, path: str) -> _Cursor:
    try:
        return msgspec.json.decode(cursor, type=_Cursor)
    except msgspec.MsgspecError as error:
        raise ProtocolViolation(
            "the place where the listing was left off cannot be read",
            service=SERVICE,
            operation="list_folder",
            path=path,
        ) from error


def _repeats(path: str) -> ProtocolViolation:
    return ProtocolViolation(
        "the listing comes round to the same page again", service=SERVICE, operation="list_folder", path=path
    )


def _strays(path: str) -> ProtocolViolation:
    return ProtocolViolation(
        "the listing has entries of another folder", service=SERVICE, operation="list_folder", path=path
    )
