"""What the ledger keeps of archives."""

from __future__ import annotations

import msgspec

from mover.ledger.records import Item
from mover.ledger.states import Verification


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """One archive of a run. Sizes in bytes.

    `content_size` is what stands before the directory, `directory_size` that of the directory if nothing is left out.
    `verification` says how its arrival was verified, None: it has not arrived.
    """

    number: int
    name: str
    members: int
    content_size: int
    directory_size: int
    size: int
    verification: Verification | None = None


class PlannedMember(msgspec.Struct, frozen=True):
    """Where an item will stand in an archive: `position` is that of its header, `room` that for its content, in bytes."""

    item_id: int
    number: int
    position: int
    name: str
    room: int


class ReadMember(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of a member, or why it was left out: then it has a reason and a message."""

    item_id: int
    size: int | None = None
    crc32: int | None = None
    content_hash: str | None = None
    modified_ns: int | None = None
    reason: str | None = None
    message: str | None = None


class PlacedMember(msgspec.Struct, frozen=True, kw_only=True):
    """A member with its place, and what was read of it; None: not to its end."""

    item: Item
    position: int
    name: str
    room: int
    read: ReadMember | None


class Mark(msgspec.Struct, frozen=True):
    """The sum of the first so many bytes of a member."""

    item_id: int
    bytes_read: int
    crc32: int
