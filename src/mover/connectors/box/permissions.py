"""Collaborations, both ways. Source: guides "Collaborations"; support article "Understanding Collaborator Permission Levels"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Sequence

from mover.connectors.box.addresses import FOLDER, ROOT_ID, WEB_LINK
from mover.connectors.box.answers import Collaboration, Item
from mover.connectors.box.api import BoxApi, Doing, FaultError
from mover.connectors.box.describing import Descriptions, is_opened
from mover.connectors.box.faults import ALREADY_THERE, placed
from mover.connectors.box.spots import Spot, Spots, doing_at
from mover.entries import AccessRole, EntryRef, GranteeKind, Permission
from mover.errors import NotFound, PermissionDenied, Unsupported, UserNotFound

_AT_ONCE = 8
_FIELDS = "type,id,name,owned_by,shared_link,has_collaborations,path_collection"
_GROUP = "group"
_REJECTED = "rejected"

ROLES = {
    "owner": AccessRole.OWNER,
    "co-owner": AccessRole.OWNER,
    "editor": AccessRole.WRITE,
    "viewer uploader": AccessRole.WRITE,
    "previewer uploader": AccessRole.WRITE,
    "uploader": AccessRole.WRITE,
    "viewer": AccessRole.READ,
    "previewer": AccessRole.READ,
}
_GIVEN = {AccessRole.OWNER: "co-owner", AccessRole.WRITE: "editor", AccessRole.READ: "viewer"}
_RANK = {AccessRole.READ: 1, AccessRole.WRITE: 2, AccessRole.OWNER: 3}
_SPELLED = {role: role.title().replace("Co-Owner", "Co-owner") for role in ROLES}


class BoxPermissions:
    """As `contract.Permissions`.

    Args:
        api: The calls.
        spots: Finds entries.
        descriptions: Is told when something is shared.
    """

    kinds = frozenset({GranteeKind.PERSON, GranteeKind.GROUP})
    inherited = True
    roles = frozenset(_GIVEN)
    on_files = True
    tells_links_above = False

    def __init__(self, api: BoxApi, spots: Spots, descriptions: Descriptions) -> None:
        self._api = api
        self._spots = spots
        self._descriptions = descriptions
        self._groups: dict[tuple[str | None, str], str] = {}
        self._tells_inherited = False
        """Listings are seen to tell what comes from folders above; until then these are asked themselves."""

    async def of(self, entries: Sequence[EntryRef]) -> Sequence[Sequence[Permission]]:
        """See the contract.

        One call an entry for its owner and links, one more where somebody collaborates; and as long as it is not known
        whether that listing tells what is inherited, one for each folder above, once for all of the entries. Later one for
        the folder right above where somebody is invited who has not accepted.
        """
        window = asyncio.Semaphore(_AT_ONCE)
        above: dict[str, asyncio.Task[list[Collaboration]]] = {}
        asked: dict[EntryRef, asyncio.Task[Sequence[Permission]]] = {}

        async def one(ref: EntryRef) -> Sequence[Permission]:
            async with window:
                return await self._of(ref, above)

        try:
            async with asyncio.TaskGroup() as group:
                for ref in entries:
                    if ref not in asked:
                        asked[ref] = group.create_task(one(ref))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [asked[ref].result() for ref in entries]

    async def _of(
        self, ref: EntryRef, above: dict[str, asyncio.Task[list[Collaboration]]]
    ) -> Sequence[Permission]:
        try:
            with placed(self._api.service, "permissions", ref.path):
                spot = await self._spots.of(ref, "permissions")
            doing = doing_at(spot, "permissions", ref.path)
            item = await self._api.item(spot.kind, spot.id, doing, fields=_FIELDS)
            lines = await self._collaborations(spot, doing) if self._may_have(spot, item) else []
        except NotFound as error:
            if isinstance(error, UserNotFound):
                raise
            return []
        found = {line.id: line for line in lines}
        if any(line.item is not None and line.item.id != spot.id for line in lines):
            self._tells_inherited = True
        folders = _folders_above(item)
        if self._tells_inherited:
            # An invitation that waits does not say which folder it is of: the one above tells.
            folders = folders[-1:] if any(line.item is None for line in lines) else []
        inherited: set[str] = set()
        for folder in folders:
            if folder not in above:
                asking = self._collaborations(spot.beside(FOLDER, folder), doing)
                above[folder] = asyncio.ensure_future(_or_none(asking))
            found |= {line.id: line for line in await above[folder]}
            inherited.update(line.id for line in await above[folder])
        own = {line.id for line in lines if line.item is None or line.item.id == spot.id} - inherited
        domain = _domain_of(item)
        told = [_permission(line, inherited=line.id not in own, domain=domain) for line in found.values()]
        return [*_owner(item), *_link(item), *(line for line in told if line is not None)]

    def _may_have(self, spot: Spot, item: Item) -> bool:
        return spot.kind != WEB_LINK and spot.id != ROOT_ID and item.has_collaborations is not False

    async def _collaborations(self, spot: Spot, doing: Doing) -> list[Collaboration]:
        return [line async for line in self._each(spot, doing)]

    async def _each(self, spot: Spot, doing: Doing) -> AsyncGenerator[Collaboration, None]:
        marker: str | None = None
        while True:
            page = await self._api.collaborations(spot.kind, spot.id, marker, doing)
            for line in page.entries or ():
                yield line
            if not page.next_marker or page.next_marker == marker:
                return
            marker = page.next_marker

    async def grant(self, entry: EntryRef, grantee: Permission) -> None:
        """See the contract. One call, two or three where the grantee collaborates already."""
        with placed(self._api.service, "grant", entry.path):
            spot, doing = await self._place(entry, "grant")
            wanted = await self._grantee(grantee, doing)
            self._descriptions.is_shared_now(spot.entry_id)
            role = _GIVEN[grantee.role]
            try:
                await self._api.collaborate(spot.kind, spot.id, wanted, role, doing)
            except FaultError as error:
                if error.fault.code != ALREADY_THERE:
                    raise await self._api.refusal(error.fault, doing) from None
                await self._raise(spot, grantee, role, doing)

    async def _raise(self, spot: Spot, grantee: Permission, role: str, doing: Doing) -> None:
        """Raise the role of whoever collaborates already; the owner has the highest anyway."""
        async for line in self._each(spot, doing):
            if _is_of(line, grantee) and (line.item is None or line.item.id == spot.id):
                now = ROLES.get(line.role or "", AccessRole.READ)
                if _RANK[now] < _RANK[grantee.role]:
                    await self._api.change_collaboration(line.id, role, doing)
                return

    async def revoke(self, entry: EntryRef, grantee: Permission) -> None:
        """See the contract. Two calls."""
        try:
            with placed(self._api.service, "revoke", entry.path):
                spot, doing = await self._place(entry, "revoke")
            lines = await self._collaborations(spot, doing)
            for line in lines:
                if _is_of(line, grantee) and (line.item is None or line.item.id == spot.id):
                    await self._api.end_collaboration(line.id, doing)
        except NotFound as error:
            if isinstance(error, UserNotFound):
                raise

    async def _place(self, entry: EntryRef, operation: str) -> tuple[Spot, Doing]:
        spot = await self._spots.of(entry, operation)
        if spot.kind == WEB_LINK or spot.id == ROOT_ID:
            raise Unsupported("Box lets nobody collaborate on this")
        return spot, doing_at(spot, operation, entry.path)

    async def _grantee(self, grantee: Permission, doing: Doing) -> dict[str, str]:
        match grantee.kind:
            case GranteeKind.PERSON:
                return {"type": "user", "login": grantee.identity}
            case GranteeKind.GROUP:
                return {"type": _GROUP, "id": await self._group(grantee.identity, doing)}
            case GranteeKind.DOMAIN | GranteeKind.ANYONE:
                raise Unsupported("Box permits something to people and groups only; links are not made again")

    async def _group(self, name: str, doing: Doing) -> str:
        """Find a group by its name; one call for each. Raises UserNotFound."""
        key = (doing.user, name)
        offset = 0
        while key not in self._groups:
            page = await self._api.groups(name, offset, doing)
            entries = page.entries or ()
            for group in entries:
                if group.name is not None and group.name.casefold() == name.casefold() and group.id:
                    self._groups[key] = group.id
                    break
            offset += len(entries)
            if key not in self._groups and (not entries or offset >= (page.total_count or 0)):
                raise UserNotFound(f"Box has no group {name!r} that this account may invite")
        return self._groups[key]


async def _or_none(asking: Awaitable[list[Collaboration]]) -> list[Collaboration]:
    try:
        return await asking
    except (NotFound, PermissionDenied):
        return []  # a folder above that this account does not see whole


def _folders_above(item: Item) -> list[str]:
    entries = item.path_collection.entries if item.path_collection else None
    return [folder.id for folder in entries or () if folder.id is not None and folder.id != ROOT_ID]


def _domain_of(item: Item) -> str:
    owner = item.owned_by.login if item.owned_by else None
    return (owner or "").lower().rpartition("@")[2]


def _owner(item: Item) -> list[Permission]:
    owner = item.owned_by
    if owner is None or not owner.login:
        return []
    return [
        Permission(
            kind=GranteeKind.PERSON,
            identity=owner.login.lower(),
            role=AccessRole.OWNER,
            service_role="Owner",
            name=owner.name or "",
            external=False,
        )
    ]


def _link(item: Item) -> list[Permission]:
    link = item.shared_link
    if link is None or not is_opened(item):
        return []
    is_company = (link.effective_access or link.access) == "company"
    edits = link.effective_permission == "can_edit"
    return [
        Permission(
            kind=GranteeKind.DOMAIN if is_company else GranteeKind.ANYONE,
            identity=_domain_of(item) if is_company else "",
            role=AccessRole.WRITE if edits else AccessRole.READ,
            service_role=f"Link: {link.effective_permission or 'can_download'}",
            link=True,
        )
    ]


def _permission(line: Collaboration, *, inherited: bool, domain: str) -> Permission | None:
    role = ROLES.get(line.role or "")
    if role is None or line.status == _REJECTED:
        return None
    grantee = line.accessible_by
    is_group = grantee is not None and grantee.type == _GROUP
    identity = (grantee.name if is_group else grantee.login) if grantee is not None else line.invite_email
    if not identity:
        return None
    address = identity.lower()
    return Permission(
        kind=GranteeKind.GROUP if is_group else GranteeKind.PERSON,
        identity=identity if is_group else address,
        role=role,
        service_role=_SPELLED[line.role or ""] + (" (pending)" if line.status == "pending" else ""),
        name=(grantee.name or "") if grantee is not None else "",
        inherited=inherited,
        external=False if is_group else address.rpartition("@")[2] != domain,
    )


def _is_of(line: Collaboration, grantee: Permission) -> bool:
    found = _permission(line, inherited=False, domain="")
    return (
        found is not None
        and found.kind is grantee.kind
        and found.identity.casefold() == grantee.identity.casefold()
    )
