"""What Swift tells about an object in headers and listings, as entries; and what Mover writes there.

Three kinds of objects look alike. An ordinary one has the MD5 of its bytes as its ETag. A static large object (SLO) has
a manifest that names its segments; its ETag is the MD5 of the segments' MD5s, one after the other as text. A dynamic one
(DLO) is whatever has a common prefix at the moment; listings show it as 0 bytes, and its ETag is made like that of an
SLO. Of one with 10,000 segments and more nothing tells its size, and nothing its ETag.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Iterable, Mapping

import msgspec

from mover.connectors.contract import Target
from mover.connectors.metadata import http_date_ns, media_type_header, read_mtime, spell_mtime
from mover.entries import NO_HASHES, Entry, EntryKind, HashName

MTIME_HEADER = "X-Object-Meta-Mtime"
DIRECTORY = "application/directory"
EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"

# What rclone and swiftclient, older swiftclients, Horizon, and others write as a marker of a folder.
_DIRECTORIES = frozenset(
    {DIRECTORY, "text/directory", "application/x-directory", "application/pseudo-folder"}
)
_MD5 = re.compile(r"[0-9a-f]{32}")
_ETAG = re.compile(r"[!#-~]{1,256}")
_DIGITS = re.compile(r"[0-9]{1,18}")


class Make(enum.Enum):
    """How an object keeps its bytes."""

    ORDINARY = "ordinary"
    STATIC = "static"
    DYNAMIC = "dynamic"


class ObjectFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer's headers say about an object.

    Attributes:
        size: Of the answer's body; of the object where the whole object was asked for.
        etag: Without quotes; None without one that is fit to be sent back.
        modified_ns: What was stored with the object as its modified time, else when it arrived.
        make: How it keeps its bytes.
        media_type: As stored.
        target: What a symbolic link points to.
    """

    size: int | None
    etag: str | None
    modified_ns: int | None
    make: Make
    media_type: str | None
    target: str | None = None

    @property
    def hashes(self) -> Mapping[HashName, str]:
        """The content hash that follows."""
        return md5_of(self.etag) if self.make is Make.ORDINARY else NO_HASHES

    @property
    def is_directory(self) -> bool:
        """It only marks a folder."""
        return is_directory(self.media_type, self.size)


def facts_from(headers: Mapping[str, str]) -> ObjectFacts:
    """Read the headers of an answer to GET, HEAD, PUT."""
    modified_ns = read_mtime(headers.get(MTIME_HEADER, ""))
    size = headers.get("content-length", "")
    make = Make.ORDINARY
    if headers.get("x-static-large-object", "").strip().lower() in {"true", "1", "yes", "on", "t", "y"}:
        make = Make.STATIC
    elif headers.get("x-object-manifest"):
        make = Make.DYNAMIC
    etag = read_etag(headers.get("etag", ""))
    if make is Make.DYNAMIC and etag == EMPTY_MD5:
        size, etag = (
            "",
            None,
        )  # those of the manifest: the segments are too many to be counted, or there are none
    return ObjectFacts(
        size=int(size) if _DIGITS.fullmatch(size) else None,
        etag=etag,
        modified_ns=http_date_ns(headers.get("last-modified")) if modified_ns is None else modified_ns,
        make=make,
        media_type=headers.get("content-type"),
        target=link_target(headers.get("content-location")),
    )


def file_entry(name: str, facts: ObjectFacts) -> Entry:
    """Describe an object as a file, or as the link that it is."""
    return Entry(
        name=name,
        kind=EntryKind.FILE if facts.target is None else EntryKind.SHORTCUT,
        size=facts.size,
        modified_ns=facts.modified_ns,
        version=facts.etag,
        hashes=facts.hashes,
        target=facts.target,
        media_type=facts.media_type,
    )


def written_entry(
    target: Target, size: int | None, etag: str | None, hashes: Mapping[HashName, str]
) -> Entry:
    """Describe what has just been written."""
    return Entry(
        name=target.name,
        kind=EntryKind.FILE,
        size=size,
        modified_ns=target.modified_ns,
        version=etag,
        hashes=hashes,
        media_type=target.media_type,
    )


def folder_entry(name: str, *, internal: str | None = None) -> Entry:
    """Describe a prefix, a marker or a container as a folder."""
    return Entry(name=name, kind=EntryKind.FOLDER, internal=internal)


def object_headers(target: Target) -> dict[str, str]:
    """Headers that stay with the object. POST would replace them all, so they come with the content."""
    media_type = target.media_type
    if media_type is None or is_directory(media_type, 0) or "swift_" in media_type.lower():
        media_type = None  # it would be taken for a marker, or for Swift's own parameter
    headers = {"Content-Type": "application/octet-stream"}
    if stored := media_type_header(media_type):
        headers["Content-Type"] = stored["content-type"]
    if target.modified_ns is not None:
        headers[MTIME_HEADER] = spell_mtime(target.modified_ns)
    return headers


def is_directory(media_type: str | None, size: int | None) -> bool:
    """Tell whether an object only marks a folder: by its type, and because nothing is in it."""
    return not size and (media_type or "").partition(";")[0].strip().lower() in _DIRECTORIES


def read_etag(text: str) -> str | None:
    """Take the quotes off; None for what could not be sent back in a header."""
    etag = text.strip().removeprefix("W/").strip('"')
    return etag if _ETAG.fullmatch(etag) else None


def md5_of(etag: str | None) -> Mapping[HashName, str]:
    """Return the hash that the ETag of an ordinary object is."""
    return {HashName.MD5: etag} if is_md5(etag) and etag is not None else NO_HASHES


def link_target(place: str | None) -> str | None:
    """Return what a symbolic link points to; None for what Swift keeps as one, the newest version in a versioned container."""
    return None if place is None or "?version-id=" in place else place


def is_md5(etag: str | None) -> bool:
    """Tell whether an ETag looks like an MD5."""
    return etag is not None and _MD5.fullmatch(etag) is not None


def large_object_etag(segment_md5s: Iterable[str]) -> str:
    """Return the ETag of a large object whose segments have these MD5s (Swift "Large Object Support")."""
    return hashlib.md5("".join(segment_md5s).encode(), usedforsecurity=False).hexdigest()
