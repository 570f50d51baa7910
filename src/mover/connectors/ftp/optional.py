"""The small optional operations of the contract: setting times and renaming."""

from __future__ import annotations

from mover.connectors.ftp.facts import SECOND_NS
from mover.connectors.ftp.failures import is_unknown_command, reported
from mover.connectors.ftp.features import Traits
from mover.connectors.ftp.looking import Looker
from mover.connectors.ftp.placing import rename
from mover.connectors.ftp.pool import Pool
from mover.connectors.ftp.tree import Tree
from mover.connectors.ftp.uploads import time_command
from mover.entries import Entry, EntryRef
from mover.errors import Conflict, NotFound, ServiceFault
from mover.transport.curl import FtpWire
from mover.transport.ftp_replies import Refusal


class FtpTimes:
    """See `Times`; whole seconds, from 1970 on. Two calls."""

    def __init__(self, service: str, pool: Pool, tree: Tree, traits: Traits) -> None:
        self._service = service
        self._pool = pool
        self._tree = tree
        self._traits = traits

    async def set_modified(self, entry: EntryRef, modified_ns: int) -> bool:
        """Set the time and look whether it was kept."""
        with reported(self._service, "set_modified", entry.path):
            path = self._tree.locate(entry.path)
            command = time_command(self._traits, path, modified_ns)
            if not command:
                return False
            looker = Looker(self._traits)
            async with self._pool.link() as link:
                answer, *seen = await link.run(lambda wire: wire.commands(command, *looker.questions(path)))
            found = looker.answer(seen)
            if found is None:
                raise NotFound("it is not there", said=answer.said)
            if answer.is_refusal and not is_unknown_command(answer):
                raise Refusal(answer)
            return found.modified_ns == modified_ns // SECOND_NS * SECOND_NS


class FtpRenames:
    """See `Renames`. A name that is taken in the moment between the look and the rename may be replaced."""

    def __init__(self, service: str, pool: Pool, tree: Tree, traits: Traits) -> None:
        self._service = service
        self._pool = pool
        self._tree = tree
        self._looker = Looker(traits)

    async def rename(self, entry: EntryRef, folder: EntryRef, name: str) -> Entry:
        """Rename on one server. Raises NotFound, Conflict."""
        with reported(self._service, "rename", entry.path):
            old = self._tree.locate(entry.path)
            new = self._tree.locate_child(folder.path, name)
            async with self._pool.link() as link:
                return await link.run(lambda wire: self._rename(wire, old, new, name))

    def _rename(self, wire: FtpWire, old: bytes, new: bytes, name: str) -> Entry:
        if self._looker.look(wire, new) is not None:
            raise Conflict("something of that name is there already")
        found = rename(wire, self._looker, old, new) or self._looker.look(wire, new)
        if found is None:
            raise ServiceFault("the server renamed it, and then it was not there")
        return found.entry(name)
