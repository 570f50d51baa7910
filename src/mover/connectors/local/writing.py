"""Writing files: into a temporary one first, so that a file is visible under its name whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from mover.connectors.contract import Content, Target, temporary_name
from mover.connectors.local.api import Root, described, look_in, open_file, raw_name
from mover.connectors.local.placing import move_exclusively
from mover.connectors.local.threads import Threads
from mover.entries import Entry, EntryKind, join_path
from mover.errors import Changed, Conflict, IntegrityError, MoverError, NotFound

PIECE: Final = 1024 * 1024
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL
_MODE: Final = 0o666  # the process's umask takes away what this user does not give others
_NO_FILE: Final = -1


class Draft(msgspec.Struct):
    """A temporary file that will become the target's file. Its methods block, and raise OSError as well."""

    root: Root
    target: Target
    sync: bool
    descriptor: int = _NO_FILE
    size: int = 0

    @property
    def _temporary(self) -> bytes:
        return raw_name(temporary_name(self.target.key))

    def _is_ours(self, folder: int) -> bool:
        """Whether the temporary name is that of this very file still: it is the same for whoever sends it again."""
        try:
            there = os.stat(self._temporary, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self.descriptor))

    @classmethod
    def create(cls, root: Root, target: Target, *, sync: bool, pieces: Sequence[bytes] = ()) -> Draft:
        """Make the temporary file, empty or with its first pieces; a leftover of an earlier try gives way.

        Raises Conflict or Changed if the target's name is not as free, or its file not as unchanged, as it should be.
        """
        draft = cls(root, target, sync)
        with root.folder(target.folder.path) as folder:
            replaced = draft.check_name(folder)
            # Nobody who could not read the file before shall read its new content, not even half-written.
            mode = _MODE if replaced is None else stat.S_IMODE(replaced.st_mode) & 0o700
            with suppress(FileNotFoundError):
                os.unlink(draft._temporary, dir_fd=folder)
            draft.descriptor = open_file(folder, draft._temporary, _NEW, mode)
        try:
            draft.write_all(pieces)
        except BaseException:
            draft.discard()
            raise
        return draft

    @classmethod
    def store(cls, root: Root, target: Target, pieces: Sequence[bytes], *, sync: bool) -> Entry:
        """Write a whole small file: one turn of a thread."""
        draft = cls.create(root, target, sync=sync, pieces=pieces)
        try:
            return draft.finish()
        except BaseException:
            draft.discard()
            raise

    @classmethod
    def reopen(cls, root: Root, target: Target, *, sync: bool) -> Draft:
        """Open the temporary file of an earlier `create`. Raises FileNotFoundError if it is gone."""
        draft = cls(root, target, sync)
        with root.folder(target.folder.path) as folder:
            draft.descriptor = open_file(folder, draft._temporary, os.O_RDWR)
        status = os.fstat(draft.descriptor)
        if status.st_nlink != 1:  # whoever gave our file a second name may have given ours to another file
            draft.close()
            raise NotFound("the temporary file is not the one that was made")
        draft.size = status.st_size
        return draft

    def write(self, piece: bytes, offset: int | None = None) -> None:
        """Write bytes at an offset, by default behind what was written."""
        position = self.size if offset is None else offset
        view = memoryview(piece)
        while view:
            written = os.pwrite(self.descriptor, view, position)
            position += written
            view = view[written:]
        self.size = max(self.size, position)

    def write_all(self, pieces: Sequence[bytes]) -> None:
        """Write pieces one behind the other, behind what was written."""
        for piece in pieces:
            self.write(piece)

    def finish(self) -> Entry:
        """Give the file its time and its name; the draft is closed then.

        Raises Conflict, and Changed: the file to be replaced, or the temporary one, is not what it was.
        """
        target = self.target
        with self.root.folder(target.folder.path) as folder:
            replaced = self.check_name(folder)
            if replaced is not None:
                os.fchmod(self.descriptor, stat.S_IMODE(replaced.st_mode) & 0o777)
            if target.modified_ns is not None:
                set_time(self.descriptor, target.modified_ns)
            if self.sync:
                os.fsync(self.descriptor)
            final = raw_name(target.name)
            if not self._is_ours(folder):
                raise Changed("another process sends the same file and has taken the temporary one away")
            if replaced is None:
                move_exclusively(folder, self._temporary, folder, final)
            else:
                os.rename(self._temporary, final, src_dir_fd=folder, dst_dir_fd=folder)
            entry = described(target.name, os.fstat(self.descriptor), folder)
            if self.sync:
                os.fsync(folder)
        self.close()
        return entry

    def check_name(self, folder: int) -> os.stat_result | None:
        """Return the file to be replaced, None if a new one is made. Raises Conflict or Changed."""
        raw = raw_name(self.target.name)
        seen = self.target.replaces
        try:
            there = os.stat(raw, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            if seen is not None:
                raise Changed("the file to be replaced is gone") from None
            return None
        if seen is None:
            raise Conflict("something of that name is there already")
        now = look_in(folder, raw)
        if now.kind is not EntryKind.FILE or seen.version not in {None, now.version} or now.size != seen.size:
            raise Changed("the file to be replaced is no longer the one that was seen")
        return there

    def discard(self) -> None:
        """Close and remove the temporary file, as far as that is still possible, and no other's. Idempotent."""
        if self.descriptor == _NO_FILE:
            return
        # Whatever led here is the error to report; a later try removes what is left.
        with suppress(OSError, MoverError), self.root.folder(self.target.folder.path) as folder:
            if self._is_ours(folder):
                os.unlink(self._temporary, dir_fd=folder)
        self.close()

    def close(self) -> None:
        """Close the file. Idempotent."""
        if self.descriptor != _NO_FILE:
            os.close(self.descriptor)
            self.descriptor = _NO_FILE


def remove_draft(root: Root, folder_path: str, key: str) -> None:
    """Remove the temporary file of an upload. Idempotent."""
    with (
        suppress(FileNotFoundError),
        root.place(join_path(folder_path, temporary_name(key))) as (folder, raw),
    ):
        os.unlink(raw, dir_fd=folder)


def set_time(file: int | bytes, modified_ns: int, *, folder: int | None = None) -> bool:
    """Set the modified time of an open file or of an entry in an open folder; False if no such time can be kept."""
    times = (modified_ns, modified_ns)
    try:
        if folder is None:
            os.utime(file, ns=times)
        else:
            os.utime(file, ns=times, dir_fd=folder, follow_symlinks=False)
    except OverflowError:  # a time from another service may be any number
        return False
    return True


async def store(threads: Threads, root: Root, target: Target, content: Content, *, sync: bool) -> Entry:
    """Write a whole file as its content comes; a small one when it is there completely."""
    draft: Draft | None = None
    pending: list[bytes] = []
    size = 0
    try:
        async for chunk in content.chunks():
            pending.append(chunk)
            size += len(chunk)
            if sum(map(len, pending)) < PIECE:
                continue
            if draft is None:
                draft = await threads.acquire(
                    Draft.discard, Draft.create, root, target, sync=sync, pieces=pending
                )
            else:
                await threads.run(draft.write_all, pending)
            pending = []
        check_size(content, size)
        if draft is None:
            return await threads.run(Draft.store, root, target, pending, sync=sync)
        await threads.run(draft.write_all, pending)
        return await threads.run(draft.finish)
    except BaseException:
        if draft is not None:
            await threads.run(draft.discard)
        raise


def check_size(content: Content, size: int) -> None:
    """Raise IntegrityError if content had another size than it announced."""
    if content.size not in {None, size}:
        raise IntegrityError(f"the content has {size} bytes, {content.size} were announced")
