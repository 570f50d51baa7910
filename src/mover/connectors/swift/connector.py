"""The contract on top of Swift's calls.

Folders are prefixes: they exist through what stands in them or through a marker, an empty object of the type
`application/directory` whose key ends in a slash (as written here) or not (as rclone and swiftclient know it). Without a
configured container the top folders are the containers, which come into being with their first object like all folders.

Listings tell no modified times, only when an object arrived. The time that was stored with it, as rclone does, is known
from `refresh`, `look_up` and reading.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from urllib.parse import urlsplit

import msgspec

from mover.connectors.contract import (
    Account,
    Capabilities,
    Changes,
    Content,
    DescribedReads,
    Page,
    Permissions,
    Places,
    Renames,
    ServiceHashes,
    Target,
    Times,
    Versions,
)
from mover.connectors.keys import Place, place_of
from mover.connectors.swift.addresses import shown_host
from mover.connectors.swift.api import SwiftApi
from mover.connectors.swift.calls import Caller
from mover.connectors.swift.capabilities import describe
from mover.connectors.swift.config import SwiftConfig
from mover.connectors.swift.containers import SEGMENTS_SUFFIX, Containers
from mover.connectors.swift.faults import SERVICE
from mover.connectors.swift.identity import Identity
from mover.connectors.swift.info import Info
from mover.connectors.swift.listing import Lister
from mover.connectors.swift.objects import ObjectFacts, file_entry, folder_entry
from mover.connectors.swift.parts import SwiftPartUploads
from mover.connectors.swift.placing import Placing
from mover.connectors.swift.quota import SwiftQuota
from mover.connectors.swift.reading import read_object
from mover.connectors.swift.tokens import Tokens
from mover.connectors.swift.writing import Writing
from mover.entries import Entry, EntryRef
from mover.errors import NotFound, PermissionDenied
from mover.transport.egress import Egress

_PAGE = 1000


class SwiftConnector:
    """OpenStack Swift, at Rackspace or elsewhere.

    Args:
        config: Where to sign in, and how.
        egress: The way out.
        now: Seconds since 1970.
        new_id: Returns 32 random hexadecimal digits.
        page: Most lines of a listing to ask for at once.
    """

    service = SERVICE
    hashes: ServiceHashes | None = None
    times: Times | None = None  # POST would replace all that is stored with the object
    renames: Renames | None = None  # would be copy and delete, and Mover never deletes
    changes: Changes | None = None
    sharing_changes: Changes | None = None
    permissions: Permissions | None = None
    versions: Versions | None = None
    places: Places | None = None

    def __init__(
        self,
        config: SwiftConfig,
        egress: Egress,
        *,
        now: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
        page: int = _PAGE,
    ) -> None:
        self._config = config
        self._container = config.container
        self._http = egress.http(
            SERVICE,
            ca_file=config.ca_file,
            client_certificate=config.client_certificate,
            client_key=config.client_key,
            allow_plain=config.plain,
        )
        self._tokens = Tokens(Identity(self._http, config, now=now).sign_in, now=now)
        self._api = SwiftApi(Caller(self._http, self._tokens, now=now))
        self._new_id = new_id
        self._page = page
        self.quota = SwiftQuota(self._api, config.container)
        self._learn(Info())

    def _learn(self, info: Info) -> None:
        """Take to what the cluster can do."""
        containers = Containers(
            self._api,
            made=self._container is None,
            longest_name=info.swift.max_container_name_length,
        )
        placing = Placing(self._api, conditions=info.honours_conditions)
        self._capabilities = describe(info)
        self._lister = Lister(api=self._api, containers=containers, info=info, page=self._page)
        self._writing = Writing(
            self._api,
            containers,
            placing,
            container=self._container,
            longest=info.swift.max_object_name_length,
        )
        self._part_uploads = SwiftPartUploads(
            self._api, info, containers, placing, locate=self._writing.locate, new_id=self._new_id
        )

    @property
    def part_uploads(self) -> SwiftPartUploads | None:
        """Static large objects, where the cluster has them."""
        return self._part_uploads if self._capabilities.parts is not None else None

    @property
    def described_reads(self) -> DescribedReads:
        """Reading tells modified times, which stand in no listing."""
        return self

    @property
    def capabilities(self) -> Capabilities:
        """See the contract."""
        return self._capabilities

    @property
    def calls(self) -> int:
        """HTTP requests sent so far."""
        return self._http.calls

    async def sign_in(self) -> Account:
        """Sign in, ask the cluster what it can do, and list: three calls, and with a container a fourth.

        An account that may use a container and nothing beside it has nowhere to put segments, and so sends no parts.
        """
        grant = await self._tokens.current()
        info = await self._api.info()
        if self._container is None:
            await self._api.list_containers("", most=1, operation="sign_in", path="/")
        else:
            await self._api.list_objects(self._container, "", most=1, operation="sign_in", path="/")
            if info.slo is not None and not await self._may_have_segments(self._container):
                info = msgspec.structs.replace(info, slo=None)
        self._learn(info)
        config = self._config
        who = config.username or config.application_credential_id or "application credential"
        where = shown_host(grant.storage_url) + (f" ({grant.region})" if grant.region else "")
        what = f"{config.container} at {where}" if config.container else where
        addresses = (config.sign_in_url, grant.storage_url)
        secure = all(urlsplit(address).scheme == "https" for address in addresses)
        return Account(f"{who}, {what}, {info.product}", secure=secure)

    async def close(self) -> None:
        """See the contract."""
        await self._http.close()

    async def look_up(self, path: str) -> Entry:
        """See the contract. One call for a file, two for a folder."""
        place = self._locate(path)
        name = path.rpartition("/")[2]
        if not place.parts:
            if place.bucket is not None and path != "/":
                await self._api.head(place.bucket, operation="look_up", path=path)
            return folder_entry(name)
        assert place.bucket is not None
        if not place.folder_only:
            try:
                facts = await self._head(place, "look_up", path)
            except NotFound:
                pass  # then it may be a folder
            else:
                return folder_entry(name) if facts.is_directory else file_entry(name, facts)
        listed = await self._api.list_objects(
            place.bucket, place.prefix, delimiter="", most=1, operation="look_up", path=path
        )
        if not listed:
            raise NotFound(
                "there is no such object or folder", service=SERVICE, operation="look_up", path=path
            )
        return folder_entry(name)

    async def refresh(self, ref: EntryRef) -> Entry:
        """See the contract. Tells the modified time too."""
        return await self.look_up(ref.path)

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """See the contract. A call a page, and one for each object without bytes: it may be a dynamic large one."""
        place = self._locate(folder.path)
        if place.bucket is None:
            pages = self._lister.containers_of_account(cursor)
        else:
            pages = self._lister.objects_of(place, folder.path, cursor)
        async with contextlib.aclosing(pages):
            async for page in pages:
                yield page

    async def read(
        self,
        file: EntryRef,
        *,
        offset: int = 0,
        length: int | None = None,
        version: str | None = None,
        found: Callable[[Entry], None] | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """See the contract.

        `found`, if given, is called before the first bytes with what the same answer says about the object: the
        modified time, which no listing has, without a call for it.
        """
        place = self._locate(file.path)
        if place.folder_only or not place.parts:
            raise NotFound("this is a folder", service=SERVICE, operation="read", path=file.path)

        def seen(facts: ObjectFacts) -> None:
            if found is not None:
                found(file_entry(file.name, facts))

        pieces = read_object(
            self._api, place, file.path, offset=offset, length=length, version=version, seen=seen
        )
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """See the contract."""
        return await self._writing.create_folder(parent, name)

    async def upload(self, target: Target, content: Content) -> Entry:
        """See the contract. A repetition after a lost answer finds the object in its place and raises Conflict."""
        return await self._writing.upload(target, content)

    async def _may_have_segments(self, container: str) -> bool:
        try:
            await self._api.head(container + SEGMENTS_SUFFIX, operation="sign_in", path="/")
        except NotFound:
            return True  # it will be made
        except PermissionDenied:
            return False
        return True

    async def _head(self, place: Place, operation: str, path: str) -> ObjectFacts:
        assert place.bucket is not None
        return await self._api.head_object(place.bucket, place.key, operation=operation, path=path)

    def _locate(self, path: str) -> Place:
        return place_of(path, self._container)
