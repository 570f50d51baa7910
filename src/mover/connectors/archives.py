"""Small files that are fetched together as one zip archive: what listings told of them."""

from __future__ import annotations

import msgspec

from mover.entries import Entry, EntryKind, HashName

DESCRIBED = 4096
"""Bytes of an archive's directory, or of the headers at a file, for each entry: names are long at times."""


class Small(msgspec.Struct, frozen=True):
    """A small file as a listing told of it.

    Attributes:
        id: As `Entry.id`.
        version: As `Entry.version`.
        size: In bytes.
        digest: In hexadecimal.
    """

    id: str
    version: str
    size: int
    digest: str


def small_of(entry: Entry, name: HashName, largest: int) -> Small | None:
    """Return what there is to know of a file, where that is all that is needed; None for others, empty ones and large ones.

    Args:
        entry: As listed.
        name: The hash by which contents are proven.
        largest: In bytes.
    """
    digest = entry.hashes.get(name)
    if entry.kind is not EntryKind.FILE or entry.id is None or entry.version is None or digest is None:
        return None
    if entry.size is None or not 0 < entry.size <= largest:
        return None
    return Small(entry.id, entry.version, entry.size, digest)


def longest(entries: int, size: int) -> int:
    """Return how long an archive of so many files and folders, whose contents have that size together, can be in bytes."""
    return size + size // 64 + (entries + 1) * DESCRIBED  # what does not shrink grows a little
