"""The contract on top of Graph, for OneDrive, SharePoint and Office 365."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Self
from urllib.parse import unquote, urlsplit

from mover.connectors.contract import (
    Account,
    Capabilities,
    Changes,
    Content,
    DescribedReads,
    Page,
    ServiceHashes,
    Target,
)
from mover.connectors.many_feeds import ManyFeeds
from mover.connectors.microsoft.api import GraphApi
from mover.connectors.microsoft.app_sign_in import tokens_of_app
from mover.connectors.microsoft.calls import Caller, Fresh
from mover.connectors.microsoft.capabilities import PERSONAL, WORK, describe
from mover.connectors.microsoft.changes import MicrosoftChanges
from mover.connectors.microsoft.changing import Changing
from mover.connectors.microsoft.config import Office365Config, OneDriveConfig, SharePointConfig
from mover.connectors.microsoft.listing import Lister, root_entry
from mover.connectors.microsoft.parts import RULES, MicrosoftPartUploads
from mover.connectors.microsoft.permissions import MicrosoftPermissions
from mover.connectors.microsoft.places import MicrosoftPlaces
from mover.connectors.microsoft.quota import MicrosoftQuota, free_of
from mover.connectors.microsoft.reading import read_file
from mover.connectors.microsoft.roles import FULL_CONTROL, roles_of
from mover.connectors.microsoft.sessions import Grain
from mover.connectors.microsoft.sign_in import ONEDRIVE_OAUTH, SHAREPOINT_OAUTH, tokens_of_person
from mover.connectors.microsoft.sites import Sites, SitesDirectory
from mover.connectors.microsoft.tenant import SITES, Tenant
from mover.connectors.microsoft.territory import OneDrive, Territory, in_drive, is_above, locate
from mover.connectors.microsoft.told_links import ToldLinks
from mover.connectors.microsoft.units import Units
from mover.connectors.microsoft.uploads import Uploads
from mover.connectors.microsoft.versions import MicrosoftVersions
from mover.connectors.registry import Surroundings
from mover.entries import Entry, EntryRef
from mover.errors import MoverError, NotFound, UserNotFound
from mover.transport.http import HttpSession
from mover.transport.oauth.bearer import BearerSession
from mover.transport.oauth.tokens import Tokens

_PERSONAL_DRIVE = "personal"


class MicrosoftConnector:
    """One account at Microsoft. Made by `onedrive`, `sharepoint` or `office365`.

    Attributes:
        part_rules: How files are cut; looked at when the connector signs in.

    Args:
        service: The connector's name.
        http: The connections; closed with the connector.
        tokens: Of the account.
    """

    hashes: ServiceHashes | None = None
    described_reads: DescribedReads | None = None
    sharing_changes: Changes | None = None
    part_rules = RULES

    def __init__(self, service: str, http: HttpSession, tokens: Tokens) -> None:
        self.service = service
        self._http = http
        self._tokens = tokens
        self._api = GraphApi(Caller(service, BearerSession(http, tokens), Fresh(), Units()))
        self._sign_in: Callable[[], Awaitable[Account]] = self._sign_in_to_drive
        self._tells_tenant = False
        self.places: MicrosoftPlaces | None = None
        self._territory: Territory = OneDrive()
        self._directory: SitesDirectory | None = None
        self._set_up(WORK)

    @classmethod
    def onedrive(cls, config: OneDriveConfig, surroundings: Surroundings) -> Self:
        """The OneDrive of whoever signed in."""
        http = surroundings.egress.http("onedrive")
        made = cls("onedrive", http, tokens_of_person(ONEDRIVE_OAUTH, config, surroundings, http))
        made._tells_tenant = config.allowed_tenant is not None
        return made

    @classmethod
    def sharepoint(cls, config: SharePointConfig, surroundings: Surroundings) -> Self:
        """The sites that somebody may use."""
        http = surroundings.egress.http("sharepoint")
        made = cls("sharepoint", http, tokens_of_person(SHAREPOINT_OAUTH, config, surroundings, http))
        made._tells_tenant = config.allowed_tenant is not None
        made._directory = SitesDirectory(made._api, everything=False)
        made._territory = Sites(made._directory)
        made._sign_in = made._sign_in_to_sites
        made._set_up(WORK)
        made._follow_many()
        return made

    @classmethod
    def office365(
        cls, config: Office365Config, surroundings: Surroundings, *, now: Callable[[], float] = time.time
    ) -> Self:
        """All users and sites of a tenant."""
        http = surroundings.egress.http("office365")
        made = cls("office365", http, tokens_of_app(config, http, now=now))
        directory = made._directory = SitesDirectory(made._api, everything=True)
        made._territory = Tenant(made._api, Sites(directory, SITES))
        made._sign_in = lambda: made._sign_in_to_tenant(config.tenant)
        made.places = MicrosoftPlaces(made._api, directory)
        made._set_up(WORK)
        made._follow_many()
        return made

    def _set_up(self, grain: Grain, root_path: str = "") -> None:
        api, territory = self._api, self._territory
        self.capabilities: Capabilities = describe(grain, root_path=root_path)
        self._links = ToldLinks()
        self._lister = Lister(api, territory, self._links, notebooks_open=not grain.personal)
        self._uploads = Uploads(api, self._lister, grain)
        self._changing = Changing(api, territory, self._lister, grain)
        self.times = self._changing
        self.renames = self._changing
        self.part_uploads = MicrosoftPartUploads(api, territory, self._lister, grain)
        self.quota = MicrosoftQuota(api, territory)
        self.changes: Changes = MicrosoftChanges(api, territory, self._lister)
        self.versions = MicrosoftVersions(api, territory)
        self.permissions = MicrosoftPermissions(api, territory)
        self.permissions.tells_inherited = grain.personal

    def _follow_many(self) -> None:
        territory = self._territory

        async def top_of(ref: EntryRef) -> str | None:
            address = await locate(territory, ref, operation="changes")
            return None if address is None else territory.id_of(address.drive, address.item)

        self.changes = ManyFeeds(
            self.changes,
            is_above=lambda ref: is_above(territory, ref, operation="changes"),
            list_folder=self.list_folder,
            top_of=top_of,
        )

    @property
    def calls(self) -> int:
        """HTTP requests sent so far."""
        return self._http.calls

    @property
    def remarks(self) -> Sequence[str]:
        """See `contract.Remarks`."""
        return list(self._directory.remarks) if self._directory is not None else []

    async def sign_in(self) -> Account:
        """See the contract: one call, or two."""
        with self._placed("sign_in", ""):
            account = await self._sign_in()
        self.capabilities = replace(self.capabilities, parts=self.part_rules)
        return account

    async def close(self) -> None:
        """See the contract."""
        await self._http.close()

    async def look_up(self, path: str) -> Entry:
        """See the contract."""
        with self._placed("look_up", path):
            return await self._describe(EntryRef(path), "look_up")

    async def refresh(self, ref: EntryRef) -> Entry:
        """See the contract."""
        with self._placed("refresh", ref.path):
            return await self._describe(ref, "refresh")

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """See the contract."""
        with self._placed("list_folder", folder.path):
            address = await locate(self._territory, folder, operation="list_folder")
            if address is None:
                pages = self._lister.above(folder.path, cursor)
            else:
                pages = self._lister.pages(address, folder.path, cursor)
            async with aclosing(pages):
                async for page in pages:
                    yield page

    async def read(
        self, file: EntryRef, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See the contract."""
        with self._placed("read", file.path):
            address = await locate(self._territory, file, operation="read")
            if address is None:
                raise NotFound("it is no file")
            link = self._links.take(address, version) if not offset and length is None else None
            reading = read_file(
                self._api, address, file.path, offset=offset, length=length, version=version, told=link
            )
            async with aclosing(reading):
                async for piece in reading:
                    yield piece

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """See the contract."""
        path = parent.child(name).path
        with self._placed("create_folder", path):
            address = await in_drive(self._territory, parent, operation="create_folder")
            return await self._changing.create_folder(address, path, name)

    async def upload(self, target: Target, content: Content) -> Entry:
        """See the contract."""
        with self._placed("upload", target.ref.path):
            folder = await in_drive(self._territory, target.folder, operation="upload")
            return await self._uploads.upload(folder, target, content)

    async def _describe(self, ref: EntryRef, operation: str) -> Entry:
        address = await locate(self._territory, ref, operation=operation)
        if address is None:
            return await self._territory.folder_above(ref.path, operation=operation)
        item = await self._api.item(address, operation=operation, path=ref.path)
        if item.root is not None:
            return root_entry(self._territory, address.drive, EntryRef(ref.path).name)
        return self._lister.entry(address.drive, item)

    async def _sign_in_to_drive(self) -> Account:
        try:
            drive = await self._api.my_drive(operation="sign_in", path="")
        except NotFound as error:
            raise UserNotFound(
                "the account has no OneDrive, or it was not made yet: open it once in a browser",
                said=error.said,
            ) from error
        personal = drive.drive_type == _PERSONAL_DRIVE
        root_path = "" if personal else unquote(urlsplit(drive.web_url or "").path)
        email = _email(
            drive.owner.user.email if drive.owner is not None and drive.owner.user is not None else None
        )
        if not email:  # Microsoft accounts keep theirs to themselves here
            user = await self._api.me(operation="sign_in", path="")
            email = _email(user.mail) or _email(user.user_principal_name)
        self._territory = OneDrive(drive.id, email or None)
        self._set_up(PERSONAL if personal else WORK, root_path)
        self.quota.told.tell(free_of(drive))
        where = "OneDrive" if personal else "OneDrive for Business"
        return Account(
            f"{email or 'somebody'} at {where}",
            secure=True,
            email=email,
            tenant="" if personal else await self._tenant(),
        )

    async def _sign_in_to_sites(self) -> Account:
        user = await self._api.me(operation="sign_in", path="")
        await self._api.sites(None, everything=False, operation="sign_in", path="")
        email = _email(user.mail) or _email(user.user_principal_name)
        who = email or user.display_name or user.id
        return Account(f"{who} at SharePoint", secure=True, email=email, tenant=await self._tenant())

    async def _sign_in_to_tenant(self, tenant: str) -> Account:
        await self._api.users(None, operation="sign_in", path="")
        await self._api.sites(None, everything=True, operation="sign_in", path="")
        if FULL_CONTROL in roles_of(await self._tokens.access()):
            self.sharing_changes = MicrosoftChanges(self._api, self._territory, self._lister, sharing=True)
        return Account(f"all users and sites of {tenant} at Office 365", secure=True, tenant=tenant)

    async def _tenant(self) -> str:
        """The id of the account's organisation: a call that is made only where the connection asks for a certain one."""
        if not self._tells_tenant:
            return ""
        found = await self._api.organisations(operation="sign_in", path="")
        return found[0].id if found else ""

    @contextmanager
    def _placed(self, operation: str, path: str) -> Iterator[None]:
        try:
            yield
        except MoverError as error:
            error.at(service=self.service, operation=operation, path=path)
            raise


def _email(text: str | None) -> str:
    return text.lower() if text and "@" in text else ""
