"""Who may do what, both ways.

Lists tell what holds for an entry, what it inherits too. Personal drives tell from where (`inheritedFrom`); OneDrive for
Business and SharePoint "do not return the inheritedFrom property", so there a line that the folder above has as well is
inherited: one call for each folder more, and all of them in batches.
"""

from __future__ import annotations

from collections.abc import Sequence

from mover.connectors.microsoft.addressing import ROOT_ITEM, Address
from mover.connectors.microsoft.api import GraphApi
from mover.connectors.microsoft.batch import Outcome, get_all
from mover.connectors.microsoft.grantees import lines_of
from mover.connectors.microsoft.model import Collection, PermissionLine
from mover.connectors.microsoft.territory import Territory, in_drive, locate
from mover.entries import AccessRole, EntryRef, GranteeKind, Permission, parent_path
from mover.errors import NotFound, PermissionDenied, Unsupported

_RANK = {AccessRole.READ: 1, AccessRole.WRITE: 2, AccessRole.OWNER: 3}
_NOT_FOUND = 404


class MicrosoftPermissions:
    """See `contract.Permissions`."""

    kinds = frozenset({GranteeKind.PERSON, GranteeKind.GROUP})
    inherited = True
    roles = frozenset({AccessRole.READ, AccessRole.WRITE})
    on_files = True
    tells_links_above = True

    def __init__(self, api: GraphApi, territory: Territory) -> None:
        self._api = api
        self._territory = territory
        self.tells_inherited = False

    async def of(self, entries: Sequence[EntryRef]) -> Sequence[Sequence[Permission]]:
        """See the contract."""
        addresses = [await self._known(entry, "permissions") for entry in entries]
        above = [await self._above(entry, address) for entry, address in zip(entries, addresses, strict=True)]
        wanted = list(dict.fromkeys(address for address in [*addresses, *above] if address is not None))
        outcomes = await get_all(
            self._api.caller,
            [address.url("permissions") for address in wanted],
            operation="permissions",
            path=entries[0].path if entries else "/",
        )
        lines: dict[Address, Sequence[PermissionLine]] = {}
        for address, outcome in zip(wanted, outcomes, strict=True):
            lines[address] = await self._lines(address, outcome, is_asked=address in addresses)
        return [
            _permissions(lines[address], lines[upper] if upper is not None else ())
            if address is not None
            else []
            for address, upper in zip(addresses, above, strict=True)
        ]

    async def grant(self, entry: EntryRef, grantee: Permission) -> None:
        """See the contract. Two calls; one where nothing is to be done."""
        role = _role(grantee, entry.path)
        address = await in_drive(self._territory, entry, operation="grant")
        lines = await self._api.permissions(address, operation="grant", path=entry.path)
        for permission in _permissions(lines, ()):
            if (
                _is(permission, grantee)
                and not permission.link
                and _RANK[permission.role] >= _RANK[grantee.role]
            ):
                return
        await self._api.invite(address, grantee.identity, role, operation="grant", path=entry.path)

    async def revoke(self, entry: EntryRef, grantee: Permission) -> None:
        """See the contract."""
        try:
            address = await in_drive(self._territory, entry, operation="revoke")
            lines = await self._api.permissions(address, operation="revoke", path=entry.path)
            upper = await self._above(entry, address)
            inherited: Sequence[PermissionLine] = ()
            if upper is not None:
                inherited = await self._api.permissions(upper, operation="revoke", path=entry.path)
            for line in lines:
                told = lines_of(line)
                is_own = line.inherited_from is None and not _stands_above(line, inherited)
                if is_own and any(_is(one, grantee) and not one.link for one in told):
                    await self._api.delete_permission(address, line.id, operation="revoke", path=entry.path)
        except NotFound:
            return

    async def _known(self, entry: EntryRef, operation: str) -> Address | None:
        try:
            return await locate(self._territory, entry, operation=operation)
        except NotFound:
            return None

    async def _above(self, entry: EntryRef, address: Address | None) -> Address | None:
        """Address the folder above, where its permissions are needed: by path, which needs no look-up."""
        if self.tells_inherited or address is None or (address.item == ROOT_ITEM and not address.below):
            return None
        found = await self._territory.drive_of(parent_path(entry.path), operation="permissions")
        if found is None or found[0] != address.drive:
            return None
        return Address(address.drive, ROOT_ITEM, found[1].strip("/"))

    async def _lines(self, address: Address, outcome: Outcome, *, is_asked: bool) -> Sequence[PermissionLine]:
        if outcome.succeeded:
            page = self._api.caller.read(
                outcome.body, Collection[PermissionLine], operation="permissions", path=address.below
            )
            if page.next_link is None:
                return page.value
            return await self._api.permissions(address, operation="permissions", path=address.below)
        error = self._api.caller.meaning(
            outcome.status, outcome.headers, outcome.body, operation="permissions", path=address.below
        )
        if isinstance(error, NotFound) or (isinstance(error, PermissionDenied) and not is_asked):
            return ()
        raise error


def _permissions(lines: Sequence[PermissionLine], above: Sequence[PermissionLine]) -> list[Permission]:
    told: list[Permission] = []
    for line in lines:
        is_inherited = line.inherited_from is not None or _stands_above(line, above)
        told += lines_of(line, inherited=is_inherited)
    return told


def _stands_above(line: PermissionLine, above: Sequence[PermissionLine]) -> bool:
    """Tell whether the folder above has that line too: ids are made of who, or of the link."""
    return any(other.id == line.id and set(other.roles) >= set(line.roles) for other in above)


def _is(permission: Permission, grantee: Permission) -> bool:
    return permission.kind is grantee.kind and permission.identity == grantee.identity.lower()


def _role(grantee: Permission, path: str) -> str:
    if grantee.kind not in MicrosoftPermissions.kinds:
        raise Unsupported(
            "only people and groups are permitted something; links are left to people",
            operation="grant",
            path=path,
        )
    if "@" not in grantee.identity:
        raise Unsupported(
            "the service permits something to an e-mail address only; a SharePoint group is managed at its site",
            operation="grant",
            path=path,
        )
    match grantee.role:
        case AccessRole.READ:
            return "read"
        case AccessRole.WRITE:
            return "write"
        case AccessRole.OWNER:
            raise Unsupported("the service makes nobody an owner", operation="grant", path=path)
