"""Permissions of the in-memory service, as the contract has them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from tests.memory.writing import find

from mover.connectors.contract import Place, PlaceKind
from mover.entries import AccessRole, EntryKind, EntryRef, GranteeKind, Permission
from mover.errors import NotFound, PermissionDenied, Unsupported, UserNotFound

if TYPE_CHECKING:
    from tests.memory.connector import MemoryConnector
    from tests.memory.directory import Directory

_MOST_AT_ONCE = 100


class MemoryPermissions:
    """Who may do what. One call for a hundred entries."""

    def __init__(self, connector: MemoryConnector, directory: Directory) -> None:
        self._connector = connector
        self._directory = directory
        self.kinds = directory.kinds
        self.inherited = directory.inherited
        self.roles = directory.roles
        self.on_files = not directory.folders_only
        self.tells_links_above = True

    async def of(self, entries: Sequence[EntryRef]) -> Sequence[Sequence[Permission]]:
        """Return the permissions of entries."""
        assert len(entries) <= _MOST_AT_ONCE, "the contract allows no more at once"
        account = self._connector.account
        path = self._connector.label(entries[0]) if entries else "/"
        async with self._connector.operation("permissions_of", path):
            found: list[Sequence[Permission]] = []
            for entry in entries:
                try:
                    node = find(account, entry)
                except NotFound:
                    found.append(())
                    continue
                if node.id in self._directory.unreadable:
                    raise PermissionDenied("the account may not see who has access", path=entry.path)
                if node.id in self._directory.unshareable:
                    raise Unsupported("here stand the users", path=entry.path)
                found.append(self._directory.permissions(account.nodes, node))
            return found

    async def grant(self, entry: EntryRef, grantee: Permission) -> None:
        """Permit something."""
        async with self._connector.operation("grant", self._connector.label(entry)):
            node = find(self._connector.account, entry)
            directory = self._directory
            if directory.folders_only and node.kind is not EntryKind.FOLDER:
                raise Unsupported("only folders can be shared here")
            if grantee.kind not in directory.kinds or grantee.role not in directory.roles:
                raise Unsupported(f"a {grantee.kind} cannot be given {grantee.role} here")
            if not directory.knows(grantee.kind, grantee.identity):
                raise UserNotFound(f"there is no {grantee.kind} {grantee.identity!r}")
            if (grantee.kind, grantee.identity) != (GranteeKind.PERSON, directory.owner):
                self._connector.account.sharing_changed(node)
                directory.permit(node, grantee.kind, grantee.identity, grantee.role)

    async def revoke(self, entry: EntryRef, grantee: Permission) -> None:
        """Take something back."""
        async with self._connector.operation("revoke", self._connector.label(entry)):
            try:
                node = find(self._connector.account, entry)
            except NotFound:
                return
            assert grantee.role in AccessRole
            self._connector.account.sharing_changed(node)
            self._directory.take_back(node, grantee.kind, grantee.identity)


class MemoryPlaces:
    """The people of the organisation, two a page."""

    def __init__(self, connector: MemoryConnector, directory: Directory) -> None:
        self._connector = connector
        self._directory = directory

    async def all(self) -> AsyncGenerator[Sequence[Place], None]:
        """Yield them."""
        people = sorted({self._directory.owner, *self._directory.people})
        for start in range(0, len(people), 2):
            async with self._connector.operation("places", "/"):
                page = [
                    Place(path=f"/Users/{one}", kind=PlaceKind.PERSON, name=one.partition("@")[0], email=one)
                    for one in people[start : start + 2]
                ]
            yield page
