"""The calls of the Dropbox API that Mover makes for files, one short method each, and what they answer.

Source: https://www.dropbox.com/developers/documentation/http/documentation. A method returns a `Fault` instead of raising
where a caller can go on after a refusal by the route.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

import msgspec

from mover.connectors.dropbox.calls import Body, Caller, Purpose
from mover.connectors.dropbox.faults import Fault
from mover.transport.http import HttpResponse

_Size = Annotated[int, msgspec.Meta(ge=0, le=1 << 60)]
MOST_BATCHED = 1000


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


class FilesApi:
    """The calls, made through one caller."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    async def get_metadata(self, purpose: Purpose, path: str) -> Metadata:
        """Describe an entry. Raises NotFound."""
        arg = {"path": path, "include_has_explicit_shared_members": True}
        return await self.caller.rpc(purpose, "files/get_metadata", arg, Metadata)

    async def list_folder(self, purpose: Purpose, path: str, limit: int) -> Listing:
        """Begin to list a folder; `""` is the root. Raises NotFound."""
        arg = {"path": path, "limit": limit, "include_has_explicit_shared_members": True}
        return await self.caller.rpc(purpose, "files/list_folder", arg, Listing)

    async def go_on(self, purpose: Purpose, cursor: str) -> Listing | Fault:
        """Go on with a listing, or with the changes after it."""
        return await self.caller.try_rpc(purpose, "files/list_folder/continue", {"cursor": cursor}, Listing)

    async def latest_cursor(self, purpose: Purpose, path: str, limit: int) -> Cursor:
        """Begin to follow the changes of all below a folder. Raises NotFound."""
        arg = {
            "path": path,
            "recursive": True,
            "limit": limit,
            "include_has_explicit_shared_members": True,
        }
        return await self.caller.rpc(purpose, "files/list_folder/get_latest_cursor", arg, Cursor)

    async def create_folder(self, purpose: Purpose, path: str) -> MadeFolder | Fault:
        """Make a folder, with those above it that are missing."""
        return await self.caller.try_rpc(purpose, "files/create_folder_v2", {"path": path}, MadeFolder)

    async def move(self, purpose: Purpose, source: str, target: str) -> About:
        """Rename or move an entry. Raises NotFound, Conflict."""
        arg = {"from_path": source, "to_path": target, "autorename": False}
        return await self.caller.rpc(purpose, "files/move_v2", arg, About)

    def download(
        self, purpose: Purpose, path: str, byte_range: str | None
    ) -> AbstractAsyncContextManager[HttpResponse | Fault]:
        """Open a file."""
        return self.caller.download(purpose, "files/download", {"path": path}, byte_range=byte_range)

    def export(
        self, purpose: Purpose, path: str, form: str
    ) -> AbstractAsyncContextManager[HttpResponse | Fault]:
        """Export a document."""
        return self.caller.download(purpose, "files/export", {"path": path, "export_format": form})

    async def revisions(self, purpose: Purpose, path: str, before: str | None, limit: int) -> Revisions:
        """List revisions of a file, newest first."""
        arg: dict[str, Any] = {
            "path": path,
            "mode": {".tag": "id" if before is None else "path"},
            "limit": limit,
        }
        if before is not None:
            arg["before_rev"] = before
        return await self.caller.rpc(purpose, "files/list_revisions", arg, Revisions)

    async def upload(
        self, purpose: Purpose, commit: Commit, content: bytes, content_hash: str
    ) -> Metadata | Fault:
        """Store a whole file of at most 150 MiB."""
        arg = {**commit.arguments(), "content_hash": content_hash}
        return await self.caller.try_upload(purpose, "files/upload", arg, content, len(content), Metadata)

    async def start_session(
        self,
        purpose: Purpose,
        body: Body,
        size: int,
        content_hash: str | None,
        *,
        close: bool,
        repeatable: bool,
    ) -> SessionId | Fault:
        """Begin an upload session with content."""
        arg: dict[str, Any] = {"close": close}
        if content_hash is not None:
            arg["content_hash"] = content_hash
        return await self.caller.try_upload(
            purpose, "files/upload_session/start", arg, body, size, SessionId, repeatable=repeatable
        )

    async def start_concurrent_session(self, purpose: Purpose) -> SessionId | Fault:
        """Begin a session that takes its pieces in any order."""
        arg = {"close": False, "session_type": {".tag": "concurrent"}}
        return await self.caller.try_upload(purpose, "files/upload_session/start", arg, b"", 0, SessionId)

    async def start_sessions(self, purpose: Purpose, number: int) -> list[str]:
        """Begin many sessions."""
        found = await self.caller.rpc(
            purpose, "files/upload_session/start_batch", {"num_sessions": number}, SessionIds
        )
        return found.session_ids

    async def append(
        self,
        purpose: Purpose,
        session_id: str,
        offset: int,
        body: Body,
        size: int,
        content_hash: str | None,
        *,
        close: bool,
        repeatable: bool,
    ) -> Fault | None:
        """Add to a session."""
        arg: dict[str, Any] = {"cursor": {"session_id": session_id, "offset": offset}, "close": close}
        if content_hash is not None:
            arg["content_hash"] = content_hash
        answer: object = await self.caller.try_upload(
            purpose, "files/upload_session/append_v2", arg, body, size, object, repeatable=repeatable
        )
        return answer if isinstance(answer, Fault) else None

    async def append_batch(
        self, purpose: Purpose, pieces: Sequence[Piece], content_hash: str
    ) -> list[Fault | None]:
        """Send the content of many small files; each is all that its session gets."""
        entries = [
            {
                "cursor": {"session_id": piece.session_id, "offset": 0},
                "length": len(piece.content),
                "close": True,
            }
            for piece in pieces
        ]
        arg = {"entries": entries, "content_hash": content_hash}
        body = b"".join([piece.content for piece in pieces])
        answer = await self.caller.try_upload(
            purpose, "files/upload_session/append_batch", arg, body, len(body), BatchResult
        )
        if isinstance(answer, Fault):
            raise self.caller.error(purpose, answer)
        return [_failure(entry) for entry in self._all_of(purpose, answer, len(pieces))]

    async def finish_batch(self, purpose: Purpose, finishes: Sequence[Finish]) -> list[Metadata | Fault]:
        """Make files of sessions; each on its own succeeds or fails."""
        entries = [
            {
                "cursor": {"session_id": finish.session_id, "offset": finish.size},
                "commit": finish.commit.arguments(),
            }
            for finish in finishes
        ]
        answer = await self.caller.rpc(
            purpose, "files/upload_session/finish_batch_v2", {"entries": entries}, BatchResult
        )
        results: list[Metadata | Fault] = []
        for entry in self._all_of(purpose, answer, len(finishes)):
            failure = _failure(entry)
            results.append(failure or self._stored(purpose, entry))
        return results

    async def space(self, purpose: Purpose) -> SpaceUsage:
        """Tell how full an account is."""
        return await self.caller.rpc(purpose, "users/get_space_usage", None, SpaceUsage)

    async def account(self, purpose: Purpose) -> CurrentAccount:
        """Tell whose account it is."""
        return await self.caller.rpc(purpose, "users/get_current_account", None, CurrentAccount)

    def _all_of(self, purpose: Purpose, answer: BatchResult, number: int) -> list[dict[str, Any]]:
        if len(answer.entries) != number:
            raise self.caller.strange(purpose, "Dropbox answered to other entries than were sent")
        return answer.entries

    def _stored(self, purpose: Purpose, entry: Mapping[str, Any]) -> Metadata:
        try:
            return msgspec.convert({**entry, ".tag": "file"}, Metadata)
        except msgspec.MsgspecError as error:
            raise self.caller.strange(purpose, "Dropbox did not answer as its API is described") from error


def _failure(entry: Mapping[str, Any]) -> Fault | None:
    return None if entry.get(".tag") == "success" else Fault.of_union(entry.get("failure"))
