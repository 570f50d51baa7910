"""Object keys as paths, and back without loss: for S3, and for Swift, whose containers are called buckets here.

A bucket knows no folders, only keys; what stands between slashes is a name. Most names are their part of the key,
letter by letter. Parts that cannot be names get a mark at their end: the spelling of a NUL (U+201B U+2400, written `N`
here), which no name from elsewhere can have.

    part of the key                          name   example
    empty (`a//b`, `/b`)                     `N`    /a/N/b
    `.` and `..`                             `.N`   /a/.N/b
    a prefix beside an object (`a`, `a/b`)   `aN`   file /a, folder /aN (and /a/b means the same as /aN/b)

Where both apply there are two marks.

A literal U+2400 keeps the quotes before it apart from the mark as `mover.naming` does everywhere, so all is reversible.
What cannot be addressed at all (keys with NUL or with bytes that are not UTF-8, a folder marker that has content) gets
a name that begins with `N` and is no key: it is listed so that it can be reported, and cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mover.errors import NameRejected, NotFound, PathTooLong
from mover.naming import text_from_bytes
from mover.naming.escapes import Characters

LONGEST_KEY_BYTES = 1024
"""Of S3 and of Swift as it comes (Amazon S3 User Guide, "Naming Amazon S3 objects"; `max_object_name_length`)."""

_MARK = "\0"
_SPELLING = Characters.of((), (_MARK + "\N{SYMBOL FOR NULL}",))
_NOT_NAMES = frozenset({"", ".", ".."})


class Place(NamedTuple):
    """Where an entry stands: in which bucket, and under which key (without the final slash of a folder).

    Attributes:
        bucket: None only for the list of all buckets.
        parts: Of the key, between its slashes; empty for the bucket itself.
        folder_only: The name says that the prefix is meant, not an object of that key.
    """

    bucket: str | None
    parts: tuple[str, ...]
    folder_only: bool = False

    @property
    def key(self) -> str:
        """The key of an object that stands here."""
        return "/".join(self.parts)

    @property
    def prefix(self) -> str:
        """What the keys of everything in this folder begin with; also the key of its marker object."""
        return "".join([part + "/" for part in self.parts])


def place_of(path: str, bucket: str | None) -> Place:
    """Find the bucket and key of a path.

    Args:
        path: As in `EntryRef`.
        bucket: The connection's; None if the top folders are the buckets.

    Raises:
        NotFound: The path holds a name that is no key.
    """
    names = path[1:].split("/") if path != "/" else []
    if bucket is None:
        if not names:
            return Place(None, ())
        bucket, names = names[0], names[1:]
    if "\N{SYMBOL FOR NULL}" not in path:
        return Place(bucket, tuple(names))
    parts = []
    folder_only = False
    for name in names:
        text = _SPELLING.undo(name)
        part = text.rstrip(_MARK)
        folder_only = len(text) - len(part) > (part in {".", ".."})
        if _MARK in part:
            raise NotFound("this entry has no address that clients could use", path=path)
        parts.append(part)
    return Place(bucket, tuple(parts), folder_only)


def name_of(part: str, *, beside_object: bool = False) -> str:
    """Spell a part of a key as a name; `beside_object` for a prefix that is also the key of an object."""
    if marks := (part in _NOT_NAMES) + beside_object:
        return _SPELLING.apply(part + _MARK * marks)
    return _SPELLING.apply(part) if "\N{SYMBOL FOR NULL}" in part else part


def unaddressable_name(raw: bytes) -> str:
    """Name what cannot be addressed; different from every name that can."""
    return _SPELLING.apply(f"{_MARK}{text_from_bytes(raw).replace(_MARK, ' ')} ")


def check_writable(place: Place, *, as_folder: bool = False, longest: int = LONGEST_KEY_BYTES) -> None:
    """Refuse to create keys that services do not keep apart, and keys that are too long.

    Many services resolve `.`, `..` and empty parts, so that the object would end up elsewhere, perhaps on another.

    Raises:
        NameRejected: The key has such a part, or the name is that of a folder.
        PathTooLong: It has more than `longest` bytes.
    """
    if any(part in _NOT_NAMES or _MARK in part for part in place.parts):
        raise NameRejected("many object stores do not keep empty, '.' and '..' parts of a key")
    if place.folder_only and not as_folder:
        raise NameRejected("this name is kept for folders that stand beside an object")
    text = place.prefix if as_folder else place.key
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise NameRejected("the name is not valid Unicode") from None
    if size > longest:
        raise PathTooLong(f"the key has {size} bytes, the service accepts {longest}")


def ancestors(keys: Iterable[str], last: str) -> frozenset[str]:
    """Return those of `keys` that a later prefix in key order could repeat with a slash appended.

    Listings are in key order, and `a` comes before `a!` before `a/`; so while the last key seen begins with `a`, the
    prefix `a/` may still come.
    """
    return frozenset(key for key in keys if last.startswith(key))
