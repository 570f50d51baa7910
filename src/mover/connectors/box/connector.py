"""The contract on top of Box's calls, for one account and for all users of an enterprise."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from mover.connectors.box.addresses import FOLDER, ROOT_ID
from mover.connectors.box.answers import User, whole
from mover.connectors.box.api import LISTED, BoxApi, Doing
from mover.connectors.box.changes import BoxChanges
from mover.connectors.box.config import BoxConfig, BoxEnterpriseConfig
from mover.connectors.box.costs import COSTS
from mover.connectors.box.describing import Descriptions, version_id_of
from mover.connectors.box.directory import Directory
from mover.connectors.box.faults import placed
from mover.connectors.box.listing import list_items, list_users, top_entry
from mover.connectors.box.parts import PARTS, BoxPartUploads
from mover.connectors.box.permissions import BoxPermissions
from mover.connectors.box.quota import BoxQuota, free_of
from mover.connectors.box.reading import read_file
from mover.connectors.box.sign_in import tokens_for_enterprise, tokens_for_person
from mover.connectors.box.spots import OwnSpots, Spot, Spots, doing_at
from mover.connectors.box.together import SmallReads
from mover.connectors.box.uploads import Uploads
from mover.connectors.box.versions import BoxVersions
from mover.connectors.contract import (
    Account,
    Capabilities,
    Changes,
    Content,
    DescribedReads,
    Page,
    PartRules,
    Places,
    ServiceHashes,
    Setting,
    Target,
    Times,
)
from mover.connectors.many_feeds import ManyFeeds
from mover.connectors.registry import Surroundings
from mover.entries import Entry, EntryKind, EntryRef, HashName
from mover.errors import Throttled, Unsupported
from mover.naming.presets import BOX
from mover.transport.http import HttpSession
from mover.transport.oauth.bearer import BearerSession
from mover.transport.oauth.tokens import Tokens

SERVICE = "box"
ENTERPRISE_SERVICE = "box-enterprise"
_SECOND_NS = 1_000_000_000
_NOTES = "Box Notes (.boxnote) are moved as the files that they are: Box offers no way to convert them, and only Box opens them."

CAPABILITIES = Capabilities(
    names=BOX,
    stable_ids=True,
    listed_hashes=frozenset({HashName.SHA1}),
    returned_hashes=frozenset({HashName.SHA1}),
    modified=Setting.AT_UPLOAD,
    modified_resolution_ns=_SECOND_NS,
    created=Setting.AT_UPLOAD,
    versioned_reads=True,
    exclusive_create=True,
    parts=PARTS,
    concurrency=(16, 48),
    costs=COSTS,
)


class _Box:
    """What both forms have in common.

    Args:
        service: The connector's name.
        http: The connections.
        tokens: Of the account.
        now: Seconds since 1970 UTC.
        new_id: Returns 32 random hexadecimal digits.
        parts: How large files are cut.
        page: Most entries of a page.
        others: What others share is moved too.
    """

    described_reads: DescribedReads | None = None
    sharing_changes: Changes | None = None
    hashes: ServiceHashes | None = None
    times: Times | None = (
        None  # at upload; folders would take a call each, and change by what is put into them
    )

    def __init__(
        self,
        service: str,
        http: HttpSession,
        tokens: Tokens,
        *,
        now: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
        parts: PartRules = PARTS,
        page: int = LISTED,
        others: bool = False,
    ) -> None:
        self.service = service
        self._http = http
        self._api = BoxApi(BearerSession(http, tokens), service, now=now)
        self._spots = self._find_spots()
        self._descriptions = Descriptions(leaves_others=not others)
        self._page = page
        self._capabilities = replace(CAPABILITIES, parts=parts)
        self._small_reads = SmallReads(self._api)
        self._uploads = Uploads(self._api, self._spots, self._descriptions, new_id=new_id)
        self.part_uploads = BoxPartUploads(self._api, self._spots, self._descriptions, self._uploads)
        self.quota = BoxQuota(self._api, self._spots)
        self.changes: Changes = BoxChanges(self._api, self._spots, self._descriptions)
        self.permissions = BoxPermissions(self._api, self._spots, self._descriptions)
        self.versions = BoxVersions(self._api, self._spots)
        self.renames = self

    def _find_spots(self) -> Spots:
        return OwnSpots(self._api)

    @property
    def capabilities(self) -> Capabilities:
        """See the contract."""
        return self._capabilities

    @property
    def calls(self) -> int:
        """HTTP requests sent so far."""
        return self._http.calls

    @property
    def remarks(self) -> Sequence[str]:
        """See `contract.Remarks`."""
        return [_NOTES] if self._descriptions.has_seen_notes else []

    async def close(self) -> None:
        """See the contract."""
        await self._small_reads.close()
        await self._http.close()

    async def look_up(self, path: str) -> Entry:
        """See the contract. One call for each name of the path, and one more for a file."""
        return await self._described(EntryRef(path), "look_up")

    async def refresh(self, ref: EntryRef) -> Entry:
        """See the contract. One call."""
        return await self._described(ref, "refresh")

    async def _described(self, ref: EntryRef, operation: str) -> Entry:
        with placed(self.service, operation, ref.path):
            spot = await self._spots.of(ref, operation)
            if spot.id == ROOT_ID:
                return _root(spot, ref.name)
            if spot.item is not None and spot.kind == FOLDER:
                return self._descriptions.entry(spot.item)  # of folders no more is needed
            item = await self._api.item(spot.kind, spot.id, doing_at(spot, operation, ref.path))
            return self._descriptions.entry(item)

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """See the contract. One call for each thousand entries."""
        with placed(self.service, "list_folder", folder.path):
            spot = await self._spots.of(folder, "list_folder")
            listing = list_items(self._api, self._descriptions, spot, folder.path, cursor, self._page)
            async with aclosing(listing) as pages:
                async for page in pages:
                    self._small_reads.listed(page.entries, spot.user)
                    yield page

    async def read(
        self, file: EntryRef, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See the contract. Two calls, since Box names another address; a small file shares them. A version is read as it was."""
        with placed(self.service, "read", file.path):
            spot = await self._spots.of(file, "read")
            if not offset and length is None:
                content = await self._small_reads.read(file, version, spot.user)
                if content is not None:
                    yield content
                    return
            reading = read_file(
                self._api,
                spot,
                file.path,
                version=version_id_of(version),
                offset=offset,
                length=length,
            )
            async with aclosing(reading) as pieces:
                async for piece in pieces:
                    yield piece

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """See the contract. One call."""
        with placed(self.service, "create_folder", parent.child(name).path):
            return await self._uploads.create_folder(parent, name)

    async def upload(self, target: Target, content: Content) -> Entry:
        """See the contract. One call."""
        with placed(self.service, "upload", target.ref.path):
            try:
                return await self._uploads.upload(target, content)
            except Throttled as error:
                error.did_nothing = True  # the one call that makes the file is the last one
                raise

    async def rename(self, entry: EntryRef, folder: EntryRef, name: str) -> Entry:
        """See `contract.Renames`. One call. Raises Unsupported between users."""
        with placed(self.service, "rename", entry.path):
            spot = await self._spots.of(entry, "rename")
            parent = await self._spots.of(folder, "rename")
            if spot.user != parent.user:
                raise Unsupported("nothing is moved from one user to another")
            doing = doing_at(spot, "rename", entry.path)
            item = await self._api.move(spot.kind, spot.id, parent.id, name, doing)
            return self._descriptions.entry(item, in_folder=parent.entry_id)

    def _learn(self, user: User) -> None:
        """Take to what the account is allowed."""
        largest = whole(user.max_upload_size)
        if largest is not None and largest > 0:
            self._capabilities = replace(self._capabilities, max_file_size=largest)


