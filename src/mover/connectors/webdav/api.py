"""The calls of WebDAV (RFC 4918) and HTTP, one short method each. No policy, no retries but the one of sign-in."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import aclosing
from urllib.parse import urldefrag, urljoin

from mover.connectors.contract import Content
from mover.connectors.webdav.authentication import Authentication
from mover.connectors.webdav.faults import BODY_LIMIT, fault
from mover.connectors.webdav.multistatus import DAV, MultistatusReader, Resource
from mover.connectors.webdav.urls import Root, origin_of, target_of
from mover.errors import MoverError, NotFound, ProtocolViolation, ServiceFault
from mover.transport.http import HttpResponse, HttpSession

_REDIRECTS = frozenset({301, 302, 307, 308})
_FOLLOWING = frozenset({"GET", "PROPFIND", "OPTIONS"})
_MOST_REDIRECTS = 5
_ADDRESS = re.compile(r"https?://[^/?]+/[!-~]*")
_FEED = 64 * 1024  # parsed at a stretch, so that a large listing does not hold up everything else
_MOST_OF_ONE = 1_000  # responses to a question about one resource

_XML = {"Content-Type": 'application/xml; charset="utf-8"'}
_NO_HEADERS: Mapping[str, str] = {}

LIVE_PROPERTIES = b"<resourcetype/><getcontentlength/><getlastmodified/><getetag/>"
OWNCLOUD_PROPERTIES = b'<id xmlns="http://owncloud.org/ns"/><checksums xmlns="http://owncloud.org/ns"/>'
ROOT_PROPERTIES = LIVE_PROPERTIES + b"<quota-available-bytes/><current-user-principal/>" + OWNCLOUD_PROPERTIES
QUOTA_PROPERTIES = b"<quota-available-bytes/>"


class DavApi:
    """The calls of one account at one server. Nothing is ever sent to another origin.

    Args:
        session: Of the transport.
        authentication: Signs the requests.
        root: The folder that was connected to; other URLs of its origin are fine.
    """

    def __init__(self, session: HttpSession, authentication: Authentication, root: Root) -> None:
        self._session = session
        self._authentication = authentication
        self._origin = root.origin
        self._root_url = root.folder_url("/")

    @property
    def calls(self) -> int:
        """HTTP requests so far."""
        return self._session.calls

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    @contextlib.asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes | None = None,
        content: Content | None = None,
        operation: str = "",
        path: str = "",
    ) -> AsyncIterator[HttpResponse]:
        """Send a request, signed, and give the answer, whatever its status.

        A 401 is answered once, if the server's challenge allows hope; content that cannot be repeated is not, and then
        the error is a ServiceFault: another upload of it will find the sign-in renewed. Redirects of calls that change
        nothing are followed within the origin.
        """
        if content is not None and self._authentication.may_be_stale:
            await self._renew(operation, path)
        hops, signed_anew = 0, False
        try:
            while True:
                if not url.startswith(self._origin + "/"):
                    raise ProtocolViolation("a request to another server was about to be made, and was not")
                sent = self._authentication.header(method, target_of(url))
                signed = headers if sent is None else {**headers, "Authorization": sent}
                async with self._send(method, url, signed, body, content, operation, path) as response:
                    if response.status != 401:  # noqa: PLR2004 - HTTP statuses are best known as numbers
                        if sent is not None:
                            self._authentication.accepted()
                        if response.status not in _REDIRECTS or method not in _FOLLOWING:
                            yield response
                            return
                        hops += 1
                        url = self._redirected(url, response, hops)
                    else:
                        if signed_anew or not self._authentication.learn(response.headers, sent):
                            yield response
                            return
                        if content is not None and not content.repeatable:
                            raise ServiceFault("the sign-in had to be renewed while a file was sent")
                        signed_anew = True
        except MoverError as error:
            raise error.at(service="webdav", operation=operation, path=path) from error.__cause__

    @contextlib.asynccontextmanager
    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        content: Content | None,
        operation: str,
        path: str,
    ) -> AsyncIterator[HttpResponse]:
        # The iterator is not closed here: after a cancellation aiohttp's writer is still in it for a moment, and its own
        # cancellation ends it.
        sent = body if content is None else content.chunks()
        size = None if content is None else content.size
        async with self._session.request(
            method, url, headers=headers, body=sent, size=size, operation=operation, path=path
        ) as response:
            yield response

    async def _renew(self, operation: str, path: str) -> None:
        """Get a fresh nonce with an empty, unsigned request, so that no body is sent in vain."""
        headers = {"Depth": "0"}
        async with self._send("PROPFIND", self._root_url, headers, None, None, operation, path) as response:
            if response.status == 401:  # noqa: PLR2004 - as above
                self._authentication.learn(response.headers, None)

    def _redirected(self, url: str, response: HttpResponse, hops: int) -> str:
        try:
            location = urldefrag(urljoin(url, response.headers.get("Location", ""))).url
            origin = origin_of(location)
        except ValueError:  # a port or an IPv6 address that is none
            location = origin = ""
        if hops > _MOST_REDIRECTS or not _ADDRESS.fullmatch(location):
            raise ProtocolViolation("the server sends us in circles or to no address at all")
        if origin != self._origin:
            raise ProtocolViolation(
                "the server sends us to another server, which is not followed; if it is yours, connect to it",
                said=origin,
            )
        return self._origin + target_of(location)

    async def refusal(self, response: HttpResponse, *, operation: str, path: str) -> MoverError:
        """Return the error that an answer means."""
        body = b""
        with contextlib.suppress(MoverError):  # the status says enough
            body = await response.read(BODY_LIMIT)
        return fault(response.status, response.headers, body, operation=operation, path=path)

    async def options(self, url: str, *, operation: str) -> Mapping[str, str]:
        """Return the headers of an OPTIONS answer, those that came several times joined by commas."""
        async with self.request("OPTIONS", url, operation=operation, path="/") as response:
            joined: dict[str, str] = {}
            for name, value in response.headers.items():
                key = name.lower()
                joined[key] = f"{joined[key]}, {value}" if key in joined else value
            return joined

    async def resource(self, url: str, properties: bytes, *, operation: str, path: str) -> Resource:
        """Ask for properties of one resource (PROPFIND, Depth 0). Raises NotFound."""
        found: list[Resource] = []
        async with aclosing(self._propfind(url, "0", properties, operation, path)) as batches:
            async for batch in batches:
                found += batch
                if len(found) > _MOST_OF_ONE:
                    raise ProtocolViolation(
                        "the server lists a folder when asked about one entry",
                        service="webdav",
                        operation=operation,
                        path=path,
                    )
        if not found:
            raise NotFound(
                "the server says nothing about this entry", service="webdav", operation=operation, path=path
            )
        first = found[0]
        if first.status is not None and first.status >= 300:  # noqa: PLR2004 - HTTP statuses are best known as numbers
            raise fault(first.status, {}, b"", operation=operation, path=path)
        return first

    def children(
        self, url: str, properties: bytes, *, operation: str, path: str
    ) -> AsyncGenerator[list[Resource], None]:
        """Ask for properties of a folder and of what stands in it (PROPFIND, Depth 1), as they arrive."""
        return self._propfind(url, "1", properties, operation, path)

    async def _propfind(
        self, url: str, depth: str, properties: bytes, operation: str, path: str
    ) -> AsyncGenerator[list[Resource], None]:
        body = (
            b'<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop>'
            + properties
            + b"</prop></propfind>"
        )
        headers = {**_XML, "Depth": depth}
        async with self.request(
            "PROPFIND", url, headers=headers, body=body, operation=operation, path=path
        ) as response:
            if response.status != 207:  # noqa: PLR2004 - as above
                error = await self.refusal(response, operation=operation, path=path)
                if response.status == 400:  # noqa: PLR2004 - Apache's for what would stand under a file
                    raise NotFound(error.message, said=error.said)
                raise error
            async for batch in self._responses(response):
                yield batch

    async def _responses(self, response: HttpResponse) -> AsyncIterator[list[Resource]]:
        reader = MultistatusReader()
        async for piece in response.chunks():
            for start in range(0, len(piece), _FEED):
                if batch := reader.feed(piece[start : start + _FEED]):
                    yield batch
        reader.end()

    async def put(
        self,
        url: str,
        content: Content,
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
        operation: str,
        path: str,
    ) -> Mapping[str, str]:
        """Store a file (RFC 9110 section 9.3.4); return the answer's headers.

        The content goes as an iterator, however small: aiohttp sends a PUT of bytes a second time when the connection
        breaks, and a condition that the first one fulfilled fails then.
        """
        async with self.request(
            "PUT", url, headers=headers, content=content, operation=operation, path=path
        ) as response:
            if response.status not in {200, 201, 204}:
                raise await self.refusal(response, operation=operation, path=path)
            return response.headers

    async def mkcol(
        self, url: str, *, headers: Mapping[str, str] = _NO_HEADERS, operation: str, path: str
    ) -> Mapping[str, str]:
        """Create a folder; return the answer's headers. Raises Unsupported (405) if something is there already."""
        async with self.request("MKCOL", url, headers=headers, operation=operation, path=path) as response:
            if response.status != 201:  # noqa: PLR2004 - as above
                raise await self.refusal(response, operation=operation, path=path)
            return response.headers

    async def move(
        self,
        url: str,
        destination: str,
        *,
        overwrite: bool,
        headers: Mapping[str, str] = _NO_HEADERS,
        operation: str,
        path: str,
    ) -> Mapping[str, str]:
        """Rename (RFC 4918 section 9.9); return the answer's headers. Raises Conflict for 412."""
        own = {"Destination": destination, "Overwrite": "T" if overwrite else "F"}
        return await self._act("MOVE", url, {**headers, **own}, operation, path)

    async def delete(
        self, url: str, *, headers: Mapping[str, str] = _NO_HEADERS, operation: str, path: str
    ) -> None:
        """Remove a resource with all that is in it; NotFound if it is gone."""
        await self._act("DELETE", url, headers, operation, path)

    async def _act(
        self, method: str, url: str, headers: Mapping[str, str], operation: str, path: str
    ) -> Mapping[str, str]:
        async with self.request(method, url, headers=headers, operation=operation, path=path) as response:
            if response.status == 207:  # noqa: PLR2004 - a success of which parts failed (RFC 4918 section 9.9.4)
                async for batch in self._responses(response):
                    for part in batch:
                        if part.status is not None and part.status >= 300:  # noqa: PLR2004 - as above
                            raise fault(part.status, {}, b"", operation=operation, path=path)
            elif response.status not in {200, 201, 204}:
                raise await self.refusal(response, operation=operation, path=path)
            return response.headers

    async def set_property(
        self, url: str, name: str, value: str, *, operation: str, path: str
    ) -> Resource | None:
        """Set a property of the DAV: namespace (PROPPATCH); return whose it is if the server says that it did, else None.

        It may say so and mean a dead property beside the live one: read it back.
        """
        body = (
            f'<?xml version="1.0" encoding="utf-8"?><propertyupdate xmlns="{DAV}">'
            f"<set><prop><{name}>{value}</{name}></prop></set></propertyupdate>"
        ).encode()
        async with self.request(
            "PROPPATCH", url, headers=_XML, body=body, operation=operation, path=path
        ) as response:
            if response.status in _CANNOT_SET:
                return None
            if response.status != 207:  # noqa: PLR2004 - as above
                raise await self.refusal(response, operation=operation, path=path)
            parts: list[Resource] = []
            async for batch in self._responses(response):
                parts += batch
                if len(parts) > _MOST_OF_ONE:
                    raise ProtocolViolation(
                        "the server answers about a folder when one entry was meant",
                        service="webdav",
                        operation=operation,
                        path=path,
                    )
        if not parts or any(part.refused or (part.status or 0) >= 300 for part in parts):  # noqa: PLR2004 - as above
            return None
        return parts[0]

    async def read_public(self, url: str, *, limit: int, operation: str) -> bytes | None:
        """Fetch a small document; None if there is none."""
        async with self.request("GET", url, operation=operation) as response:
            return await response.read(limit) if response.status == 200 else None  # noqa: PLR2004 - as above


_CANNOT_SET: Collection[int] = frozenset({403, 405, 409, 501})
