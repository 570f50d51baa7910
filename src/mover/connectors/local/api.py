"""The system calls, each relative to an open folder.

No symbolic link is ever followed, not even in the middle of a path: every component is opened on its own with O_NOFOLLOW,
relative to the folder before it (openat(2)). So whoever can write in the tree cannot lead a read or a write out of it by
putting a link in the place of a folder, whatever the moment.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mover.entries import Entry, EntryKind
from mover.errors import NameRejected, NotFound
from mover.naming import bytes_from_text, text_from_bytes

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC


class Root:
    """An open root folder. All methods block, may be called from any thread, and raise OSError.

    Paths are those of the connection (`/a/b`), names are text as `mover.naming` spells bytes.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, _FOLDER)

    @property
    def descriptor(self) -> int:
        """The open folder itself."""
        return self._descriptor

    def close(self) -> None:
        """Close it. Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @contextmanager
    def folder(self, path: str) -> Iterator[int]:
        """Open a folder for the time of a `with` block."""
        root = descriptor = self._descriptor
        try:
            for name in _components(path):
                inner = os.open(name, _FOLDER | _NO_LINK, dir_fd=descriptor)
                if descriptor != root:
                    os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            if descriptor != root:
                os.close(descriptor)

    @contextmanager
    def place(self, path: str) -> Iterator[tuple[int, bytes]]:
        """Open the folder that holds an entry; yields it with the entry's name. Not for the root."""
        above, _, name = path.rpartition("/")
        raw = raw_name(name)
        with self.folder(above) as descriptor:
            yield descriptor, raw

    def look(self, path: str) -> Entry:
        """Describe an entry."""
        if not path.strip("/"):
            return described("", os.fstat(self._descriptor), self._descriptor)
        with self.place(path) as (folder, raw):
            return look_in(folder, raw)

    def scan(self, path: str) -> Scan:
        """Begin to list a folder."""
        with self.folder(path) as descriptor:
            return Scan(descriptor)


class Scan:
    """A listing under way."""

    def __init__(self, folder: int) -> None:
        # Opened anew rather than duplicated: a duplicate would share its position with other listings of the folder.
        self._folder = os.open(b".", _FOLDER | _NO_LINK, dir_fd=folder)
        try:
            self._entries = os.scandir(self._folder)
        except OSError:
            os.close(self._folder)
            raise

    def next(self, most: int) -> list[Entry]:
        """Return the next entries; fewer than `most` only at the end. Entries that vanish meanwhile are left out."""
        found: list[Entry] = []
        for item in self._entries:
            try:
                status = item.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            name = item.name if item.name.isascii() else text_from_bytes(os.fsencode(item.name))
            found.append(described(name, status, self._folder))
            if len(found) == most:
                break
        return found

    def close(self) -> None:
        """Let go of the folder. Idempotent."""
        self._entries.close()
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1


def raw_name(name: str) -> bytes:
    """Return the bytes of one name. Raises NameRejected for what can be no name."""
    raw = bytes_from_text(name)
    if raw in {b"", b".", b".."} or b"/" in raw or b"\0" in raw:
        raise NameRejected("a file system has no such names", path=name)
    return raw


def look_in(folder: int, raw: bytes) -> Entry:
    """Describe an entry of an open folder."""
    return described(text_from_bytes(raw), os.stat(raw, dir_fd=folder, follow_symlinks=False), folder)


def open_file(folder: int, raw: bytes, flags: int, mode: int = 0o666) -> int:
    """Open an ordinary file of an open folder. Raises NotFound for anything else, without waiting for a pipe's writer."""
    descriptor = os.open(raw, flags | _NO_LINK | os.O_NONBLOCK, mode, dir_fd=folder)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise NotFound("it is not a file")


def described(name: str, status: os.stat_result, folder: int) -> Entry:
    """Return what the file system tells about an entry; `folder` is the open folder that holds it."""
    kind = _kind(status.st_mode)
    is_file = kind is EntryKind.FILE
    return Entry(
        name=name,
        kind=kind,
        size=status.st_size if is_file else None,
        modified_ns=status.st_mtime_ns,
        version=version_of(status) if is_file else None,
        target=_target(name, folder) if kind is EntryKind.SHORTCUT else None,
    )


def version_of(status: os.stat_result) -> str:
    """Return what changes with a file's content.

    The inode's number and change time are no part of it though they would notice even more: they also change when
    somebody sets permissions, restores a backup or mounts a share anew, and every file would count as edited.
    """
    return f"{status.st_mtime_ns}-{status.st_size}"


def _kind(mode: int) -> EntryKind:
    match stat.S_IFMT(mode):
        case stat.S_IFREG:
            return EntryKind.FILE
        case stat.S_IFDIR:
            return EntryKind.FOLDER
        case stat.S_IFLNK:
            return EntryKind.SHORTCUT
        case _:
            return EntryKind.SPECIAL


def _target(name: str, folder: int) -> str | None:
    try:
        return text_from_bytes(os.readlink(bytes_from_text(name), dir_fd=folder))
    except OSError:  # it was removed or replaced a moment ago; a report can do without
        return None


def _components(path: str) -> Iterator[bytes]:
    for name in path.split("/"):
        if name:
            yield raw_name(name)
