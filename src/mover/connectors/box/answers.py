"""What Box answers, as far as it is needed. Anything may be missing or null, whatever the description says."""

from __future__ import annotations

from datetime import UTC

import msgspec

from mover.connectors.times import read_rfc3339

Number = int | float
"""Large sizes arrive in exponential notation (rclone issue 2261)."""


class User(msgspec.Struct, frozen=True):
    """A user; `login` is the address."""

    id: str | None = None
    type: str | None = None
    login: str | None = None
    name: str | None = None
    status: str | None = None
    space_amount: Number | None = None
    space_used: Number | None = None
    max_upload_size: Number | None = None
    enterprise: Enterprise | None = None


class Enterprise(msgspec.Struct, frozen=True):
    """An organisation."""

    id: str | None = None
    name: str | None = None


class Mini(msgspec.Struct, frozen=True):
    """Something of which little is told."""

    id: str | None = None
    type: str | None = None


class SharedLink(msgspec.Struct, frozen=True):
    """A share by link; `effective_access` is `open`, `company` or `collaborators`."""

    access: str | None = None
    effective_access: str | None = None
    effective_permission: str | None = None


class Path(msgspec.Struct, frozen=True):
    """The folders above an entry, the root first."""

    entries: list[Mini] | None = None


class Version(msgspec.Struct, frozen=True):
    """A version of a file."""

    id: str | None = None
    sha1: str | None = None
    size: Number | None = None
    modified_at: str | None = None
    modified_by: User | None = None


class Item(msgspec.Struct, frozen=True):
    """A file, a folder or a web link."""

    type: str
    id: str
    etag: str | None = None
    sequence_id: str | int | None = None
    name: str | None = None
    sha1: str | None = None
    file_version: Version | None = None
    size: Number | None = None
    content_created_at: str | None = None
    content_modified_at: str | None = None
    modified_by: User | None = None
    owned_by: User | None = None
    shared_link: SharedLink | None = None
    has_collaborations: bool | None = None
    item_status: str | None = None
    parent: Mini | None = None
    path_collection: Path | None = None
    url: str | None = None


FIELDS = (
    "type,id,etag,name,sha1,file_version,size,content_created_at,content_modified_at,owned_by,shared_link,"
    "has_collaborations,item_status,url"
)
"""What is asked for of entries, so that nothing needs to be looked up after a listing."""


class Items(msgspec.Struct, frozen=True):
    """A page of entries; `next_marker` is null or empty on the last one."""

    entries: list[Item] | None = None
    next_marker: str | None = None


class Users(msgspec.Struct, frozen=True):
    """A page of users."""

    entries: list[User] | None = None
    next_marker: str | None = None


class Groups(msgspec.Struct, frozen=True):
    """A page of groups."""

    entries: list[User] | None = None
    total_count: int | None = None


class Versions(msgspec.Struct, frozen=True):
    """A page of earlier versions."""

    entries: list[Version] | None = None
    total_count: int | None = None


class Collaboration(msgspec.Struct, frozen=True):
    """Somebody may use an entry and what is below it. `accessible_by` is a user or a group, null for pending ones."""

    id: str
    role: str | None = None
    status: str | None = None
    accessible_by: User | None = None
    invite_email: str | None = None
    item: Mini | None = None


class Collaborations(msgspec.Struct, frozen=True):
    """A page of collaborations."""

    entries: list[Collaboration] | None = None
    next_marker: str | None = None


class Endpoints(msgspec.Struct, frozen=True):
    """Where a session's calls go."""

    upload_part: str
    commit: str
    list_parts: str
    abort: str


class Session(msgspec.Struct, frozen=True):
    """A chunked upload."""

    part_size: int
    session_endpoints: Endpoints


class Part(msgspec.Struct, frozen=True):
    """A chunk that Box has."""

    part_id: str
    offset: int
    size: int
    sha1: str | None = None


class UploadedPart(msgspec.Struct, frozen=True):
    """The answer to a chunk."""

    part: Part


class Parts(msgspec.Struct, frozen=True):
    """A page of chunks."""

    entries: list[Part] | None = None
    total_count: int | None = None


class Event(msgspec.Struct, frozen=True):
    """Something happened; `source` may be null or anything that is no entry."""

    event_id: str | None = None
    event_type: str | None = None
    source: msgspec.Raw = msgspec.Raw(b"null")


class Events(msgspec.Struct, frozen=True):
    """A page of events."""

    entries: list[Event] | None = None
    next_stream_position: int | str | None = None


def time_ns(text: str | None) -> int | None:
    """Read a time; None for what is none."""
    return read_rfc3339(text, zone=UTC)


def whole(size: Number | None) -> int | None:
    """Read a size; None for what is none."""
    return None if size is None or size != size or abs(size) == float("inf") else int(size)  # noqa: PLR0124 - not a number
