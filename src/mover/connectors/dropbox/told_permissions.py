"""Who may do what, as Dropbox tells it: for many entries with few calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from mover.connectors.dropbox.answers import Metadata
from mover.connectors.dropbox.api import FilesApi
from mover.connectors.dropbox.areas import Areas, Location
from mover.connectors.dropbox.calls import Purpose, Who
from mover.connectors.dropbox.entries import address, its_id
from mover.connectors.dropbox.faults import Fault
from mover.connectors.dropbox.members import lines_of, link_line, owner_line
from mover.connectors.dropbox.sharing_api import MOST_FILES, Link, Member, Members, SharingApi
from mover.entries import AccessRole, EntryRef, Permission
from mover.errors import NotFound

_LINKS_LAST_S = 300.0

Emails = Callable[[Who], Awaitable[str]]
"""Return the e-mail address of in whose name calls are made."""


class ToldPermissions:
    """Asks Dropbox.

    Args:
        files: Calls about entries.
        sharing: Calls about who may use them.
        areas: Finds places.
        email_of: Tells the owner of what nobody shared.
    """

    def __init__(self, files: FilesApi, sharing: SharingApi, areas: Areas, email_of: Emails) -> None:
        self._files = files
        self._sharing = sharing
        self._areas = areas
        self._email_of = email_of
        self._links: dict[Who, tuple[float, Mapping[str, list[Link]]]] = {}

    async def of(self, entries: Sequence[EntryRef]) -> Sequence[Sequence[Permission]]:
        """See `contract.Permissions`.

        Two calls for all files of an account, one for each folder, one for each shared folder that any of them stands in,
        and those for all links of the account, which are asked for every five minutes at most.
        """
        found: list[Sequence[Permission]] = [[] for _ in entries]
        by_who: dict[Who, list[int]] = {}
        places: dict[int, Location] = {}
        for number, entry in enumerate(entries):
            try:
                where = await self._areas.locate(entry.path, "permissions")
                if where is not None:
                    address(entry, where.path)
            except NotFound:
                continue
            if where is not None and (its_id(entry) or where.path):
                places[number] = where
                by_who.setdefault(where.who, []).append(number)
        for who, numbers in by_who.items():
            asked = {number: address(entries[number], places[number].path) for number in numbers}
            told = await self._of_account(who, sorted(set(asked.values())), entries[numbers[0]].path)
            for number, at in asked.items():
                found[number] = told[at]
        return found

    async def _of_account(
        self, who: Who, paths: Sequence[str], path: str
    ) -> Mapping[str, Sequence[Permission]]:
        purpose = Purpose(who=who, operation="permissions", path=path)
        told: dict[str, list[Permission]] = {}
        above: dict[str, str | None] = {}
        in_team = who.member is not None or who.admin is not None
        for start in range(0, len(paths), MOST_FILES):
            some = paths[start : start + MOST_FILES]
            files = await self._sharing.file_members(purpose, some)
            for line in files:
                match line.result.tag, line.result.access_error.tag:
                    case "result", _:
                        members = await self.all_members(purpose, line.result.members)
                        told[line.file] = lines_of(members, in_team=in_team)
                        above[line.file] = None
                    case _, "is_folder":
                        folder = await self._folder(purpose, line.file)
                        if folder is not None:
                            told[line.file], above[line.file] = await self._of_folder(
                                purpose, folder, in_team=in_team
                            )
                    case _, "no_permission":
                        raise self._sharing.caller.error(purpose, Fault(409, ("no_permission",)))
                    case _:
                        pass  # gone meanwhile
            real_files = [file for file in some if file in told and above[file] is None]
            await self._put_files_into_folders(purpose, real_files, above)
        await self._inherit(purpose, told, above, in_team=in_team)
        await self._add_links_and_owners(purpose, told, above)
        return {at: told.get(at, []) for at in paths}

    async def _put_files_into_folders(
        self, purpose: Purpose, files: Sequence[str], above: dict[str, str | None]
    ) -> None:
        if not files:
            return
        for info in await self._sharing.file_infos(purpose, files):
            if info.result.parent_shared_folder_id is not None:
                above[info.file] = info.result.parent_shared_folder_id

    async def _folder(self, purpose: Purpose, at: str) -> Metadata | None:
        try:
            return await self._files.get_metadata(purpose, at)
        except NotFound:
            return None

    async def _of_folder(
        self, purpose: Purpose, folder: Metadata, *, in_team: bool
    ) -> tuple[list[Permission], str | None]:
        """The lines of a folder, and the shared folder that it stands in where it is none itself."""
        sharing = folder.sharing_info
        if sharing is None or sharing.shared_folder_id is None:
            return [], None if sharing is None else sharing.parent_shared_folder_id
        members = await self.members(purpose, sharing.shared_folder_id)
        return lines_of(members, in_team=in_team), None

    async def members(self, purpose: Purpose, shared_folder_id: str) -> list[Member]:
        """All members of a shared folder. Raises what a refusal means."""
        members = await self._sharing.folder_members(purpose, shared_folder_id)
        if isinstance(members, Fault):
            raise self._sharing.caller.error(purpose, members)
        return members

    async def all_members(self, purpose: Purpose, first: Members) -> list[Member]:
        """All who were invited to a file, of whom the first page is known."""
        members, cursor = first.all, first.cursor
        while cursor:
            more = await self._sharing.more_file_members(purpose, cursor)
            members += [member for member in more.all if not member.is_inherited]
            cursor = more.cursor
        return members

    async def _inherit(
        self,
        purpose: Purpose,
        told: dict[str, list[Permission]],
        above: Mapping[str, str | None],
        *,
        in_team: bool,
    ) -> None:
        known: dict[str, list[Permission]] = {}
        for at, shared_folder_id in above.items():
            if shared_folder_id is None:
                continue
            if shared_folder_id not in known:
                members = await self.members(purpose, shared_folder_id)
                known[shared_folder_id] = lines_of(members, in_team=in_team, inherited=True)
            told[at] += known[shared_folder_id]

    async def _add_links_and_owners(
        self, purpose: Purpose, told: dict[str, list[Permission]], above: Mapping[str, str | None]
    ) -> None:
        links = await self._links_of(purpose)
        for at, lines in told.items():
            if above[at] is None and not any(line.role is AccessRole.OWNER for line in lines):
                lines.append(owner_line(await self._email_of(purpose.who)))
            lines += [
                line
                for link in links.get(at, links.get(at.lower(), []))
                if (line := link_line(link)) is not None
            ]

    async def _links_of(self, purpose: Purpose) -> Mapping[str, list[Link]]:
        """All links of an account, by id of their entries and by path."""
        now = self._sharing.caller.now()
        known = self._links.get(purpose.who)
        if known is not None and now < known[0]:
            return known[1]
        found: dict[str, list[Link]] = {}
        cursor: str | None = None
        while True:
            page = await self._sharing.links(purpose, cursor)
            for link in page.links:
                for key in filter(None, (link.id, link.path_lower)):
                    found.setdefault(key, []).append(link)
            cursor = page.cursor
            if not page.has_more or not cursor:
                break
        self._links[purpose.who] = (now + _LINKS_LAST_S, found)
        return found
