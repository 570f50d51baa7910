"""The contract on top of Dropbox's calls, for one account and for a whole team."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from mover.connectors.contract import (
    Account,
    Capabilities,
    Changes,
    Content,
    DescribedReads,
    Page,
    ServiceHashes,
    Target,
    Times,
)
from mover.connectors.dropbox.api import FilesApi
from mover.connectors.dropbox.areas import Areas, Location, OneArea
from mover.connectors.dropbox.calls import Caller, Purpose, Who
from mover.connectors.dropbox.capabilities import CAPABILITIES
from mover.connectors.dropbox.config import DropboxBusinessConfig, DropboxConfig
from mover.connectors.dropbox.entries import address, entry_of, its_id, split_id
from mover.connectors.dropbox.listing import list_pages
from mover.connectors.dropbox.organisation import Organisation
from mover.connectors.dropbox.parts import DropboxPartUploads
from mover.connectors.dropbox.permissions import DropboxPermissions
from mover.connectors.dropbox.quota import DropboxQuota
from mover.connectors.dropbox.reading import read_export, read_file
from mover.connectors.dropbox.renames import DropboxRenames
from mover.connectors.dropbox.sharing_api import SharingApi
from mover.connectors.dropbox.sign_in import BUSINESS, PERSONAL, tokens_for
from mover.connectors.dropbox.storing import Stores
from mover.connectors.dropbox.team_api import TeamApi
from mover.connectors.dropbox.together import SmallReads
from mover.connectors.dropbox.trees import DropboxTrees, TeamTrees
from mover.connectors.dropbox.uploads import Uploads
from mover.connectors.dropbox.versions import DropboxVersions
from mover.connectors.registry import Surroundings
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import MoverError, NotFound, ProtocolViolation, SignInFailed


class _Files:
    """What an account and a team have in common."""

    described_reads: DescribedReads | None = None
    sharing_changes: Changes | None = None
    hashes: ServiceHashes | None = None
    times: Times | None = None  # Dropbox takes times with the content only

    def __init__(self, service: str, caller: Caller, areas: Areas, page: int) -> None:
        self.service = service
        self._caller = caller
        self._areas = areas
        self._page = page
        self._api = FilesApi(caller)
        self._stores = Stores(self._api)
        self._small_reads = SmallReads(self._api)
        self._uploads = Uploads(self._api, areas, self._stores)
        self.part_uploads = DropboxPartUploads(self._api, self._uploads, self._stores)
        self.renames = DropboxRenames(self._api, areas, self._stores)
        self.quota = DropboxQuota(self._api, areas)
        self._trees = DropboxTrees(self._api, areas, self._small_reads, page=2 * page)
        self.changes: Changes = self._trees
        self.versions = DropboxVersions(self._api, areas)

    @property
    def capabilities(self) -> Capabilities:
        """See the contract."""
        return CAPABILITIES

    @property
    def calls(self) -> int:
        """HTTP requests sent so far."""
        return self._caller.http.calls

    async def close(self) -> None:
        """See the contract."""
        await self._stores.close()
        await self._small_reads.close()
        await self._caller.http.close()

    async def look_up(self, path: str) -> Entry:
        """See the contract. One call. Documents are found under the name that they have at Dropbox."""
        return await self._described(EntryRef(path), "look_up")

    async def refresh(self, ref: EntryRef) -> Entry:
        """See the contract."""
        return await self._described(ref, "refresh")

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """See the contract. A call for each thousand entries."""
        with _Placed(self.service, "list_folder", folder.path):
            where = await self._areas.locate(folder.path, "list_folder")
            if where is None:
                pages = self._list_top(folder.path)
            else:
                purpose = Purpose(who=where.who, operation="list_folder", path=folder.path)
                pages = list_pages(self._api, purpose, address(folder, where.path), cursor, limit=self._page)
            begins = cursor is None
            async with aclosing(pages):
                async for page in pages:
                    if where is not None:
                        at = address(folder, where.path)
                        ends = page.cursor is None
                        self._small_reads.listed(folder, at, page.entries, begins=begins, ends=ends)
                        begins = False
                    yield page

    async def read(
        self,
        file: EntryRef,
        *,
        offset: int = 0,
        length: int | None = None,
        version: str | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """See the contract. One call, which small files share; documents that have no bytes of their own are exported."""
        with _Placed(self.service, "read", file.path):
            where = await self._located(file.path, "read")
            if not offset and length is None:
                content = await self._small_reads.read(file, version, where.who)
                if content is not None:
                    yield content
                    return
            known = its_id(file)
            form = None if known is None else split_id(known)[0]
            at = address(file, where.path)
            purpose = Purpose(who=where.who, operation="read", path=file.path)
            if form is None:
                pieces = read_file(self._api, purpose, at, offset=offset, length=length, version=version)
            else:
                pieces = read_export(
                    self._api, purpose, at, form, offset=offset, length=length, version=version
                )
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """See the contract."""
        with _Placed(self.service, "create_folder", parent.child(name).path):
            return await self._uploads.create_folder(parent, name)

    async def upload(self, target: Target, content: Content) -> Entry:
        """See the contract. A repetition after a lost answer finds the file in its place and raises Conflict."""
        with _Placed(self.service, "upload", target.ref.path):
            return await self._uploads.upload(target, content)

    async def _described(self, ref: EntryRef, operation: str) -> Entry:
        with _Placed(self.service, operation, ref.path):
            where = await self._areas.locate(ref.path, operation)
            if where is None or (not where.path and its_id(ref) is None):
                top = await self._areas.top_id(ref.path, operation)
                return Entry(name=ref.name, kind=EntryKind.FOLDER, id=top)
            purpose = Purpose(who=where.who, operation=operation, path=ref.path)
            return entry_of(await self._api.get_metadata(purpose, address(ref, where.path)))

    async def _located(self, path: str, operation: str) -> Location:
        where = await self._areas.locate(path, operation)
        if where is None:
            raise NotFound("this is a folder")
        return where

    def _list_top(self, path: str) -> AsyncGenerator[Page, None]:
        raise AssertionError(f"one account has no folders above its own: {path}")


class DropboxConnector(_Files):
    """One Dropbox account.

    Args:
        config: How to sign in, and where paths begin.
        surroundings: The way out, and who keeps tokens.
        page: Most entries of a page of a listing.
        now: Seconds since 1970.
    """

    places = None

    def __init__(
        self,
        config: DropboxConfig,
        surroundings: Surroundings,
        *,
        page: int = 1000,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._area = OneArea()
        self._email = ""
        http = surroundings.egress.http("dropbox")
        tokens = tokens_for(config, surroundings, http, PERSONAL, now=now)
        super().__init__("dropbox", Caller(http, tokens, "dropbox", now=now), self._area, page)
        self.permissions = DropboxPermissions(self._api, SharingApi(self._caller), self._area, self._owner)

    async def sign_in(self) -> Account:
        """One call: whose account it is, and where its trees begin."""
        with _Placed(self.service, "sign_in", ""), _OfOneAccount():
            account = await self._api.account(Purpose(operation="sign_in", path=""))
        team = account.team
        self._email = account.email
        if self._config.team_space and account.root_info.tag == "team":
            self._area.begin_at(account.root_info.root_namespace_id)
        where = f" ({team.name})" if team is not None and team.name else ""
        return Account(
            f"{account.email} at Dropbox{where}",
            secure=True,
            email=account.email.lower(),
            tenant=team.id if team is not None else "",
        )

    async def _owner(self, _who: Who) -> str:
        return self._email


class DropboxBusinessConnector(_Files):
    """A Dropbox team: its team folders, and the folders of all its members.

    Args:
        config: How to sign in.
        surroundings: The way out, and who keeps tokens.
        page: Most entries of a page of a listing.
        now: Seconds since 1970.
    """

    def __init__(
        self,
        config: DropboxBusinessConfig,
        surroundings: Surroundings,
        *,
        page: int = 1000,
        now: Callable[[], float] = time.time,
    ) -> None:
        http = surroundings.egress.http("dropbox-business")
        tokens = tokens_for(config, surroundings, http, BUSINESS, now=now)
        caller = Caller(http, tokens, "dropbox-business", now=now)
        self._team = TeamApi(caller)
        self.places = Organisation(self._team, caller.now)
        super().__init__("dropbox-business", caller, self.places, page)
        self.permissions = DropboxPermissions(
            self._api, SharingApi(caller), self.places, self.places.email_of, self.places.group_ids
        )

        async def is_above(ref: EntryRef) -> bool:
            return self.places.is_above(ref.path)

        self.changes = TeamTrees(self._trees, is_above=is_above, list_folder=self.list_folder)

    async def sign_in(self) -> Account:
        """Two calls: which team it is, and which administrator has signed in."""
        purpose = Purpose(operation="sign_in", path="")
        with _Placed(self.service, "sign_in", ""), _OfATeam():
            team = await self._team.info(purpose)
            admin = await self.places.admin()
        return Account(
            f"{team.name} at Dropbox, by {admin.email}",
            secure=True,
            email=admin.email.lower(),
            tenant=team.team_id,
        )

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """See the contract. At the top it makes a team folder; in `/Users` it finds the folder of a member."""
        with _Placed(self.service, "create_folder", parent.child(name).path):
            if await self.places.locate(parent.path, "create_folder") is None:
                return await self.places.create_top(parent.path, name)
            return await self._uploads.create_folder(parent, name)

    async def _list_top(self, path: str) -> AsyncGenerator[Page, None]:
        async for entries in self.places.list_top(path):
            yield Page(entries)


class _Placed:
    """Says in errors where they happened, as far as they do not say it themselves."""

    def __init__(self, service: str, operation: str, path: str) -> None:
        self._where = (service, operation, path)

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, MoverError):
            service, operation, path = self._where
            error.at(service=service, operation=operation, path=path)


class _OfOneAccount:
    """Says so if the token is that of a whole team."""

    message = "this sign-in is of a whole team; connect it as dropbox-business"
    mark = "entire Dropbox Business team"

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ProtocolViolation) and self.mark in error.said:
            raise SignInFailed(self.message) from error


class _OfATeam(_OfOneAccount):
    """Says so if the token is that of one account."""

    message = "this sign-in is of one account only; an administrator of the team has to sign in for all"
    mark = "operates on an entire Dropbox Business team"
