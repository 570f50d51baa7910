"""What a file system can do besides: times, renames, room, hashes."""

from __future__ import annotations

import os
from collections.abc import Mapping

from mover.connectors.local.api import Root, look_in, raw_name
from mover.connectors.local.failures import reported
from mover.connectors.local.placing import move_exclusively
from mover.connectors.local.reading import hash_file
from mover.connectors.local.threads import Threads
from mover.connectors.local.writing import set_time
from mover.entries import ROOT, Entry, EntryRef, HashName
from mover.errors import Unsupported
from mover.hashing import SUPPORTED


class LocalTimes:
    """Sets modified times, of symbolic links themselves too."""

    def __init__(self, threads: Threads, root: Root) -> None:
        self._threads = threads
        self._root = root

    async def set_modified(self, entry: EntryRef, modified_ns: int) -> bool:
        """Set the modified time."""
        with reported("set_modified", entry.path):
            return await self._threads.run(self._set, entry.path, modified_ns)

    def _set(self, path: str, modified_ns: int) -> bool:
        if not path.strip("/"):
            return set_time(self._root.descriptor, modified_ns)
        with self._root.place(path) as (folder, raw):
            return set_time(raw, modified_ns, folder=folder)


class LocalRenames:
    """Renames and moves within the file system."""

    def __init__(self, threads: Threads, root: Root) -> None:
        self._threads = threads
        self._root = root

    async def rename(self, entry: EntryRef, folder: EntryRef, name: str) -> Entry:
        """Move an entry; never over another one. Raises Unsupported across file systems."""
        with reported("rename", entry.path):
            return await self._threads.run(self._rename, entry.path, folder.path, name)

    def _rename(self, path: str, folder_path: str, name: str) -> Entry:
        if not path.strip("/"):
            raise Unsupported("the root folder cannot be renamed")
        if f"{folder_path.rstrip('/')}/".startswith(f"{path.rstrip('/')}/"):
            raise Unsupported("a folder cannot be moved into itself")
        new = raw_name(name)
        with self._root.place(path) as (old_folder, old), self._root.folder(folder_path) as new_folder:
            move_exclusively(old_folder, old, new_folder, new)
            return look_in(new_folder, new)


class LocalQuota:
    """Room on the file system."""

    def __init__(self, threads: Threads, root: Root) -> None:
        self._threads = threads
        self._root = root

    async def free_bytes(self, _folder: EntryRef = ROOT) -> int | None:
        """Return what a user who is not root may still write; quotas of the user's own are not counted."""
        with reported("free_bytes", "/"):
            room = await self._threads.run(os.fstatvfs, self._root.descriptor)
        return room.f_bavail * room.f_frsize


class LocalHashes:
    """Computes hashes by reading the file back."""

    names = SUPPORTED - {HashName.S3_ETAG}

    def __init__(self, threads: Threads, root: Root) -> None:
        self._threads = threads
        self._root = root

    async def compute(self, file: EntryRef, wanted: frozenset[HashName]) -> Mapping[HashName, str]:
        """Compute the hashes. Raises Changed if the file changes meanwhile."""
        with reported("compute", file.path):
            return await self._threads.run(hash_file, self._root, file.path, wanted & self.names)
