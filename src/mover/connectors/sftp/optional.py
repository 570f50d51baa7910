"""The small optional operations of the contract: setting times, renaming, asking for room."""

from __future__ import annotations

from mover.connectors.sftp.api import abandon
from mover.connectors.sftp.failures import Refusal, Status, reported
from mover.connectors.sftp.placing import Creating, create
from mover.connectors.sftp.pool import Pool
from mover.connectors.sftp.tree import Tree, kind_of, seconds
from mover.connectors.sftp.tree import entry as describe
from mover.connectors.sftp.wire import Attributes
from mover.entries import ROOT, Entry, EntryKind, EntryRef


class SftpTimes:
    """See `Times`; whole seconds, 1970 to 2106."""

    def __init__(self, pool: Pool, tree: Tree) -> None:
        self._pool = pool
        self._tree = tree

    async def set_modified(self, entry: EntryRef, modified_ns: int) -> bool:
        """Set the time and look whether it was kept."""
        wanted_s = seconds(modified_ns)
        if wanted_s is None:
            return False
        with reported("set_modified", entry.path):
            path = self._tree.locate(entry.path)
            async with self._pool.link() as link:
                answer, looked = (
                    link.sftp.set(path, Attributes(modified_s=wanted_s)),
                    link.sftp.look_through(path),
                )
                abandon(looked)
                try:
                    await answer
                except Refusal as refusal:
                    if refusal.code == Status.OP_UNSUPPORTED:
                        return False
                    raise
                return (await looked).modified_s == wanted_s


class SftpRenames:
    """See `Renames`. A folder is exclusive only as far as the server looks by itself: it cannot be linked."""

    def __init__(self, pool: Pool, tree: Tree, way: Creating) -> None:
        self._pool = pool
        self._tree = tree
        self._way = way

    async def rename(self, entry: EntryRef, folder: EntryRef, name: str) -> Entry:
        """Rename, on one server and usually on one file system. Raises NotFound, Conflict."""
        with reported("rename", entry.path):
            old = self._tree.locate(entry.path)
            new = self._tree.locate_child(folder.path, name)
            async with self._pool.link() as link:
                is_file = kind_of(await link.sftp.look_at(old)) is EntryKind.FILE
                way = self._way if is_file or self._way is Creating.BY_RENAME else Creating.BY_LOOKING
                return describe(name, await create(link.sftp, way, old, new))


class SftpQuota:
    """See `Quota`: the room on the file system that holds the start folder, for ordinary users."""

    def __init__(self, pool: Pool, tree: Tree) -> None:
        self._pool = pool
        self._tree = tree

    async def free_bytes(self, folder: EntryRef = ROOT) -> int | None:
        """Ask the file system."""
        with reported("free_bytes", folder.path):
            async with self._pool.link() as link:
                return (await link.sftp.room(self._tree.locate(folder.path))).free_bytes
