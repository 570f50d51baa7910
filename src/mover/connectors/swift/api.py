"""The calls of Swift that Mover makes, one short method each.

Source: OpenStack "Object Storage API v1". A method returns a `Fault` instead of raising where a caller can go on after
a refusal.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

import msgspec

from mover.connectors.swift.addresses import info_url
from mover.connectors.swift.calls import Call, Caller
from mover.connectors.swift.faults import SERVICE, Fault
from mover.connectors.swift.info import Info, read_info
from mover.connectors.swift.objects import ObjectFacts, facts_from
from mover.errors import ProtocolViolation, ServiceFault
from mover.transport.http import HttpResponse
from mover.transport.unreadable import UNREADABLE

ANSWER_LIMIT = 32 * 1024 * 1024  # 1,000 names of 1,024 bytes, each byte spelled as \u00xx; manifests of 8 MiB

_INFO_LIMIT = 1024 * 1024
_ACCEPTED = 202
_FIRST_NO_SUCCESS = 300
_SERVER_FAULTS = 500
_THROTTLED = frozenset({413, 429, 498})

_Size = Annotated[int, msgspec.Meta(ge=0, le=1 << 60)]


class ListedContainer(msgspec.Struct, frozen=True):
    """A container in the listing of the account."""

    name: str


class ListedObject(msgspec.Struct, frozen=True):
    """A line of a container's listing: an object, or with `subdir` everything below a prefix."""

    subdir: str | None = None
    name: str | None = None
    bytes: _Size = 0
    hash: str = ""
    content_type: str | None = None
    last_modified: str = ""
    slo_etag: str | None = None
    symlink_path: str | None = None

    @property
    def key(self) -> str:
        """What the next page begins behind."""
        return self.subdir if self.subdir is not None else self.name or ""


class ManifestSegment(msgspec.Struct, frozen=True):
    """A segment as a stored manifest names it: by `path` with `format=raw`, by `name` where that is not known."""

    path: str = ""
    name: str = ""

    @property
    def place(self) -> str:
        """`/container/key`; empty for bytes inside the manifest, and for what cannot be understood."""
        return self.path or self.name


class BulkAnswer(msgspec.Struct, frozen=True):
    """What became of a request for many things; its HTTP status says 200 whatever it was."""

    status: str = msgspec.field(default="", name="Response Status")
    body: str = msgspec.field(default="", name="Response Body")
    errors: list[tuple[str, str]] = msgspec.field(default_factory=list, name="Errors")


_Answer = TypeVar("_Answer")


