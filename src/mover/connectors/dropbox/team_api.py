"""The calls of the Dropbox Business API that Mover makes, and what they answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec

from mover.connectors.dropbox.answers import Tagged
from mover.connectors.dropbox.calls import Caller, Purpose
from mover.connectors.dropbox.faults import Fault

_PAGE = 1000


class PersonName(msgspec.Struct, frozen=True):
    """What somebody is called."""

    display_name: str = ""


class Profile(msgspec.Struct, frozen=True):
    """A member of the team."""

    team_member_id: str
    email: str
    status: Tagged
    account_id: str | None = None
    name: PersonName = PersonName()


class TeamMember(msgspec.Struct, frozen=True):
    """A line of the list of members."""

    profile: Profile


class MembersPage(msgspec.Struct, frozen=True):
    """A page of it."""

    members: list[TeamMember]
    cursor: str
    has_more: bool


class MemberInfo(msgspec.Struct, frozen=True):
    """What is told of a member that was asked for."""

    tag: str = msgspec.field(default="", name=".tag")
    profile: Profile | None = None


class MembersInfo(msgspec.Struct, frozen=True):
    """Of each one that was asked for."""

    members_info: list[MemberInfo]


class TeamFolder(msgspec.Struct, frozen=True):
    """A team folder."""

    team_folder_id: str
    name: str
    status: Tagged


class TeamFoldersPage(msgspec.Struct, frozen=True):
    """A page of them."""

    team_folders: list[TeamFolder]
    cursor: str
    has_more: bool


class Group(msgspec.Struct, frozen=True):
    """A group of the team."""

    group_name: str
    group_id: str


class GroupsPage(msgspec.Struct, frozen=True):
    """A page of them."""

    groups: list[Group]
    cursor: str
    has_more: bool


class TeamInfo(msgspec.Struct, frozen=True):
    """The team."""

    name: str
    team_id: str


class AuthenticatedAdmin(msgspec.Struct, frozen=True):
    """Who signed the app in."""

    admin_profile: Profile


class TeamApi:
    """The calls, made through one caller."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    async def info(self, purpose: Purpose) -> TeamInfo:
        """Tell which team it is."""
        return await self.caller.rpc(purpose, "team/get_info", None, TeamInfo)

    async def admin(self, purpose: Purpose) -> Profile:
        """Tell which administrator has signed the app in."""
        found = await self.caller.rpc(purpose, "team/token/get_authenticated_admin", None, AuthenticatedAdmin)
        return found.admin_profile

    async def members(self, purpose: Purpose) -> AsyncGenerator[list[Profile], None]:
        """Yield all members, in pages."""
        page = await self.caller.rpc(purpose, "team/members/list_v2", {"limit": _PAGE}, MembersPage)
        yield [member.profile for member in page.members]
        while page.has_more:
            arg = {"cursor": page.cursor}
            page = await self.caller.rpc(purpose, "team/members/list/continue_v2", arg, MembersPage)
            yield [member.profile for member in page.members]

    async def member(self, purpose: Purpose, email: str) -> Profile | None:
        """Find a member by address; None if the team has none of that address."""
        arg = {"members": [{".tag": "email", "email": email}]}
        found = await self.caller.rpc(purpose, "team/members/get_info_v2", arg, MembersInfo)
        return found.members_info[0].profile if found.members_info else None

    async def team_folders(self, purpose: Purpose) -> list[TeamFolder]:
        """List the team folders."""
        page = await self.caller.rpc(purpose, "team/team_folder/list", {"limit": _PAGE}, TeamFoldersPage)
        found = page.team_folders
        while page.has_more:
            arg = {"cursor": page.cursor}
            page = await self.caller.rpc(purpose, "team/team_folder/list/continue", arg, TeamFoldersPage)
            found += page.team_folders
        return found

    async def create_team_folder(self, purpose: Purpose, name: str) -> TeamFolder | Fault:
        """Make a team folder."""
        return await self.caller.try_rpc(purpose, "team/team_folder/create", {"name": name}, TeamFolder)

    async def groups(self, purpose: Purpose) -> dict[str, str]:
        """Return the ids of the team's groups, by name; of two of one name the first."""
        page = await self.caller.rpc(purpose, "team/groups/list", {"limit": _PAGE}, GroupsPage)
        found = page.groups
        while page.has_more:
            arg = {"cursor": page.cursor}
            page = await self.caller.rpc(purpose, "team/groups/list/continue", arg, GroupsPage)
            found += page.groups
        return {group.group_name: group.group_id for group in reversed(found)}
