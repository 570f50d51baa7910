"""The calls of the Dropbox API about sharing, and what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from mover.connectors.dropbox.answers import Tagged
from mover.connectors.dropbox.calls import Caller, Purpose
from mover.connectors.dropbox.faults import Fault

MOST_FILES = 100
_MOST_MEMBERS = 1000


class User(msgspec.Struct, frozen=True):
    """A person among the members."""

    account_id: str
    email: str
    display_name: str = ""
    same_team: bool | None = None


class GroupInfo(msgspec.Struct, frozen=True):
    """A group among the members."""

    group_id: str
    group_name: str
    same_team: bool | None = None


class Invitee(msgspec.Struct, frozen=True):
    """Somebody who was invited and has not come yet."""

    email: str = ""


class Member(msgspec.Struct, frozen=True):
    """A line of one of the three lists of members."""

    access_type: Tagged
    is_inherited: bool = False
    user: User | None = None
    group: GroupInfo | None = None
    invitee: Invitee | None = None


class Members(msgspec.Struct, frozen=True):
    """Who may use a folder or file."""

    users: list[Member] = []
    groups: list[Member] = []
    invitees: list[Member] = []
    cursor: str | None = None

    @property
    def all(self) -> list[Member]:
        """Those of all lists."""
        return [*self.users, *self.groups, *self.invitees]


class CountedMembers(msgspec.Struct, frozen=True):
    """Members of a file, of a batch."""

    tag: str = msgspec.field(default="", name=".tag")
    members: Members = Members()
    access_error: Tagged = Tagged()


class FileMembers(msgspec.Struct, frozen=True):
    """A line of list_file_members/batch."""

    file: str
    result: CountedMembers


class SharedFile(msgspec.Struct, frozen=True):
    """What get_file_metadata tells."""

    tag: str = msgspec.field(default="", name=".tag")
    parent_shared_folder_id: str | None = None


class FileInfo(msgspec.Struct, frozen=True):
    """A line of get_file_metadata/batch."""

    file: str
    result: SharedFile


class Launch(msgspec.Struct, frozen=True):
    """A job that was begun, or is done already."""

    tag: str = msgspec.field(default="", name=".tag")
    async_job_id: str | None = None
    shared_folder_id: str | None = None
    failed: Any = None


class LinkPermissions(msgspec.Struct, frozen=True):
    """Whom a link lets in."""

    resolved_visibility: Tagged | None = None
    link_access_level: Tagged | None = None


class Link(msgspec.Struct, frozen=True):
    """A share by link."""

    id: str | None = None
    path_lower: str | None = None
    link_permissions: LinkPermissions = LinkPermissions()


class Links(msgspec.Struct, frozen=True):
    """A page of links."""

    links: list[Link]
    has_more: bool = False
    cursor: str | None = None


class Selector(msgspec.Struct, frozen=True):
    """Who is meant: by e-mail address, or by Dropbox's id of a person or group."""

    email: str | None = None
    dropbox_id: str | None = None

    def argument(self) -> dict[str, str]:
        """As the API takes it."""
        if self.dropbox_id is not None:
            return {".tag": "dropbox_id", "dropbox_id": self.dropbox_id}
        return {".tag": "email", "email": self.email or ""}


class Outcome(msgspec.Struct, frozen=True):
    """What became of one member of a file."""

    result: Any = None