class SwiftApi:
    """The calls, made through one caller."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    async def info(self) -> Info:
        """Ask the cluster what it is; an unknown one is no error. Raises ServiceFault, Throttled."""
        grant = await self.caller.tokens.current()
        url = info_url(grant.storage_url)
        if url is None:
            return Info()
        async with self.caller.http.request("GET", url, operation="sign_in") as answer:
            if answer.status < _FIRST_NO_SUCCESS:
                return read_info(await answer.read(_INFO_LIMIT))
            fault = Fault.read(answer.status, answer.headers, b"")
        if fault.status >= _SERVER_FAULTS or fault.status in _THROTTLED:
            raise fault.error(operation="sign_in", path="", now=self.caller.now)
        return Info()

    async def head(self, container: str | None, *, operation: str, path: str) -> Mapping[str, str]:
        """Describe a container, or the account. Raises NotFound."""
        return await self.headers_of(Call(method="HEAD", container=container, operation=operation, path=path))

    async def list_containers(self, marker: str, *, most: int, operation: str, path: str) -> list[str]:
        """Return names of containers behind `marker`."""
        query = (("format", "json"), ("limit", str(most)), ("marker", marker))
        call = Call(method="GET", container=None, query=query, operation=operation, path=path)
        return [listed.name for listed in await self._document(call, list[ListedContainer])]

    async def list_objects(
        self,
        container: str,
        prefix: str,
        *,
        marker: str = "",
        delimiter: str = "/",
        most: int,
        operation: str,
        path: str,
    ) -> list[ListedObject]:
        """Return what begins with a prefix and stands behind `marker`, in the order of names. Raises NotFound."""
        query = [("format", "json"), ("limit", str(most))]
        query += [("prefix", prefix)] if prefix else []
        query += [("delimiter", delimiter)] if delimiter else []
        query += [("marker", marker)] if marker else []
        call = Call(method="GET", container=container, query=tuple(query), operation=operation, path=path)
        return await self._document(call, list[ListedObject])

    async def create_container(
        self, container: str, *, policy: str | None = None, operation: str, path: str
    ) -> Fault | None:
        """Create a container, or find it there."""
        headers = {"X-Storage-Policy": policy} if policy else {}
        call = Call(method="PUT", container=container, headers=headers, operation=operation, path=path)
        async with self.caller.exchange(call) as answer:
            return answer if isinstance(answer, Fault) else None

    async def head_object(
        self, container: str, key: str, *, newest: bool = False, operation: str, path: str
    ) -> ObjectFacts:
        """Describe an object; with `newest` all its copies are asked. Raises NotFound."""
        headers = {"X-Newest": "true"} if newest else {}
        call = Call(
            method="HEAD", container=container, key=key, headers=headers, operation=operation, path=path
        )
        return facts_from(await self.headers_of(call))

    @asynccontextmanager
    async def get_object(
        self,
        container: str,
        key: str,
        *,
        byte_range: str | None,
        etag: str | None,
        operation: str,
        path: str,
    ) -> AsyncIterator[HttpResponse | Fault]:
        """Open an object for reading. `byte_range` as in the header `Range`; with `etag` only if it still has that one."""
        headers = {"Range": byte_range} if byte_range else {}
        if etag:
            headers["If-Match"] = f'"{etag}"'
        call = Call(
            method="GET", container=container, key=key, headers=headers, operation=operation, path=path
        )
        async with self.caller.exchange(call) as answer:
            yield answer

    async def put(self, call: Call) -> ObjectFacts | Fault:
        """Send an object, a segment or a manifest. Raises ServiceFault if it was heard but not stored."""
        async with self.caller.exchange(call) as answer:
            if isinstance(answer, Fault):
                return answer
            if answer.status == _ACCEPTED:
                # The object servers said 409: what they have, or have removed, is newer by the cluster's clocks.
                raise ServiceFault(
                    "the service did not store it, since something newer was written or removed there",
                    service=SERVICE,
                    operation=call.operation,
                    path=call.path,
                )
            return facts_from(answer.headers)

    async def manifest(self, container: str, key: str, *, operation: str, path: str) -> list[ManifestSegment]:
        """Return the segments that a static large object consists of, as far as the newest copy says. Raises NotFound."""
        call = Call(
            method="GET",
            container=container,
            key=key,
            query=(("multipart-manifest", "get"), ("format", "raw")),
            headers={"X-Newest": "true"},
            operation=operation,
            path=path,
        )
        return await self._document(call, list[ManifestSegment])

    async def delete(self, container: str, key: str, *, operation: str, path: str) -> Fault | None:
        """Delete one object."""
        call = Call(method="DELETE", container=container, key=key, operation=operation, path=path)
        async with self.caller.exchange(call) as answer:
            return answer if isinstance(answer, Fault) else None

    async def bulk_delete(self, places: Sequence[str], *, operation: str, path: str) -> BulkAnswer:
        """Delete many objects, given as encoded `container/key`."""
        call = Call(
            method="POST",
            container=None,
            query=(("bulk-delete", None),),
            headers={"Content-Type": "text/plain", "Accept": "application/json"},
            body="\n".join(places).encode(),
            operation=operation,
            path=path,
        )
        return await self._document(call, BulkAnswer)

    async def headers_of(self, call: Call) -> Mapping[str, str]:
        """Make a call of whose answer only the headers count. Raises what a refusal means."""
        async with self.caller.exchange(call) as answer:
            if isinstance(answer, Fault):
                raise call.error(answer, self.caller.now)
            return answer.headers

    async def _document(self, call: Call, kind: type[_Answer]) -> _Answer:
        """Make a call whose answer is JSON of that kind. Raises what a refusal means, ProtocolViolation."""
        async with self.caller.exchange(call) as answer:
            if isinstance(answer, Fault):
                raise call.error(answer, self.caller.now)
            body = await answer.read(ANSWER_LIMIT)
        try:
            return msgspec.json.decode(body.strip() or b"[]", type=kind)
        except UNREADABLE as error:
            raise ProtocolViolation(
                "the answer is not the JSON that was asked for",
                service=SERVICE,
                operation=call.operation,
                path=call.path,
            ) from error
