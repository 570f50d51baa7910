"""Who may do what, both ways ("Share files, folders, and drives" of the Drive guides)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from mover.connectors.google.acting import Acting
from mover.connectors.google.addresses import Address, address_of
from mover.connectors.google.answers import Grant, GrantList
from mover.connectors.google.api import DriveApi, grants_address
from mover.connectors.google.batches import Batches
from mover.connectors.google.folders import Folders
from mover.connectors.google.tree import Tree
from mover.entries import AccessRole, EntryRef, GranteeKind, Permission
from mover.errors import MoverError, NotFound, Unsupported

_ROLES = {
    "owner": AccessRole.OWNER,
    "organizer": AccessRole.OWNER,
    "fileOrganizer": AccessRole.WRITE,
    "writer": AccessRole.WRITE,
    "commenter": AccessRole.READ,
    "reader": AccessRole.READ,
}
_KINDS = {
    "user": GranteeKind.PERSON,
    "group": GranteeKind.GROUP,
    "domain": GranteeKind.DOMAIN,
    "anyone": GranteeKind.ANYONE,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_GIVEN = {AccessRole.READ: "reader", AccessRole.WRITE: "writer"}
_RANK = {AccessRole.READ: 1, AccessRole.WRITE: 2, AccessRole.OWNER: 3}
_PUBLIC_MAIL = frozenset({"gmail.com", "googlemail.com"})


class DrivePermissions:
    """Satisfies `Permissions`.

    Args:
        api: For the calls.
        batches: Asks for many at once.
        acting: In whose name.
        tree: For entries whose id is not known.
        folders: Is told when sharing changes.
        domain: Returns the mail domain of the account's organisation; None where it has none.
    """

    kinds = frozenset(_NAMES)
    inherited = True
    roles = frozenset(_GIVEN)
    on_files = True
    tells_links_above = True

    def __init__(
        self,
        api: DriveApi,
        batches: Batches,
        acting: Acting,
        tree: Tree,
        folders: Folders,
        domain: Callable[[], str | None],
    ) -> None:
        self._api = api
        self._batches = batches
        self._acting = acting
        self._tree = tree
        self._folders = folders
        self._domain = domain

    async def of(self, entries: Sequence[EntryRef]) -> Sequence[Sequence[Permission]]:
        """Return the permissions of entries; one call for all that are asked for in one user's name."""
        addresses = [await self._address(ref) for ref in entries]
        wanted: dict[str | None, list[Address]] = {}
        for address, ref in zip(addresses, entries, strict=True):
            if address is None or address.is_own:
                continue
            subject = await self._acting.subject(address, "permissions", ref.path)
            asked = wanted.setdefault(subject, [])
            if address not in asked:
                asked.append(address)
        found: dict[Address, Sequence[Permission]] = {}
        for subject, asked in wanted.items():
            answers = await self._asked(asked, subject)
            found |= dict(zip(asked, answers, strict=True))
        return [found.get(address, ()) if address is not None else () for address in addresses]

    async def _asked(
        self, addresses: Sequence[Address], subject: str | None
    ) -> Sequence[Sequence[Permission]]:
        urls = [grants_address(address.item) for address in addresses]
        lists: list[list[Grant]] = []
        for address, answer in zip(
            addresses,
            await self._batches.get(urls, GrantList, subject=subject, operation="permissions"),
            strict=True,
        ):
            match answer:
                case NotFound():
                    lists.append([])
                case MoverError():
                    raise answer
                case _:
                    grants = [*answer.permissions]
                    if answer.next_page_token is not None:
                        grants += await self._rest(address, answer.next_page_token, subject)
                    lists.append(grants)
        return [[line for grant in grants for line in self._lines(grant)] for grants in lists]

    async def grant(self, entry: EntryRef, grantee: Permission) -> None:
        """Permit something; two calls, one where it is permitted already."""
        role = self._role(entry, grantee)
        address, subject = await self._located(entry, "grant")
        if address.is_own:
            raise Unsupported("this folder is not Google's and cannot be shared")
        for found in await self._grants(address, subject, entry.path):
            if not _is(found, grantee):
                continue
            if found.role not in _ROLES or _RANK[_ROLES[found.role]] >= _RANK[grantee.role]:
                return
            if _is_direct(found):
                await self._changed(
                    self._api.change_grant(
                        address.item, found.id, role, subject=subject, operation="grant", path=entry.path
                    )
                )
                return
        asked: dict[str, Any] = {"type": _NAMES[grantee.kind], "role": role}
        match grantee.kind:
            case GranteeKind.PERSON | GranteeKind.GROUP:
                asked["emailAddress"] = grantee.identity
            case GranteeKind.DOMAIN:
                # Found by search as well: whoever has the link alone would be a share by link.
                asked |= {"domain": grantee.identity, "allowFileDiscovery": True}
            case GranteeKind.ANYONE:
                asked["allowFileDiscovery"] = False
        await self._changed(
            self._api.grant(address.item, asked, subject=subject, operation="grant", path=entry.path)
        )

    async def revoke(self, entry: EntryRef, grantee: Permission) -> None:
        """Take back what is permitted on the entry itself; two calls, one where there is nothing."""
        try:
            address, subject = await self._located(entry, "revoke")
            if address.is_own:
                return
            for found in await self._grants(address, subject, entry.path):
                if _is(found, grantee) and _is_direct(found) and found.role != "owner":
                    await self._changed(
                        self._api.revoke(
                            address.item, found.id, subject=subject, operation="revoke", path=entry.path
                        )
                    )
        except NotFound:
            return

    async def _changed(self, call: Awaitable[object]) -> None:
        try:
            await call
        finally:
            self._folders.sharing_changed()

    def _role(self, entry: EntryRef, grantee: Permission) -> str:
        if grantee.role is not AccessRole.OWNER:
            return _GIVEN[grantee.role]
        address = Address.parse(entry.id) if entry.id is not None else None
        if address is None or address.drive is None or address.item != address.drive:
            raise Unsupported("Google gives one owner to each entry, and Mover does not give ownership away")
        return "organizer"

    async def _located(self, entry: EntryRef, operation: str) -> tuple[Address, str | None]:
        address = await self._address(entry)
        if address is None:
            raise NotFound("there is no such entry")
        return address, await self._acting.subject(address, operation, entry.path)

    async def _address(self, ref: EntryRef) -> Address | None:
        try:
            address = address_of(ref)
            if address is None:
                found = await self._tree.look_up(ref.path, "permissions")
                address = Address.parse(found.id or "")
        except NotFound:
            return None
        return address

    async def _grants(self, address: Address, subject: str | None, path: str) -> Sequence[Grant]:
        page = await self._api.grants(address.item, subject=subject, operation="permissions", path=path)
        found = [*page.permissions]
        if page.next_page_token is not None:
            found += await self._rest(address, page.next_page_token, subject)
        return found

    async def _rest(self, address: Address, token: str, subject: str | None) -> list[Grant]:
        found: list[Grant] = []
        following: str | None = token
        while following is not None:
            page = await self._api.grants(
                address.item, subject=subject, token=following, operation="permissions"
            )
            found += page.permissions
            following = page.next_page_token
        return found

    def _lines(self, grant: Grant) -> list[Permission]:
        kind = _KINDS.get(grant.type)
        if kind is None or grant.deleted:
            return []
        identity = (grant.domain if kind is GranteeKind.DOMAIN else grant.email_address) or ""
        if not identity and kind is not GranteeKind.ANYONE:
            return []
        details = {(detail.role, detail.inherited) for detail in grant.permission_details}
        return [
            Permission(
                kind=kind,
                identity=identity.lower(),
                role=_ROLES[role],
                service_role=role,
                name=grant.display_name or "",
                inherited=inherited,
                external=self._is_external(kind, identity.lower()),
                link=kind is GranteeKind.ANYONE
                or (kind is GranteeKind.DOMAIN and grant.allow_file_discovery is False),
            )
            for role, inherited in sorted(details or {(grant.role, False)})
            if role in _ROLES
        ]

    def _is_external(self, kind: GranteeKind, identity: str) -> bool | None:
        domain = self._domain()
        if kind is GranteeKind.ANYONE:
            return True
        if domain is None or domain in _PUBLIC_MAIL:
            return None
        return identity.rpartition("@")[2] != domain


def _is(grant: Grant, grantee: Permission) -> bool:
    if _KINDS.get(grant.type) is not grantee.kind or grant.deleted:
        return False
    identity = (grant.domain if grantee.kind is GranteeKind.DOMAIN else grant.email_address) or ""
    return grantee.kind is GranteeKind.ANYONE or identity.lower() == grantee.identity.lower()


def _is_direct(grant: Grant) -> bool:
    """Tell whether it was given on the entry itself; where Google does not say, it was."""
    details = grant.permission_details
    return not details or any(not detail.inherited for detail in details)
