"""Where entries are, and what they look like in the words of `mover.entries`."""

from __future__ import annotations

import stat

from mover.connectors.sftp.wire import Attributes
from mover.entries import Entry, EntryKind
from mover.errors import NameRejected, ProtocolViolation
from mover.naming import bytes_from_text, text_from_bytes

_NS = 1_000_000_000
_LATEST_S = 0xFFFFFFFF  # times are unsigned 32 bit numbers in SFTP version 3

_KINDS = {stat.S_IFREG: EntryKind.FILE, stat.S_IFDIR: EntryKind.FOLDER, stat.S_IFLNK: EntryKind.SHORTCUT}
_KINDS_IN_LONG_NAME = {b"-": EntryKind.FILE, b"d": EntryKind.FOLDER, b"l": EntryKind.SHORTCUT}


class Tree:
    """The part of a server's files that a connection shows.

    Args:
        start: Absolute path, as the server spells it, of what is `/` of the connection.
    """

    def __init__(self, start: bytes) -> None:
        self._start = start.rstrip(b"/")

    def locate(self, path: str) -> bytes:
        """Return the server's path of an entry. Raises NameRejected for a path that could lead out of the tree."""
        raw = bytes_from_text(path)
        if b"\0" in raw or any(name in {b"", b".", b".."} for name in raw.split(b"/")[1:] if raw != b"/"):
            raise NameRejected("no entry can be at such a path", path=path)
        return (self._start + raw) if raw != b"/" else (self._start or b"/")

    def locate_child(self, folder: str, name: str) -> bytes:
        """Return the server's path of a name in a folder. Raises NameRejected for what is not a name."""
        raw = bytes_from_text(name)
        if raw in {b"", b".", b".."} or b"/" in raw or b"\0" in raw:
            raise NameRejected("this cannot be the name of an entry", path=name)
        return self.locate(folder).rstrip(b"/") + b"/" + raw


def name_from_server(raw: bytes) -> str:
    """Return a listed name as text. Raises ProtocolViolation for one that would lead elsewhere."""
    if not raw or b"/" in raw or b"\0" in raw:
        raise ProtocolViolation("the server listed a name that cannot be one", said=text_from_bytes(raw))
    return text_from_bytes(raw)


def entry(name: str, attributes: Attributes, *, long_name: bytes = b"", target: str | None = None) -> Entry:
    """Describe an entry. Where the server leaves out the mode, its `ls` line tells the kind."""
    kind = kind_of(attributes, long_name)
    return Entry(
        name=name,
        kind=kind,
        size=attributes.size if kind is EntryKind.FILE else None,
        modified_ns=None if attributes.modified_s is None else attributes.modified_s * _NS,
        version=version(attributes) if kind is EntryKind.FILE else None,
        target=target,
    )


def kind_of(attributes: Attributes, long_name: bytes = b"") -> EntryKind:
    """Tell what an entry is; what cannot be told is not moved."""
    if attributes.permissions is not None and stat.S_IFMT(attributes.permissions):
        return _KINDS.get(stat.S_IFMT(attributes.permissions), EntryKind.SPECIAL)
    return _KINDS_IN_LONG_NAME.get(long_name[:1], EntryKind.SPECIAL)


def version(attributes: Attributes) -> str | None:
    """Return time and size as the evidence of a file's content; SFTP has nothing better."""
    if attributes.modified_s is None or attributes.size is None:
        return None
    return f"{attributes.modified_s}-{attributes.size}"


def seconds(modified_ns: int | None) -> int | None:
    """Return a time as SFTP can set it, in whole seconds; None if it cannot (before 1970, after 2106)."""
    if modified_ns is None:
        return None
    whole = modified_ns // _NS
    return whole if 0 <= whole <= _LATEST_S else None
