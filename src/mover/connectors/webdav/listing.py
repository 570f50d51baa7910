"""From a server's description of a resource to an `Entry`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mover.connectors.webdav.dates import modified_ns
from mover.connectors.webdav.multistatus import Resource
from mover.connectors.webdav.urls import FolderHrefs, Root
from mover.entries import NO_HASHES, SLASH_IN_NAME, Entry, EntryKind, HashName
from mover.errors import ProtocolViolation

_HASHES = {
    "MD5": (HashName.MD5, 32),
    "SHA1": (HashName.SHA1, 40),
    "SHA256": (HashName.SHA256, 64),
}
_HEXADECIMAL = re.compile(r"[0-9a-f]+")
_GONE = frozenset({404, 410})
_LONGEST_NUMBER = 19  # digits of the largest 64-bit size


def child_entry(resource: Resource, hrefs: FolderHrefs, root: Root) -> Entry | None:
    """Describe an entry of a listing; None for the folder itself and for what vanished while it was listed.

    What the server names without letting it be looked at, and a name with a slash in it, which no path can address,
    come back as SPECIAL: they are reported rather than lost.
    """
    raw = hrefs.name(resource.href)
    if raw is None or resource.status in _GONE:
        return None
    name = root.text_of(raw)
    if b"/" in raw:
        return Entry(name=name.replace("/", SLASH_IN_NAME), kind=EntryKind.SPECIAL)
    if resource.status is not None and resource.status >= 300:  # noqa: PLR2004 - HTTP statuses are best known as numbers
        return Entry(name=name, kind=EntryKind.SPECIAL)
    return entry_of(resource, name)


def entry_of(resource: Resource, name: str) -> Entry:
    """Describe a file or folder under a name that is known."""
    if resource.folder:
        return Entry(
            name=name,
            kind=EntryKind.FOLDER,
            id=resource.id or None,
            modified_ns=modified_ns(resource.modified),
            version=version_of(resource.etag),
        )
    return Entry(
        name=name,
        kind=EntryKind.FILE,
        id=resource.id or None,
        size=whole_number(resource.size),
        modified_ns=modified_ns(resource.modified),
        version=version_of(resource.etag),
        hashes=hashes_of(resource.checksums) if resource.checksums else NO_HASHES,
    )


def version_of(etag: str | None) -> str | None:
    """Return an ETag without quotes and weakness, in which servers contradict themselves.

    WsgiDAV quotes it in headers and not in properties; Apache calls it weak while the file is younger than a second.
    """
    if etag is None:
        return None
    return etag.strip().removeprefix("W/").strip('"') or None


def etag_of(version: str) -> str:
    """Return the header form of a version, as a strong ETag."""
    return f'"{version}"'


def whole_number(text: str | None) -> int | None:
    """Read a size; None if it is absent. Raises ProtocolViolation."""
    if text is None or not (text := text.strip()):
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
        raise ProtocolViolation("the server names a size that is no number", said=text[:100])
    return int(text)


def hashes_of(checksums: str) -> Mapping[HashName, str]:
    """Read `SHA1:... MD5:... ADLER32:...`; what is unknown or malformed is left out."""
    found: dict[HashName, str] = {}
    for word in checksums.split():
        label, _, value = word.partition(":")
        name, length = _HASHES.get(label.upper(), (None, 0))
        value = value.lower()
        if name is not None and len(value) == length and _HEXADECIMAL.fullmatch(value):
            found[name] = value
    return found or NO_HASHES
