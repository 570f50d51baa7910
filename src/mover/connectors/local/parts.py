"""Uploads in parts: each is written at its place in a temporary file, which gets its name at the end."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

import msgspec

from mover.connectors.contract import Content, PartRules, SentPart, Target, temporary_name
from mover.connectors.local.api import Root, raw_name
from mover.connectors.local.failures import reported
from mover.connectors.local.threads import Threads
from mover.connectors.local.writing import PIECE, Draft, check_size, remove_draft
from mover.entries import Entry, EntryRef, HashName, join_path
from mover.errors import IntegrityError, NotFound, ProtocolViolation, QuotaExceeded

MIB: Final = 1024 * 1024
_COARSEST_GRAIN_NS: Final = 2_000_000_000  # of FAT

RULES: Final = PartRules(
    smallest=1,
    largest=4096 * MIB,
    most=1_000_000,
    preferred=16 * MIB,
    parallel=True,
    worthwhile_from=64 * MIB,
)


class _Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an upload is, in the ledger."""

    folder: str
    key: str
    size: int | None

    @property
    def target(self) -> Target:
        """A target with the same temporary file, for what does not need to know the final name."""
        return Target(folder=EntryRef(self.folder), name=temporary_name(self.key), key=self.key)

    @property
    def path(self) -> str:
        """Where the temporary file lies."""
        return join_path(self.folder, temporary_name(self.key))


class LocalParts:
    """Writes parts of a file.

    What was sent is known by the receipts in the ledger: a file cannot tell which of its bytes were written.
    """

    def __init__(self, threads: Threads, root: Root, *, sync: bool) -> None:
        self._threads = threads
        self._root = root
        self._sync = sync

    async def begin(self, target: Target, size: int | None, part_size: int) -> str:  # noqa: ARG002 - parts tell their offset
        """Make the temporary file. Raises Conflict, Changed, QuotaExceeded."""
        with reported("begin", target.ref.path):
            await self._threads.run(self._begin, target, size)
        return msgspec.json.encode(_Token(target.folder.path, target.key, size)).decode()

    def _begin(self, target: Target, size: int | None) -> None:
        if size is not None:
            room = os.fstatvfs(self._root.descriptor)
            if size > room.f_bavail * room.f_frsize:
                raise QuotaExceeded("the disk has not enough room")
        draft = Draft.create(self._root, target, sync=self._sync)
        try:
            if size is not None:
                os.ftruncate(draft.descriptor, size)
        except BaseException:
            draft.discard()
            raise
        draft.close()

    async def send(self, token: str, number: int, offset: int, content: Content) -> SentPart:
        """Write one part; with `sync` the disk has it before it counts as sent."""
        upload = _read(token)
        with reported("send", upload.path):
            draft = await self._threads.acquire(
                Draft.close, Draft.reopen, self._root, upload.target, sync=self._sync
            )
            position = offset
            try:
                async for pieces, size in _batches(content):
                    await self._threads.run(_write_at, draft, pieces, position)
                    position += size
                check_size(content, position - offset)
                if self._sync:
                    await self._threads.run(os.fdatasync, draft.descriptor)
            finally:
                draft.close()
        return SentPart(number, position - offset, "")

    async def received(self, token: str, _kept: Sequence[SentPart] = ()) -> None:
        """Tell nothing but that the upload is there: the file has its full size from the start. Raises NotFound."""
        upload = _read(token)
        with reported("received", upload.path):
            await self._threads.run(self._root.look, upload.path)

    async def finish(
        self,
        token: str,
        target: Target,
        parts: Sequence[SentPart],
        hashes: Mapping[HashName, str],  # noqa: ARG002 - a file system has no use for them
    ) -> Entry:
        """Give the file its name. Once more: return the finished file."""
        upload = _read(token)
        size = sum(part.size for part in parts)
        with reported("finish", target.ref.path):
            if upload.size not in {None, size}:
                raise IntegrityError(f"the parts have {size} bytes of {upload.size}")
            return await self._threads.run(self._finish, target, size)

    def _finish(self, target: Target, size: int) -> Entry:
        try:
            draft = Draft.reopen(self._root, target, sync=self._sync)
        except FileNotFoundError:
            return self._finished_before(target, size)
        try:
            if draft.size != size:
                raise IntegrityError(f"the file has {draft.size} bytes of {size}")
            return draft.finish()
        finally:
            draft.close()

    def _finished_before(self, target: Target, size: int) -> Entry:
        """Return the file that an earlier `finish` made; its time tells it from another one of the same size."""
        try:
            entry = self._root.look(target.folder.child(target.name).path)
        except FileNotFoundError:
            raise NotFound("the upload is gone") from None
        if entry.size != size or entry == target.replaces or not _has_time(entry, target.modified_ns):
            raise NotFound("the upload is gone")
        return entry

    async def abort(self, token: str) -> None:
        """Remove the temporary file. Idempotent, also if its folder is gone."""
        upload = _read(token)
        with reported("abort", upload.path):
            await self._threads.run(remove_draft, self._root, upload.folder, upload.key)


def _has_time(entry: Entry, modified_ns: int | None) -> bool:
    if modified_ns is None or entry.modified_ns is None:
        return False
    return abs(entry.modified_ns - modified_ns) <= _COARSEST_GRAIN_NS


def _read(token: str) -> _Token:
    try:
        upload = msgspec.json.decode(token, type=_Token)
        raw_name(temporary_name(upload.key))
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise ProtocolViolation("the upload's token is damaged", service="local") from error
    return upload


async def _batches(content: Content) -> AsyncIterator[tuple[list[bytes], int]]:
    """Yield pieces of content as lists that are worth a turn of a thread, with their sizes."""
    pieces: list[bytes] = []
    size = 0
    async for chunk in content.chunks():
        pieces.append(chunk)
        size += len(chunk)
        if size >= PIECE:
            yield pieces, size
            pieces, size = [], 0
    if pieces:
        yield pieces, size


def _write_at(draft: Draft, pieces: Sequence[bytes], offset: int) -> None:
    for piece in pieces:
        draft.write(piece, offset)
        offset += len(piece)
