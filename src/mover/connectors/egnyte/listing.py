"""From Egnyte's answers to entries. Files tell RFC 1123 dates, folders milliseconds, as a number or as text."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mover.connectors.contract import FileVersion
from mover.connectors.egnyte.addresses import FILE, FOLDER, id_of
from mover.connectors.metadata import http_date_ns
from mover.connectors.times import read_rfc3339
from mover.entries import NO_HASHES, Entry, EntryKind, HashName

_SHA512 = re.compile(r"[0-9a-f]{128}")
_MS_NS = 1_000_000
_SECOND_NS = 1_000_000_000
_LONGEST_DATE = 40
_DIGITS = re.compile(r"[0-9]{1,16}")


class Item(msgspec.Struct, frozen=True):
    """A file or folder as the service describes it."""

    name: str = ""
    path: str = ""
    is_folder: bool = False
    folder_id: str | None = None
    group_id: str | None = None
    entry_id: str | None = None
    parent_id: str | None = None
    checksum: str | None = None
    size: int | None = None
    last_modified: Any = None
    lastModified: Any = None  # noqa: N815 - as it is spelled
    uploaded_by: str | None = None
    versions: tuple[Version, ...] = ()

    @property
    def key(self) -> str:
        """What tells it from all others in a listing."""
        return self.folder_id or self.group_id or self.name


class Version(msgspec.Struct, frozen=True):
    """An earlier version of a file."""

    entry_id: str
    checksum: str | None = None
    size: int | None = None
    last_modified: Any = None
    uploaded_by: str | None = None


class Listing(msgspec.Struct, frozen=True):
    """A folder with a page of what stands in it."""

    is_folder: bool = False
    folders: tuple[Item, ...] = ()
    files: tuple[Item, ...] = ()
    total_count: int | None = None


class Place(msgspec.Struct, frozen=True):
    """Where a listing stands: how many entries came before, and the key of the last one of them."""

    count: int = 0
    last: str = ""

    @property
    def text(self) -> str:
        """As a cursor."""
        return f"{self.count} {self.last}"


def read_place(cursor: str | None) -> Place:
    """Read a cursor; what is none leads to the beginning."""
    count, _, last = (cursor or "").partition(" ")
    if not _DIGITS.fullmatch(count) or not int(count):
        return Place()
    return Place(int(count), last)


def entry_of(item: Item) -> Entry:
    """Make an entry of an answer."""
    if item.is_folder:
        return Entry(
            name=item.name,
            kind=EntryKind.FOLDER,
            id=id_of(FOLDER, item.folder_id) if item.folder_id else None,
            modified_ns=when(item.lastModified),
        )
    return Entry(
        name=item.name,
        kind=EntryKind.FILE,
        id=id_of(FILE, item.group_id) if item.group_id else None,
        size=item.size,
        modified_ns=when(item.last_modified),
        version=item.entry_id,
        hashes=hashes_of(item.checksum),
        shared=False,  # permissions are folders' alone
    )


def hashes_of(checksum: str | None) -> dict[HashName, str]:
    """What a checksum tells of the content: nothing where it was calculated of chunks (`2-<chunks>-<size>-...`)."""
    text = (checksum or "").lower()
    return {HashName.SHA512: text} if _SHA512.fullmatch(text) else dict(NO_HASHES)


def version_of(version: Version) -> FileVersion:
    """Make a version of an answer."""
    return FileVersion(
        id=version.entry_id,
        size=version.size,
        modified_ns=when(version.last_modified),
        hashes=hashes_of(version.checksum),
        author=version.uploaded_by,
    )


def when(told: Any) -> int | None:
    """Read a time in any of the forms that the service has, as nanoseconds since 1970 UTC; None for what is none."""
    match told:
        case bool():
            return None
        case int():
            return told * _MS_NS
        case str() if _DIGITS.fullmatch(told):
            return int(told) * _MS_NS
        case str() if len(told) <= _LONGEST_DATE:
            return http_date_ns(told) if told[:1].isalpha() else _iso_ns(told)
        case _:
            return None


def _iso_ns(text: str) -> int | None:
    found = read_rfc3339(text)
    return None if found is None else found // _SECOND_NS * _SECOND_NS
