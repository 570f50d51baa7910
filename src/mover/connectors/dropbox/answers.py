"""What the Dropbox API answers about files and accounts, and what it is told of files that are to be stored."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

_Size = Annotated[int, msgspec.Meta(ge=0, le=1 << 60)]


class Tagged(msgspec.Struct, frozen=True):
    """A union of which only the tag counts."""

    tag: str = msgspec.field(default="", name=".tag")


class SharingInfo(msgspec.Struct, frozen=True):
    """How an entry is shared."""

    read_only: bool = False
    parent_shared_folder_id: str | None = None
    shared_folder_id: str | None = None
    no_access: bool = False


class ExportInfo(msgspec.Struct, frozen=True):
    """In what a document can be exported."""

    export_as: str | None = None
    export_options: list[str] | None = None


class SymlinkInfo(msgspec.Struct, frozen=True):
    """Where a link points."""

    target: str = ""


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """A file, a folder, or what is gone. Routes that answer files only leave the tag out."""

    tag: str = msgspec.field(default="file", name=".tag")
    name: str
    id: str | None = None
    path_lower: str | None = None
    path_display: str | None = None
    client_modified: str | None = None
    rev: str | None = None
    size: _Size | None = None
    content_hash: str | None = None
    is_downloadable: bool = True
    export_info: ExportInfo | None = None
    symlink_info: SymlinkInfo | None = None
    sharing_info: SharingInfo | None = None
    has_explicit_shared_members: bool | None = None


class Listing(msgspec.Struct, frozen=True):
    """A page of a listing, or of changes."""

    entries: list[Metadata]
    cursor: str
    has_more: bool


class Cursor(msgspec.Struct, frozen=True):
    """Where a listing stands."""

    cursor: str


class About(msgspec.Struct, frozen=True):
    """The answer of routes that tell of one entry."""

    metadata: Metadata


class Folder(msgspec.Struct, frozen=True):
    """A folder that was made: it has no tag."""

    name: str
    id: str
    path_display: str | None = None
    sharing_info: SharingInfo | None = None


class MadeFolder(msgspec.Struct, frozen=True):
    """The answer of create_folder."""

    metadata: Folder


class FoldersLaunch(msgspec.Struct, frozen=True):
    """What became of a batch of folders, each in its place: told at once, or the job to ask about, which may have failed.

    A success has a `MadeFolder`'s fields beside the tag.
    """

    tag: str = msgspec.field(name=".tag")
    entries: list[dict[str, Any]] = []
    async_job_id: str | None = None
    failed: dict[str, Any] = {}


class ExportMetadata(msgspec.Struct, frozen=True):
    """What an export is."""

    name: str
    size: _Size
    export_hash: str | None = None


class Exported(msgspec.Struct, frozen=True):
    """The result of an export."""

    export_metadata: ExportMetadata
    file_metadata: Metadata


class Revisions(msgspec.Struct, frozen=True):
    """The revisions of a file, newest first."""

    entries: list[Metadata]
    has_more: bool = False


class SessionId(msgspec.Struct, frozen=True):
    """An upload session that was begun."""

    session_id: str


class SessionIds(msgspec.Struct, frozen=True):
    """Many of them."""

    session_ids: list[str]


class BatchResult(msgspec.Struct, frozen=True):
    """What became of each entry of a batch, in order; a success of finish has the file's fields beside the tag."""

    entries: list[dict[str, Any]]


class Allocation(msgspec.Struct, frozen=True):
    """How much room there is."""

    tag: str = msgspec.field(default="", name=".tag")
    allocated: _Size = 0
    used: _Size = 0
    user_within_team_space_allocated: _Size = 0
    user_within_team_space_limit_type: Tagged = Tagged()


class SpaceUsage(msgspec.Struct, frozen=True):
    """How much of it is used."""

    used: _Size
    allocation: Allocation


class RootInfo(msgspec.Struct, frozen=True):
    """Where an account's trees begin."""

    root_namespace_id: str
    home_namespace_id: str
    tag: str = msgspec.field(default="user", name=".tag")


class Team(msgspec.Struct, frozen=True):
    """The team of an account."""

    id: str = ""
    name: str = ""


class CurrentAccount(msgspec.Struct, frozen=True):
    """Who has signed in."""

    account_id: str
    email: str
    root_info: RootInfo
    team: Team | None = None


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how a file is stored (`files.CommitInfo`).

    Attributes:
        path: Where; may begin with a folder's id.
        update: The revision that it replaces; None: it replaces nothing.
        client_modified: `2015-05-12T15:50:38Z`.
    """

    path: str
    update: str | None = None
    client_modified: str | None = None

    def arguments(self) -> dict[str, Any]:
        """As the API takes it. Conflicts are strict, nothing is renamed, and nobody is notified."""
        mode = {".tag": "add"} if self.update is None else {".tag": "update", "update": self.update}
        told: dict[str, Any] = {
            "path": self.path,
            "mode": mode,
            "autorename": False,
            "mute": True,
            "strict_conflict": True,
        }
        if self.client_modified is not None:
            told["client_modified"] = self.client_modified
        return told


class Finish(msgspec.Struct, frozen=True):
    """An upload session that is to become a file."""

    session_id: str
    size: int
    commit: Commit


class Piece(msgspec.Struct, frozen=True):
    """The whole content of one small file, for a session of its own."""

    session_id: str
    content: bytes
