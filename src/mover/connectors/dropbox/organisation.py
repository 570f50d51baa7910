"""A team as one tree: team folders at the top, and beside them `/Users/<email>/...`, the folder of each member.

Team folders are used in the administrator's name, everything of a person in that person's.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

from mover.connectors.contract import Place, PlaceKind
from mover.connectors.dropbox.areas import Area, Location
from mover.connectors.dropbox.calls import Purpose, Who
from mover.connectors.dropbox.entries import ABOVE
from mover.connectors.dropbox.faults import Fault
from mover.connectors.dropbox.team_api import Profile, TeamApi, TeamFolder
from mover.entries import Entry, EntryKind
from mover.errors import AccountSuspended, NotFound, PermissionDenied, UserNotFound

USERS = "Users"
_TEAM_FOLDER_CALLED_USERS = "Users (team folder)"
_KNOWN_FOR_S = 300.0
_TEAM_ID, _USERS_ID = f"{ABOVE}team", f"{ABOVE}users"


class Organisation:
    """Satisfies `Areas`, and is the contract's `Places`.

    Args:
        api: The calls.
        now: Seconds since 1970.
    """

    def __init__(self, api: TeamApi, now: Callable[[], float]) -> None:
        self._api = api
        self._now = now
        self._admin: Profile | None = None
        self._members: dict[str, Profile] = {}
        self._members_until = 0.0
        self._emails: dict[str, str] = {}
        self._folders: Mapping[str, TeamFolder] = {}
        self._folders_until = 0.0
        self._groups: Mapping[str, str] = {}
        self._groups_until = 0.0

    async def admin(self) -> Profile:
        """The administrator in whose name team folders are used. One call, once."""
        if self._admin is None:
            self._admin = await self._api.admin(Purpose(operation="sign_in", path="/"))
        return self._admin

    async def locate(self, path: str, operation: str) -> Location | None:
        """See `Areas`. A call for each person and for the list of team folders, every five minutes at most."""
        names = path[1:].split("/") if path != "/" else []
        if not names or names == [USERS]:
            return None
        if names[0] == USERS:
            member = await self._member(names[1], operation, path)
            area = Area(Who(member=member.team_member_id), f"/{USERS}/{names[1]}")
            rest = names[2:]
        else:
            folder = await self._folder(names[0], operation, path)
            admin = await self.admin()
            area = Area(Who(admin=admin.team_member_id, namespace=folder.team_folder_id), f"/{names[0]}")
            rest = names[1:]
        return Location(area, "".join(f"/{name}" for name in rest))

    @staticmethod
    def is_above(path: str) -> bool:
        """Tell whether a path is that of a folder above people and team folders."""
        return path.strip("/") in {"", USERS}

    async def top_id(self, path: str, operation: str) -> str | None:
        """See `Areas`. Raises NotFound, UserNotFound, AccountSuspended."""
        match [name for name in path.split("/") if name]:
            case []:
                return _TEAM_ID
            case [name] if name == USERS:
                return _USERS_ID
            case [name]:
                return _folder_id(await self._folder(name, operation, path))
            case [_, email]:
                return _member_id(await self._member(email, operation, path))
        return None

    async def list_top(self, path: str) -> AsyncGenerator[list[Entry], None]:
        """Yield what stands in the folders that are no areas themselves: the root, and `/Users`."""
        purpose = Purpose(operation="list_folder", path=path)
        if path == "/":
            folders = await self._all_folders(purpose)
            yield [
                *(
                    Entry(name=name, kind=EntryKind.FOLDER, id=_folder_id(one))
                    for name, one in folders.items()
                ),
                Entry(name=USERS, kind=EntryKind.FOLDER, id=_USERS_ID),
            ]
            return
        async for page in self._api.members(purpose):
            yield [
                Entry(
                    name=profile.email.lower(),
                    kind=EntryKind.FOLDER,
                    id=_member_id(profile),
                    owner=profile.email.lower(),
                )
                for profile in page
                if profile.status.tag in {"active", "suspended"}
            ]

    async def create_top(self, path: str, name: str) -> Entry:
        """Make a team folder, or find the folder of a member. Raises UserNotFound, Conflict, NameRejected."""
        made = f"/{name}" if path == "/" else f"{path}/{name}"
        purpose = Purpose(operation="create_folder", path=made)
        if path != "/":
            await self._member(name, "create_folder", made)
        elif name != USERS and name not in await self._all_folders(purpose):
            answer = await self._api.create_team_folder(purpose, name)
            if isinstance(answer, Fault):
                raise self._api.caller.error(purpose, answer)
            self._folders_until = 0.0
        return Entry(name=name, kind=EntryKind.FOLDER, id=await self.top_id(made, "create_folder"))

    async def all(self) -> AsyncGenerator[Sequence[Place], None]:
        """See `contract.Places`: all members, and all team folders."""
        purpose = Purpose(operation="places", path="/")
        yield [
            Place(path=f"/{name}", kind=PlaceKind.SITE, name=name, ready=folder.status.tag == "active")
            for name, folder in (await self._all_folders(purpose)).items()
        ]
        async for page in self._api.members(purpose):
            yield [
                Place(
                    path=f"/{USERS}/{profile.email.lower()}",
                    kind=PlaceKind.PERSON,
                    name=profile.name.display_name or profile.email,
                    email=profile.email.lower(),
                    ready=profile.status.tag == "active",
                )
                for profile in page
                if profile.status.tag != "removed"
            ]

    async def group_ids(self) -> Mapping[str, str]:
        """The team's groups, by name."""
        if self._now() >= self._groups_until:
            self._groups = await self._api.groups(Purpose(operation="permissions", path="/"))
            self._groups_until = self._now() + _KNOWN_FOR_S
        return self._groups

    async def email_of(self, who: Who) -> str:
        """The address of in whose name calls are made."""
        if who.member is not None:
            return self._emails.get(who.member, "")
        return (await self.admin()).email

    async def _member(self, email: str, operation: str, path: str) -> Profile:
        key = email.lower()
        if self._now() >= self._members_until:
            self._members.clear()
            self._members_until = self._now() + _KNOWN_FOR_S
        if key not in self._members:
            purpose = Purpose(operation=operation, path=path)
            found = await self._api.member(purpose, key) if _is_address(key) else None
            if found is None:
                raise UserNotFound(
                    f"the team has no member {email}",
                    service=self._api.caller.service,
                    operation=operation,
                    path=path,
                )
            self._members[key] = found
            self._emails[found.team_member_id] = found.email
        profile = self._members[key]
        match profile.status.tag:
            case "active":
                return profile
            case "suspended":
                raise AccountSuspended(
                    f"the account of {email} is suspended",
                    service=self._api.caller.service,
                    operation=operation,
                    path=path,
                )
            case _:
                raise UserNotFound(
                    f"{email} has not joined the team yet, or has left it",
                    service=self._api.caller.service,
                    operation=operation,
                    path=path,
                )

    async def _folder(self, name: str, operation: str, path: str) -> TeamFolder:
        folders = await self._all_folders(Purpose(operation=operation, path=path))
        folder = next((each for called, each in folders.items() if called.lower() == name.lower()), None)
        if folder is None:
            raise NotFound(
                f"the team has no folder {name!r}",
                service=self._api.caller.service,
                operation=operation,
                path=path,
            )
        if folder.status.tag != "active":
            raise PermissionDenied(
                "the team folder is archived",
                service=self._api.caller.service,
                operation=operation,
                path=path,
            )
        return folder

    async def _all_folders(self, purpose: Purpose) -> Mapping[str, TeamFolder]:
        if self._now() >= self._folders_until:
            found = await self._api.team_folders(purpose)
            self._folders = {
                _TEAM_FOLDER_CALLED_USERS if folder.name.lower() == USERS.lower() else folder.name: folder
                for folder in found
                if folder.status.tag in {"active", "archived"}
            }
            self._folders_until = self._now() + _KNOWN_FOR_S
        return self._folders


def _member_id(profile: Profile) -> str:
    return f"{ABOVE}member/{profile.team_member_id}"


def _folder_id(folder: TeamFolder) -> str:
    return f"{ABOVE}folder/{folder.team_folder_id}"


def _is_address(text: str) -> bool:
    name, at, domain = text.partition("@")
    return bool(name and at and "." in domain and text.isascii() and not any(c.isspace() for c in text))