class BoxConnector(_Box):
    """One account at Box.

    Args:
        config: With its tokens.
        surroundings: Way out, and who keeps tokens.
        how: As `_Box`.
    """

    places: Places | None = None

    def __init__(
        self,
        config: BoxConfig,
        surroundings: Surroundings,
        *,
        now: Callable[[], float] = time.time,
        parts: PartRules = PARTS,
        page: int = LISTED,
    ) -> None:
        http = surroundings.egress.http(SERVICE)
        tokens = tokens_for_person(config, surroundings, http)
        super().__init__(SERVICE, http, tokens, now=now, parts=parts, page=page, others=config.others)

    async def sign_in(self) -> Account:
        """See the contract. One call."""
        with placed(self.service, "sign_in", ""):
            user = await self._api.me(Doing(operation="sign_in", path=""))
        self._learn(user)
        self._descriptions.account = user.id
        self.quota.told.tell(free_of(user))
        email = (user.login or "").lower()
        tenant = user.enterprise.id if user.enterprise else None
        return Account(
            f"{email or user.name or 'an account'} at Box", secure=True, email=email, tenant=tenant or ""
        )


class BoxEnterpriseConnector(_Box):
    """All users of an enterprise, below `/Users`.

    Args:
        config: Of the app that the enterprise's administrator has authorized.
        surroundings: Way out.
        how: As `_Box`.
    """

    directory: Directory

    def __init__(
        self,
        config: BoxEnterpriseConfig,
        surroundings: Surroundings,
        *,
        now: Callable[[], float] = time.time,
        parts: PartRules = PARTS,
        page: int = LISTED,
    ) -> None:
        http = surroundings.egress.http(ENTERPRISE_SERVICE)
        tokens = tokens_for_enterprise(config, http, now=now)
        super().__init__(
            ENTERPRISE_SERVICE, http, tokens, now=now, parts=parts, page=page, others=config.others
        )
        self._api.explain = self.directory.explain

        async def is_above(ref: EntryRef) -> bool:
            return top_entry(ref.path) is not None

        async def top_of(ref: EntryRef) -> str | None:
            return ref.id

        self.changes = ManyFeeds(self.changes, is_above=is_above, list_folder=self.list_folder, top_of=top_of)

    def _find_spots(self) -> Spots:
        self.directory = Directory(self._api)
        return self.directory

    @property
    def places(self) -> Places | None:
        """The users."""
        return self.directory

    async def sign_in(self) -> Account:
        """See the contract. Two calls: who the app is, and whether it may see the users."""
        doing = Doing(operation="sign_in", path="")
        with placed(self.service, "sign_in", ""):
            user = await self._api.me(doing)
            await self._api.users(doing, beginning=user.login or "-")
        self._learn(user)
        enterprise = user.enterprise
        name = (enterprise.name or enterprise.id) if enterprise else None
        tenant = enterprise.id if enterprise else None
        return Account(
            f"{user.name or user.login}, {name or 'an enterprise'} at Box",
            secure=True,
            email=(user.login or "").lower(),
            tenant=tenant or "",
        )

    async def _described(self, ref: EntryRef, operation: str) -> Entry:
        return top_entry(ref.path) or await super()._described(ref, operation)

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """See the contract. One call for each thousand entries or users; the root costs none."""
        top = top_entry(folder.path)
        if top is None:
            listing = super().list_folder(folder, cursor)
        elif not top.name:
            yield Page([entry] if (entry := top_entry("/Users")) else [])
            return
        else:
            listing = list_users(self.directory, cursor)
        async with aclosing(listing) as pages:
            async for page in pages:
                yield page


def _root(spot: Spot, name: str) -> Entry:
    return Entry(name=name, kind=EntryKind.FOLDER, id=spot.entry_id, shared=False)