class SharingApi:
    """The calls, made through one caller."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    async def file_members(self, purpose: Purpose, files: Sequence[str]) -> list[FileMembers]:
        """Tell who was invited to files, at most 100 of them; not who may use them through a folder."""
        arg = {"files": list(files), "limit": _MOST_MEMBERS}
        return await self.caller.rpc(purpose, "sharing/list_file_members/batch", arg, list[FileMembers])

    async def more_file_members(self, purpose: Purpose, cursor: str) -> Members:
        """Go on with the members of one file."""
        return await self.caller.rpc(
            purpose, "sharing/list_file_members/continue", {"cursor": cursor}, Members
        )

    async def file_infos(self, purpose: Purpose, files: Sequence[str]) -> list[FileInfo]:
        """Tell in which shared folders files stand, at most 100 of them."""
        arg = {"files": list(files)}
        return await self.caller.rpc(purpose, "sharing/get_file_metadata/batch", arg, list[FileInfo])

    async def folder_members(self, purpose: Purpose, shared_folder_id: str) -> list[Member] | Fault:
        """Tell all members of a shared folder. A call for each thousand."""
        arg: dict[str, Any] = {"shared_folder_id": shared_folder_id, "limit": _MOST_MEMBERS}
        found = await self.caller.try_rpc(purpose, "sharing/list_folder_members", arg, Members)
        if isinstance(found, Fault):
            return found
        members = found.all
        while found.cursor:
            found = await self.caller.rpc(
                purpose, "sharing/list_folder_members/continue", {"cursor": found.cursor}, Members
            )
            members += found.all
        return members

    async def share_folder(self, purpose: Purpose, path: str) -> Launch | Fault:
        """Make a folder a shared one."""
        return await self.caller.try_rpc(purpose, "sharing/share_folder", {"path": path}, Launch)

    async def job(self, purpose: Purpose, job_id: str, *, of_sharing: bool) -> Launch | Fault:
        """Ask what has become of a job."""
        kind = "share" if of_sharing else "remove_member"
        route = f"sharing/check_{kind}_job_status"
        return await self.caller.try_rpc(purpose, route, {"async_job_id": job_id}, Launch)

    async def add_to_folder(
        self, purpose: Purpose, shared_folder_id: str, who: Selector, access: str
    ) -> Fault | None:
        """Add a member to a shared folder; nobody gets mail."""
        member = {"member": who.argument(), "access_level": {".tag": access}}
        arg = {"shared_folder_id": shared_folder_id, "members": [member], "quiet": True}
        return await self._refusal(purpose, "sharing/add_folder_member", arg)

    async def change_in_folder(
        self, purpose: Purpose, shared_folder_id: str, who: Selector, access: str
    ) -> Fault | None:
        """Change what a member may do."""
        arg = {
            "shared_folder_id": shared_folder_id,
            "member": who.argument(),
            "access_level": {".tag": access},
        }
        return await self._refusal(purpose, "sharing/update_folder_member", arg)

    async def remove_from_folder(
        self, purpose: Purpose, shared_folder_id: str, who: Selector
    ) -> Launch | Fault:
        """Remove a member from a shared folder."""
        arg = {"shared_folder_id": shared_folder_id, "member": who.argument(), "leave_a_copy": False}
        return await self.caller.try_rpc(purpose, "sharing/remove_folder_member", arg, Launch)

    async def add_to_file(self, purpose: Purpose, file: str, who: Selector, access: str) -> Fault | None:
        """Add a member to a file; nobody gets mail."""
        arg = {
            "file": file,
            "members": [who.argument()],
            "access_level": {".tag": access},
            "quiet": True,
        }
        answer = await self.caller.try_rpc(purpose, "sharing/add_file_member", arg, list[Outcome])
        if isinstance(answer, Fault):
            return answer
        result = answer[0].result if answer else None
        failed = not isinstance(result, dict) or result.get(".tag") != "success"
        return Fault.of_union(result) if failed else None

    async def change_in_file(self, purpose: Purpose, file: str, who: Selector, access: str) -> Fault | None:
        """Change what a member may do with a file."""
        arg = {"file": file, "member": who.argument(), "access_level": {".tag": access}}
        return await self._refusal(purpose, "sharing/update_file_member", arg)

    async def remove_from_file(self, purpose: Purpose, file: str, who: Selector) -> Fault | None:
        """Remove a member from a file."""
        arg = {"file": file, "member": who.argument()}
        answer = await self.caller.try_rpc(purpose, "sharing/remove_file_member_2", arg, dict[str, Any])
        if isinstance(answer, Fault):
            return answer
        return None if answer.get(".tag") == "success" else Fault.of_union(answer)

    async def links(self, purpose: Purpose, cursor: str | None) -> Links:
        """List the links that an account has made."""
        arg = {} if cursor is None else {"cursor": cursor}
        return await self.caller.rpc(purpose, "sharing/list_shared_links", arg, Links)

    async def _refusal(self, purpose: Purpose, route: str, arg: dict[str, Any]) -> Fault | None:
        answer: object = await self.caller.try_rpc(purpose, route, arg, object)
        return answer if isinstance(answer, Fault) else None
