"""The calls of the Dropbox API that Mover makes for files, one short method each.

Source: https://www.dropbox.com/developers/documentation/http/documentation. A method returns a `Fault` instead of raising
where a caller can go on after a refusal by the route.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import msgspec

from mover.connectors.dropbox.answers import (
    About,
    BatchResult,
    Commit,
    CurrentAccount,
    Cursor,
    Finish,
    Folder,
    FoldersLaunch,
    Listing,
    MadeFolder,
    Metadata,
    Piece,
    Revisions,
    SessionId,
    SessionIds,
    SpaceUsage,
)
from mover.connectors.dropbox.calls import Body, Caller, Purpose
from mover.connectors.dropbox.faults import Fault
from mover.transport.http import HttpResponse

T = TypeVar("T")

MOST_BATCHED = 1000


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

    async def list_tree(self, purpose: Purpose, path: str, limit: int) -> Listing:
        """Begin to list all below a folder, mounted folders with what is in them. Raises NotFound."""
        arg = {"path": path, "recursive": True, "limit": limit, "include_has_explicit_shared_members": True}
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

    async def create_folders(self, purpose: Purpose, paths: Sequence[str]) -> FoldersLaunch:
        """Make many folders, with those above them that are missing: done at once, or a job."""
        arg = {"paths": list(paths), "autorename": False, "force_async": False}
        return await self.caller.rpc(purpose, "files/create_folder_batch", arg, FoldersLaunch)

    async def folders_job(self, purpose: Purpose, job_id: str) -> FoldersLaunch:
        """Ask what has become of such a job."""
        arg = {"async_job_id": job_id}
        return await self.caller.rpc(purpose, "files/create_folder_batch/check", arg, FoldersLaunch)

    def made_folders(self, purpose: Purpose, done: FoldersLaunch, number: int) -> list[Folder | Fault]:
        """Read what became of each folder of a batch that is done. Raises ProtocolViolation."""
        results: list[Folder | Fault] = []
        for entry in self._all_of(purpose, done, number):
            failure = _failure(entry)
            results.append(failure or self._read(purpose, entry, MadeFolder).metadata)
        return results

    async def move(self, purpose: Purpose, source: str, target: str) -> About:
        """Rename or move an entry. Raises NotFound, Conflict."""
        arg = {"from_path": source, "to_path": target, "autorename": False}
        return await self.caller.rpc(purpose, "files/move_v2", arg, About)

    def download(
        self, purpose: Purpose, path: str, byte_range: str | None
    ) -> AbstractAsyncContextManager[HttpResponse | Fault]:
        """Open a file."""
        return self.caller.download(purpose, "files/download", {"path": path}, byte_range=byte_range)

    def download_zip(self, purpose: Purpose, path: str) -> AbstractAsyncContextManager[HttpResponse | Fault]:
        """Open a folder, with all below it, as a zip archive."""
        return self.caller.download(purpose, "files/download_zip", {"path": path})

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
        self,
        purpose: Purpose,
        commit: Commit,
        body: Body,
        size: int,
        content_hash: str | None,
        *,
        repeatable: bool,
    ) -> Metadata | Fault:
        """Store a whole file of at most 150 MiB."""
        arg = commit.arguments()
        if content_hash is not None:
            arg["content_hash"] = content_hash
        return await self.caller.try_upload(
            purpose, "files/upload", arg, body, size, Metadata, repeatable=repeatable
        )

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

    def _all_of(
        self, purpose: Purpose, answer: BatchResult | FoldersLaunch, number: int
    ) -> list[dict[str, Any]]:
        if len(answer.entries) != number:
            raise self.caller.strange(purpose, "Dropbox answered to other entries than were sent")
        return answer.entries

    def _stored(self, purpose: Purpose, entry: Mapping[str, Any]) -> Metadata:
        return self._read(purpose, {**entry, ".tag": "file"}, Metadata)

    def _read(self, purpose: Purpose, entry: Mapping[str, Any], kind: type[T]) -> T:
        try:
            return msgspec.convert(entry, kind)
        except msgspec.MsgspecError as error:
            raise self.caller.strange(purpose, "Dropbox did not answer as its API is described") from error


def _failure(entry: Mapping[str, Any]) -> Fault | None:
    return None if entry.get(".tag") == "success" else Fault.of_union(entry.get("failure"))
