"""Permissions of folders. Files have those of their folder; what a folder inherits holds for all below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mover.connectors.bounded import Bounded
from mover.connectors.egnyte.addresses import FILE
from mover.connectors.egnyte.api import EgnyteApi, FolderPermissions
from mover.connectors.egnyte.faults import SERVICE
from mover.connectors.egnyte.people import People
from mover.entries import AccessRole, EntryRef, GranteeKind, Permission, parent_path
from mover.errors import NotFound, Unsupported

_ROLES: Mapping[str, AccessRole] = {
    "Owner": AccessRole.OWNER,
    "Full": AccessRole.WRITE,
    "Editor": AccessRole.WRITE,
    "Viewer": AccessRole.READ,
}
_GIVEN: Mapping[AccessRole, str] = {
    AccessRole.OWNER: "Owner",
    AccessRole.WRITE: "Editor",
    AccessRole.READ: "Viewer",
}
_LEVELS = ("None", "Viewer", "Editor", "Full", "Owner")
_NOTHING = "None"
_MOST_REMEMBERED = 1_000
_SHARED = "/Shared"


class FolderPermissionsOfEgnyte:
    """Satisfies `contract.Permissions`. A call a folder, and one more for the folder above it, unless it was just asked."""

    kinds = frozenset({GranteeKind.PERSON, GranteeKind.GROUP})
    inherited = True
    roles = frozenset(_GIVEN)
    on_files = False
    tells_links_above = True  # it tells none

    def __init__(self, api: EgnyteApi, people: People) -> None:
        self._api = api
        self._people = people
        self._above: Bounded[str, FolderPermissions] = Bounded(_MOST_REMEMBERED)

    async def of(self, entries: Sequence[EntryRef]) -> Sequence[Sequence[Permission]]:
        """See the contract."""
        return [await self._of(entry) for entry in entries]

    async def grant(self, entry: EntryRef, grantee: Permission) -> None:
        """See the contract; one call to look, one to change."""
        await self._check_folder(entry, "grant")
        name = await self._name(grantee)
        level = _GIVEN[grantee.role]
        present = await self._api.permissions(entry.path)
        standing = _levels(present, grantee.kind).get(name, _NOTHING)
        if _rank(standing) >= _rank(level):
            return
        await self._set(entry, grantee.kind, name, level, "grant")

    async def revoke(self, entry: EntryRef, grantee: Permission) -> None:
        """See the contract. What is said on a folder takes the place of what it inherits, which is put back."""
        await self._check_folder(entry, "revoke")
        name = await self._name(grantee)
        try:
            present = await self._api.permissions(entry.path)
        except NotFound:
            return
        above = FolderPermissions()
        if present.inheritsPermissions:
            above = await self._api.permissions(parent_path(entry.path))
        standing = _levels(present, grantee.kind).get(name, _NOTHING)
        inherited = _levels(above, grantee.kind).get(name, _NOTHING)
        if standing != inherited:
            await self._set(entry, grantee.kind, name, inherited, "revoke")

    async def _of(self, entry: EntryRef) -> Sequence[Permission]:
        try:
            if await self._is_file(entry):
                folder = parent_path(entry.path)
                return await self._lines(folder, all_inherited=True)
            return await self._lines(entry.path, all_inherited=False)
        except NotFound:
            return ()

    async def _lines(self, path: str, *, all_inherited: bool) -> list[Permission]:
        present = await self._asked(path)
        above = FolderPermissions()
        if present.inheritsPermissions and _may_inherit(path):
            above = await self._asked(parent_path(path), remembered=True)
        found = []
        for kind in (GranteeKind.PERSON, GranteeKind.GROUP):
            from_above = _levels(above, kind)
            for name, level in _levels(present, kind).items():
                role = _ROLES.get(level)
                if role is None:
                    continue
                identity = await self._people.email_of(name) if kind is GranteeKind.PERSON else name
                found.append(
                    Permission(
                        kind=kind,
                        identity=identity or name,
                        role=role,
                        service_role=level,
                        name=name,
                        inherited=all_inherited or from_above.get(name) == level,
                        external=False,
                    )
                )
        return found

    async def _asked(self, path: str, *, remembered: bool = False) -> FolderPermissions:
        if remembered and (known := self._above.get(path)) is not None:
            return known
        found = await self._api.permissions(path)
        self._above.put(path, found)
        return found

    async def _is_file(self, entry: EntryRef) -> bool:
        if entry.id is not None:
            return entry.id.startswith(f"{FILE}:")
        return not (await self._api.describe(entry, operation="permissions")).is_folder

    async def _check_folder(self, entry: EntryRef, operation: str) -> None:
        if await self._is_file(entry):
            raise Unsupported(
                "Egnyte has permissions for folders only",
                service=SERVICE,
                operation=operation,
                path=entry.path,
            )
        if not _may_inherit(entry.path):
            raise Unsupported(
                "permissions can be set in /Shared only",
                service=SERVICE,
                operation=operation,
                path=entry.path,
            )

    async def _name(self, grantee: Permission) -> str:
        match grantee.kind:
            case GranteeKind.PERSON:
                return await self._people.name_of(grantee.identity)
            case GranteeKind.GROUP:
                return await self._people.group_named(grantee.identity)
            case _:
                raise Unsupported("Egnyte permits persons and groups only", service=SERVICE)

    async def _set(self, entry: EntryRef, kind: GranteeKind, name: str, level: str, operation: str) -> None:
        key = "userPerms" if kind is GranteeKind.PERSON else "groupPerms"
        await self._api.set_permissions(entry.path, {key: {name: level}}, operation=operation)
        self._above.clear()


def _levels(permissions: FolderPermissions, kind: GranteeKind) -> Mapping[str, str]:
    return permissions.userPerms if kind is GranteeKind.PERSON else permissions.groupPerms


def _rank(level: str) -> int:
    return _LEVELS.index(level) if level in _LEVELS else 0


def _may_inherit(path: str) -> bool:
    """Below /Shared only: /Private has no permissions, and /Shared itself stands at the top."""
    return path.lower().startswith(_SHARED.lower() + "/")
