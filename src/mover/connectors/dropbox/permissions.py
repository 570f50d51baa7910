"""Who may do what: members of shared folders and of files, and links.

A folder becomes a shared one when the first person is permitted something on it. Members of a shared folder may use all
that is in it. Links are told, never made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from mover.connectors.dropbox.answers import Metadata
from mover.connectors.dropbox.api import FilesApi
from mover.connectors.dropbox.areas import Areas
from mover.connectors.dropbox.calls import Purpose
from mover.connectors.dropbox.entries import address, its_id
from mover.connectors.dropbox.faults import Fault
from mover.connectors.dropbox.members import ACCESS, RANK
from mover.connectors.dropbox.sharing_api import (
    Launch,
    Member,
    Selector,
    SharingApi,
)
from mover.connectors.dropbox.told_permissions import Emails, ToldPermissions
from mover.entries import EntryRef, GranteeKind, Permission
from mover.errors import MoverError, NotFound, ServiceFault, Unsupported, UserNotFound

_JOB_PAUSE_S = 1.0

GroupIds = Callable[[], Awaitable[Mapping[str, str]]]
"""Return the ids of the team's groups, by name."""


class DropboxPermissions:
    """See `contract.Permissions`.

    Args:
        files: Calls about entries.
        sharing: Calls about who may use them.
        areas: Finds places.
        email_of: Tells the owner of what nobody shared.
        group_ids: Of the team; None where groups cannot be looked up (a personal connection).
    """

    inherited = True
    roles = frozenset(ACCESS)
    on_files = True
    tells_links_above = False

    def __init__(
        self,
        files: FilesApi,
        sharing: SharingApi,
        areas: Areas,
        email_of: Emails,
        group_ids: GroupIds | None = None,
    ) -> None:
        self.kinds = frozenset(
            {GranteeKind.PERSON} if group_ids is None else {GranteeKind.PERSON, GranteeKind.GROUP}
        )
        self._files = files
        self._sharing = sharing
        self._areas = areas
        self._group_ids = group_ids
        self._told = ToldPermissions(files, sharing, areas, email_of)

    async def of(self, entries: Sequence[EntryRef]) -> Sequence[Sequence[Permission]]:
        """See the contract, and `ToldPermissions`."""
        return await self._told.of(entries)

    async def grant(self, entry: EntryRef, grantee: Permission) -> None:
        """See the contract. Three calls, and one more for a folder that was not shared before.

        Where Dropbox needs longer to share a folder it raises ServiceFault, and a repetition finds the folder shared.
        """
        access = ACCESS.get(grantee.role)
        if access is None:
            raise self._at(Unsupported("Dropbox lets nobody make another person the owner"), "grant", entry)
        who = await self._selector(grantee, "grant", entry)
        purpose, found = await self._described(entry, "grant")
        at = found.id or ""
        if found.tag != "folder":
            standing = await self._in_file(purpose, at, grantee)
            if standing is not None and RANK[standing.access_type.tag] >= RANK[access]:
                return
            if standing is None:
                failure = await self._sharing.add_to_file(purpose, at, who, access)
            else:
                failure = await self._sharing.change_in_file(purpose, at, who, access)
        else:
            shared_folder_id = await self._shared_folder(purpose, found)
            members = await self._told.members(purpose, shared_folder_id)
            standing = _line_of(members, grantee)
            if standing is not None and RANK[standing.access_type.tag] >= RANK[access]:
                return
            if standing is None or standing.is_inherited:
                failure = await self._sharing.add_to_folder(purpose, shared_folder_id, who, access)
            else:
                known = _selector_of(standing) or who
                failure = await self._sharing.change_in_folder(purpose, shared_folder_id, known, access)
        if failure is not None:
            raise self._sharing.caller.error(purpose, failure)

    async def revoke(self, entry: EntryRef, grantee: Permission) -> None:
        """See the contract. Two or three calls."""
        try:
            who = await self._selector(grantee, "revoke", entry)
            purpose, found = await self._described(entry, "revoke")
        except NotFound:
            return
        if found.tag != "folder":
            failure = await self._sharing.remove_from_file(purpose, found.id or "", who)
        else:
            sharing = found.sharing_info
            if sharing is None or sharing.shared_folder_id is None:
                return
            answer = await self._sharing.remove_from_folder(purpose, sharing.shared_folder_id, who)
            failure = answer if isinstance(answer, Fault) else None
            if isinstance(answer, Launch):
                failure = await self._done(purpose, answer, of_sharing=False)
        nothing_to_take = {"not_a_member", "no_explicit_access", "invalid_member", "invalid_dropbox_id"}
        if failure is not None and not nothing_to_take & set(failure.tags):
            raise self._sharing.caller.error(purpose, failure)

    async def _described(self, entry: EntryRef, operation: str) -> tuple[Purpose, Metadata]:
        where = await self._areas.locate(entry.path, operation)
        if where is None or not (where.path or its_id(entry)):
            raise self._at(
                Unsupported("what stands at the top cannot be shared as a whole"), operation, entry
            )
        purpose = Purpose(who=where.who, operation=operation, path=entry.path)
        return purpose, await self._files.get_metadata(purpose, address(entry, where.path))

    async def _in_file(self, purpose: Purpose, at: str, grantee: Permission) -> Member | None:
        [line] = await self._sharing.file_members(purpose, [at])
        return _line_of(await self._told.all_members(purpose, line.result.members), grantee)

    async def _shared_folder(self, purpose: Purpose, folder: Metadata) -> str:
        """Return the id of a folder as a shared one; it is made one if it is not yet."""
        sharing = folder.sharing_info
        if sharing is not None and sharing.shared_folder_id is not None:
            return sharing.shared_folder_id
        answer = await self._sharing.share_folder(purpose, folder.id or "")
        if isinstance(answer, Fault):
            known = answer.value.get("shared_folder_id")
            if answer.has("already_shared") and isinstance(known, str):
                return known
            raise self._sharing.caller.error(purpose, answer)
        if answer.shared_folder_id is not None:
            return answer.shared_folder_id
        done = await self._done(purpose, answer, of_sharing=True)
        if isinstance(done, Fault):
            raise self._sharing.caller.error(purpose, done)
        shared = (await self._files.get_metadata(purpose, folder.id or "")).sharing_info
        if shared is None or shared.shared_folder_id is None:
            raise self._sharing.caller.strange(
                purpose, "Dropbox shared the folder, and does not show it as shared"
            )
        return shared.shared_folder_id

    async def _done(self, purpose: Purpose, launched: Launch, *, of_sharing: bool) -> Fault | None:
        """Look after a job once. Raises ServiceFault while it is not done: whoever asked tries again."""
        if launched.async_job_id is None:
            return None
        job = await self._sharing.job(purpose, launched.async_job_id, of_sharing=of_sharing)
        if isinstance(job, Fault):
            return job
        match job.tag:
            case "complete":
                return None
            case "failed":
                return Fault.of_union(job.failed)
            case _:
                raise ServiceFault(
                    "Dropbox is still at it",
                    retry_after_s=_JOB_PAUSE_S,
                    service=self._sharing.caller.service,
                    operation=purpose.operation,
                    path=purpose.path,
                )

    async def _selector(self, grantee: Permission, operation: str, entry: EntryRef) -> Selector:
        if grantee.kind is GranteeKind.PERSON:
            return Selector(email=grantee.identity)
        if grantee.kind is not GranteeKind.GROUP or self._group_ids is None:
            what = "links are not made" if grantee.kind is GranteeKind.ANYONE else "only people can be named"
            raise self._at(Unsupported(f"this cannot be permitted at Dropbox: {what}"), operation, entry)
        group_id = (await self._group_ids()).get(grantee.identity)
        if group_id is None:
            raise self._at(UserNotFound(f"the team has no group {grantee.identity!r}"), operation, entry)
        return Selector(dropbox_id=group_id)

    def _at(self, error: MoverError, operation: str, entry: EntryRef) -> MoverError:
        return error.at(service=self._sharing.caller.service, operation=operation, path=entry.path)


def _line_of(members: Sequence[Member], grantee: Permission) -> Member | None:
    for member in members:
        if grantee.kind is GranteeKind.GROUP:
            if member.group is not None and member.group.group_name == grantee.identity:
                return member
            continue
        address_ = member.user.email if member.user else member.invitee.email if member.invitee else ""
        if address_.lower() == grantee.identity.lower():
            return member
    return None


def _selector_of(member: Member) -> Selector | None:
    """How Dropbox wants a standing member to be named."""
    if member.user is not None:
        return Selector(dropbox_id=member.user.account_id)
    if member.group is not None:
        return Selector(dropbox_id=member.group.group_id)
    return None
