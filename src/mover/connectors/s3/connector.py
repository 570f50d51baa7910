"""The contract on top of S3's calls.

Folders are prefixes: they exist through what stands in them or through an empty marker object whose key ends in a
slash, as the consoles and rclone make them. Without a configured bucket the top folders are the buckets, and creating
one creates a bucket with the service's defaults.

Listings tell neither the modified time that was stored with an object (their LastModified is the time of arrival) nor
how it is encrypted. So modified times are known from `refresh` and `look_up` alone, and an ETag counts as an MD5 only
in buckets that do not encrypt under KMS by default: there it looks like one and is none.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from functools import partial

from mover.connectors.bodies import body_of
from mover.connectors.contract import (
    Account,
    Capabilities,
    Changes,
    Content,
    DescribedReads,
    Page,
    Permissions,
    Places,
    Quota,
    Renames,
    ServiceHashes,
    Target,
    Times,
    Versions,
)
from mover.connectors.keys import Place, check_writable, place_of
from mover.connectors.s3.api import S3Api
from mover.connectors.s3.calls import SERVICE, Call, Caller
from mover.connectors.s3.capabilities import describe
from mover.connectors.s3.conditions import Conditions, Trust
from mover.connectors.s3.config import S3Config
from mover.connectors.s3.encryption import BucketEncryption
from mover.connectors.s3.faults import Fault
from mover.connectors.s3.listing import list_buckets, list_objects
from mover.connectors.s3.objects import ObjectFacts, file_entry, folder_entry
from mover.connectors.s3.parts import S3PartUploads
from mover.connectors.s3.reading import read_object
from mover.connectors.s3.signing import Credentials, Signer
from mover.connectors.s3.uploads import Writing
from mover.entries import Entry, EntryRef
from mover.errors import Conflict, MoverError, NameRejected, NotFound, Unsupported
from mover.transport.egress import Egress

_PROVABLE_BYTES = 1024 * 1024


class S3Connector:
    """S3, at Amazon or at any service that speaks like it."""

    service = SERVICE
    hashes: ServiceHashes | None = None
    times: Times | None = None
    renames: Renames | None = None  # would be copy and delete, and Mover never deletes
    quota: Quota | None = None
    changes: Changes | None = None
    sharing_changes: Changes | None = None
    permissions: Permissions | None = None
    versions: Versions | None = None
    places: Places | None = None

    def __init__(self, config: S3Config, egress: Egress, *, now: Callable[[], float] = time.time) -> None:
        endpoint = config.address()
        self._bucket = config.bucket
        self._http = egress.http(
            SERVICE,
            ca_file=config.ca_file,
            client_certificate=config.client_certificate,
            client_key=config.client_key,
            allow_plain=config.plain,
        )
        credentials = Credentials(
            access_key=config.access_key, secret_key=config.secret_key, session_token=config.session_token
        )
        self._caller = Caller(self._http, endpoint, Signer(credentials), region=config.region, now=now)
        self._api = S3Api(self._caller)
        self._conditions = Conditions(honoured=endpoint.amazon)
        self._encryption = BucketEncryption(self._api)
        self._writing = Writing(config, encrypted=endpoint.scheme == "https", checksums=endpoint.amazon)
        self._access_key = config.access_key
        self._own_encryption = (config.server_side_encryption or "").startswith("aws:kms")
        self.part_uploads = S3PartUploads(
            self._api, self._writing, self._conditions, locate=self._locate_target, checksums=endpoint.amazon
        )
        self._capabilities = self._describe(plain=True)

    @property
    def described_reads(self) -> DescribedReads:
        """Reading tells modified times, which stand in no listing."""
        return self

    @property
    def capabilities(self) -> Capabilities:
        """See the contract. `exclusive_create` turns False should the service prove to ignore conditions."""
        if self._conditions.create is Trust.ABSENT and self._capabilities.exclusive_create:
            self._capabilities = dataclasses.replace(self._capabilities, exclusive_create=False)
        return self._capabilities

    @property
    def calls(self) -> int:
        """HTTP requests sent so far."""
        return self._http.calls

    async def sign_in(self) -> Account:
        """List the bucket, or the buckets, which proves the key; then ask how the bucket encrypts."""
        plain = True
        if self._bucket is None:
            await self._api.list_buckets(None, operation="sign_in", path="/")
        else:
            await self._api.list_objects(self._bucket, "", most=1, operation="sign_in", path="/")
            plain = await self._encryption.leaves_md5(self._bucket)
        self._capabilities = self._describe(plain=plain)
        endpoint = self._caller.endpoint
        where = f"{self._bucket} at {endpoint.authority}" if self._bucket else endpoint.authority
        return Account(f"key {self._access_key}, {where}", secure=endpoint.scheme == "https")

    async def close(self) -> None:
        """See the contract."""
        await self._http.close()

    async def look_up(self, path: str) -> Entry:
        """See the contract. One call for a file, two for a folder."""
        place = self._locate(path)
        name = path.rpartition("/")[2]
        if not place.parts:
            if place.bucket is not None and path != "/":
                await self._api.head_bucket(place.bucket, operation="look_up", path=path)
            return folder_entry(name)
        assert place.bucket is not None
        if not place.folder_only:
            try:
                return file_entry(name, await self._head(place, "look_up", path))
            except NotFound:
                pass  # then it may be a folder
        listing = await self._api.list_objects(
            place.bucket, place.prefix, delimiter="", most=1, operation="look_up", path=path
        )
        if not listing.objects:
            raise NotFound(
                "there is no such object or folder", service=SERVICE, operation="look_up", path=path
            )
        return folder_entry(name)

    async def refresh(self, ref: EntryRef) -> Entry:
        """See the contract. Tells the modified time, and hashes that hold however the object is encrypted."""
        return await self.look_up(ref.path)

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """See the contract. A cursor is the service's continuation token."""
        place = self._locate(folder.path)
        if place.bucket is None:
            pages = list_buckets(self._api, cursor)
        else:
            md5 = await self._encryption.leaves_md5(place.bucket)
            pages = list_objects(self._api, place, folder.path, cursor, md5=md5)
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
        """See the contract. A whole object is checked against the service's checksum of it, where there is one.

        `found`, if given, is called before the first bytes with what the same answer says about the object: the
        modified time, which no listing has, without a call for it.
        """
        place = self._locate(file.path)
        if place.folder_only or not place.parts:
            raise NotFound("this is a folder", service=SERVICE, operation="read", path=file.path)

        def seen(facts: ObjectFacts) -> None:
            self._encryption.seen(place.bucket, facts)
            if found is not None:
                found(file_entry(file.name, facts))

        pieces = read_object(
            self._api, place, file.path, offset=offset, length=length, version=version, seen=seen
        )
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """See the contract. Two calls: is there an object of that name, and the marker."""
        ref = parent.child(name)
        place = self._locate(ref.path)
        if not place.parts:
            return await self._create_bucket(place, ref)
        self._check(place, ref.path, as_folder=True)
        if not place.folder_only:
            try:
                await self._head(place, "create_folder", ref.path)
            except NotFound:
                pass
            else:
                raise Conflict(
                    "an object of that name is there",
                    service=SERVICE,
                    operation="create_folder",
                    path=ref.path,
                )
        marker = Call(
            method="PUT",
            bucket=place.bucket,
            key=place.prefix,
            body=b"",
            operation="create_folder",
            path=ref.path,
        )
        with contextlib.suppress(Conflict):  # then the marker is there already
            await self._conditions.write(
                Target(folder=parent, name=name, key=""),
                send=partial(self._put, marker),
                look=partial(self._look, place.bucket, place.prefix, "create_folder", ref.path),
                error=partial(self._error, marker),
                provable=True,
            )
        return folder_entry(name)

    async def upload(self, target: Target, content: Content) -> Entry:
        """See the contract. A repetition after a lost answer finds the object in its place and raises Conflict."""
        path = target.ref.path
        place = self._locate_target(target)
        size = content.size
        if size is None:
            raise Unsupported(
                "S3 needs to know the size in advance", service=SERVICE, operation="upload", path=path
            )
        call = Call(
            method="PUT",
            bucket=place.bucket,
            key=place.key,
            headers=self._writing.object_headers(target) | self._writing.checksum_headers(content.hashes),
            body=await body_of(content, size),
            size=size,
            payload=await self._writing.payload(content),
            repeatable=content.repeatable,
            operation="upload",
            path=path,
        )
        facts = await self._conditions.write(
            target,
            send=partial(self._put, call),
            look=partial(self._look, place.bucket, place.key, "upload", path),
            error=partial(self._error, call),
            provable=size <= _PROVABLE_BYTES and content.repeatable,
        )
        self._encryption.seen(place.bucket, facts)
        return Entry(
            name=target.name,
            kind=file_entry(target.name, facts).kind,
            size=size,
            modified_ns=target.modified_ns,
            version=facts.etag,
            hashes=facts.hashes,
            media_type=target.media_type,
        )

    async def _create_bucket(self, place: Place, ref: EntryRef) -> Entry:
        assert place.bucket is not None
        fault = await self._api.create_bucket(place.bucket, operation="create_folder", path=ref.path)
        if fault is not None and fault.code != "BucketAlreadyOwnedByYou":
            raise fault.error(service=SERVICE, operation="create_folder", path=ref.path, now=self._caller.now)
        return folder_entry(ref.name)

    async def _head(self, place: Place, operation: str, path: str) -> ObjectFacts:
        return await self._look(place.bucket, place.key, operation, path)

    async def _look(self, bucket: str | None, key: str, operation: str, path: str) -> ObjectFacts:
        assert bucket is not None
        facts = await self._api.head_object(bucket, key, operation=operation, path=path)
        self._encryption.seen(bucket, facts)
        return facts

    async def _put(self, call: Call, condition: Mapping[str, str]) -> ObjectFacts | Fault:
        return await self._api.put(dataclasses.replace(call, headers={**call.headers, **condition}))

    def _error(self, call: Call, fault: Fault) -> MoverError:
        return call.error(fault, self._caller.now)

    def _locate(self, path: str) -> Place:
        return place_of(path, self._bucket)

    def _locate_target(self, target: Target) -> Place:
        """Find where a file goes. Raises NameRejected, PathTooLong."""
        path = target.ref.path
        place = self._locate(path)
        if not place.parts:
            raise NameRejected(
                "at the top stand buckets; a file needs one", service=SERVICE, operation="upload", path=path
            )
        self._check(place, path)
        return place

    def _check(self, place: Place, path: str, *, as_folder: bool = False) -> None:
        try:
            check_writable(place, as_folder=as_folder)
        except NameRejected as error:
            raise error.at(service=SERVICE, operation="upload", path=path) from error.__cause__

    def _describe(self, *, plain: bool) -> Capabilities:
        return describe(
            amazon=self._caller.endpoint.amazon,
            server=self._caller.server,
            plain=plain,
            own_encryption=self._own_encryption,
        )
