"""Headers of Nextcloud, ownCloud and those who follow them: times, checksums and ids that travel with an upload.

Nextcloud stores the checksum of `OC-Checksum` unseen, but computes the one that `X-Hash` asks for from the bytes it
receives; ownCloud computes checksums of its own, refuses others, and lists them. (Developer manuals, "WebDAV".)
"""

from __future__ import annotations

from collections.abc import Mapping

from mover.connectors.contract import Setting
from mover.connectors.webdav.config import Dialect
from mover.connectors.webdav.listing import version_of
from mover.connectors.webdav.recognition import Traits
from mover.entries import NO_HASHES, Entry, EntryKind, HashName
from mover.errors import IntegrityError

_SECOND_NS = 1_000_000_000
_CHECKSUM_LABELS = {
    HashName.SHA1: "SHA1",
    HashName.MD5: "MD5",
    HashName.SHA256: "SHA256",
}  # most widely known first
_COMPUTED = "X-Hash-SHA256"

LISTED: Mapping[Dialect, frozenset[HashName]] = {Dialect.OWNCLOUD: frozenset({HashName.SHA1, HashName.MD5})}
"""Hashes that every ordinary file has in listings; Nextcloud's files have the one that their uploader claimed, if any."""

RETURNED: Mapping[Dialect, frozenset[HashName]] = {
    Dialect.NEXTCLOUD: frozenset({HashName.SHA256}),
    Dialect.OWNCLOUD: frozenset({HashName.SHA1}),
}
"""Hashes that the server computes of what it received, where content comes with them."""


def time_header(traits: Traits, modified_ns: int | None) -> dict[str, str]:
    """Return the header that sets the modified time with an upload, in whole seconds."""
    if traits.modified is not Setting.AT_UPLOAD or modified_ns is None:
        return {}
    return {"X-OC-Mtime": str(modified_ns // _SECOND_NS)}


def checksum_header(traits: Traits, hashes: Mapping[HashName, str]) -> dict[str, str]:
    """Return the header that tells the server the checksum of a whole file."""
    checksum = _claimed(hashes)
    if traits.dialect is Dialect.GENERIC or checksum is None:
        return {}
    return {"OC-Checksum": f"{_CHECKSUM_LABELS[checksum]}:{hashes[checksum]}"}


def hash_request(traits: Traits, hashes: Mapping[HashName, str]) -> dict[str, str]:
    """Return the header that has the server hash what it receives, if there is a hash to compare with."""
    return {"X-Hash": "sha256"} if traits.dialect is Dialect.NEXTCLOUD and HashName.SHA256 in hashes else {}


def check_received(
    traits: Traits, sent: Mapping[HashName, str], headers: Mapping[str, str]
) -> Mapping[HashName, str]:
    """Return the hashes that the server proved to have computed of one body. Raises IntegrityError if they differ."""
    match traits.dialect:
        case Dialect.NEXTCLOUD:
            computed = headers.get(_COMPUTED, "").strip().lower()
            if not computed or HashName.SHA256 not in sent:
                return NO_HASHES
            if computed != sent[HashName.SHA256]:
                raise IntegrityError("the server received other bytes than were sent")
            return {HashName.SHA256: computed}
        case Dialect.OWNCLOUD:
            checked = _claimed(sent)
            # Success means that it has compared: a wrong OC-Checksum is refused with 400.
            return {checked: sent[checked]} if checked in LISTED[Dialect.OWNCLOUD] else NO_HASHES
        case _:
            return NO_HASHES


def uploaded_entry(
    traits: Traits,
    name: str,
    headers: Mapping[str, str],
    *,
    modified_ns: int | None,
    hashes: Mapping[HashName, str],
) -> Entry:
    """Describe a file that has just been stored, by what the answer tells.

    A generic server's ETag is left out: it may depend on the time or name that the file is yet to get (WsgiDAV).
    """
    kept = headers.get("X-OC-Mtime", "").strip().lower() == "accepted" and modified_ns is not None
    extended = traits.dialect is not Dialect.GENERIC
    return Entry(
        name=name,
        kind=EntryKind.FILE,
        id=(headers.get("OC-FileId") or None) if extended else None,
        modified_ns=modified_ns // _SECOND_NS * _SECOND_NS if kept and modified_ns is not None else None,
        version=version_of(headers.get("OC-ETag") or headers.get("ETag")) if extended else None,
        hashes=hashes,
    )


def _claimed(hashes: Mapping[HashName, str]) -> HashName | None:
    return next((name for name in _CHECKSUM_LABELS if name in hashes), None)
