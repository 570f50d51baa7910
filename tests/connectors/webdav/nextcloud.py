"""A small server that answers WebDAV as Nextcloud (or ownCloud 10) does, for tests: no real one runs here.

Written after Nextcloud's developer manual ("WebDAV", "Chunked file upload") and the behaviour of its `dav` app: sabre's
error documents, `X-OC-MTime`, `OC-Checksum` (stored unseen; ownCloud compares), `X-Hash`, `OC-FileId`, `OC-ETag`, the
upload folder with its `.file`, names that it refuses, negative quota for "unlimited". Everything is kept in memory.
"""

from __future__ import annotations

import base64
import contextlib
import email.utils
import hashlib
import itertools
import posixpath
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit
from xml.sax.saxutils import escape

from aiohttp import web

USER = "alice"
PASSWORD = "app-password"
_FILES, _UPLOADS, _WEBDAV = (
    "/remote.php/dav/files/alice",
    "/remote.php/dav/uploads/alice",
    "/remote.php/webdav",
)
_INSTANCE = "oc1234567890"


@dataclass
class Node:
    """A file (with data) or a folder (without)."""

    number: int
    data: bytes | None
    mtime: int = 1_700_000_000
    checksum: str = ""
    generation: int = 0

    @property
    def etag(self) -> str:
        return hashlib.md5(f"{self.number}.{self.generation}".encode(), usedforsecurity=False).hexdigest()

    @property
    def id(self) -> str:
        return f"{self.number:08d}{_INSTANCE}"


@dataclass
class Nextcloud:
    """The server's state, and what a test may have it do.

    Attributes:
        product: `Nextcloud`, or `ownCloud`, which compares and computes checksums.
        name: What its administrator calls it, if not by the product's name.
        free: Bytes left; None for unlimited.
        damage_bodies: Bodies arrive with their first byte changed.
        lose_answers_to: Methods whose next request is carried out and then answered by closing the connection.
        said_virus: File names that an antivirus app refuses.
        locked: Paths that somebody else holds.
        requests: `METHOD path` of every request, in order.
    """

    product: str = "Nextcloud"
    name: str = ""
    free: int | None = None
    damage_bodies: bool = False
    lose_answers_to: set[str] = field(default_factory=set)
    said_virus: set[str] = field(default_factory=set)
    locked: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    url: str = ""

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        for path in (_FILES, _UPLOADS):
            self.nodes[path] = Node(next(self._numbers), None)

    def file(self, path: str) -> Node:
        """Return a file of the user's."""
        return self.nodes[_FILES + path]

    def chunks(self) -> list[str]:
        """Return the paths of all chunks of unfinished uploads."""
        return [path for path in self.nodes if path.startswith(f"{_UPLOADS}/")]

    def put_file(self, path: str, data: bytes) -> Node:
        """Store a file behind the connector's back."""
        return self._store(_FILES + path, data)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        path = unquote(request.raw_path).rstrip("/")
        if path == "/status.php":
            return web.json_response(
                {"installed": True, "productname": self.name or self.product, "versionstring": "31.0.4"}
            )
        given = request.headers.get("Authorization", "")
        if given != "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode():
            await request.read()
            return _error(
                401,
                "NotAuthenticated",
                "No public access to this resource",
                {"WWW-Authenticate": 'Basic realm="Nextcloud"'},
            )
        self.requests.append(f"{request.method} {path}")
        body = await request.read()
        if self.damage_bodies and body and request.method == "PUT":
            body = bytes([body[0] ^ 1]) + body[1:]
        if path == _WEBDAV or path.startswith(_WEBDAV + "/"):
            path = _FILES + path.removeprefix(_WEBDAV)
        answer = self._answer(request, path, body)
        if request.method in self.lose_answers_to:
            self.lose_answers_to.discard(request.method)
            assert request.transport is not None
            request.transport.abort()
        return answer

    def _answer(  # noqa: PLR0911 - one for each method
        self, request: web.Request, path: str, body: bytes
    ) -> web.StreamResponse:
        if path in self.locked and request.method in {"PUT", "MOVE", "DELETE"}:
            return _error(423, r"OCA\DAV\Connector\Sabre\Exception\FileLocked", f'"{path}" is locked')
        match request.method:
            case "OPTIONS":
                return web.Response(
                    headers={"DAV": "1, 3, extended-mkcol", "Allow": "OPTIONS, GET, PUT, PROPFIND, PROPPATCH"}
                )
            case "PROPFIND":
                return self._propfind(request, path)
            case "GET":
                return self._get(request, path)
            case "PUT":
                return self._put(request, path, body)
            case "MKCOL":
                return self._mkcol(path)
            case "MOVE":
                return self._move(request, path)
            case "DELETE":
                return self._delete(path)
            case "PROPPATCH":
                return self._proppatch(path, body)
        return _error(501, "NotImplemented", "There was no handler found for this method")

    def _propfind(self, request: web.Request, path: str) -> web.Response:
        if path not in self.nodes:
            return _missing(path)
        found = [path]
        if request.headers.get("Depth") == "1" and self.nodes[path].data is None:
            found += sorted(p for p in self.nodes if posixpath.dirname(p) == path)
            if path.startswith(_UPLOADS + "/"):
                self.nodes[f"{path}/.file"] = Node(0, b"")
                found.append(f"{path}/.file")
        written = "".join(self._describe(p, request) for p in found)
        self.nodes.pop(f"{path}/.file", None)
        text = (
            '<?xml version="1.0"?>\n<d:multistatus xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"'
            f' xmlns:oc="http://owncloud.org/ns" xmlns:nc="http://nextcloud.org/ns">{written}</d:multistatus>'
        )
        return web.Response(status=207, text=text, content_type="application/xml")

    def _describe(self, path: str, request: web.Request) -> str:
        node = self.nodes[path]
        shown = path
        if request.path.startswith(_WEBDAV):
            shown = _WEBDAV + path.removeprefix(_FILES)
        href = quote(shown) + ("/" if node.data is None else "")
        modified = email.utils.formatdate(node.mtime, usegmt=True)
        properties = [
            f"<d:getlastmodified>{modified}</d:getlastmodified>",
            f'<d:getetag>"{node.etag}"</d:getetag>',
        ]
        properties.append(f"<oc:id>{node.id}</oc:id>")
        missing = []
        if node.data is None:
            free = -3 if self.free is None else self.free
            properties.append("<d:resourcetype><d:collection/></d:resourcetype>")
            properties.append(f"<d:quota-available-bytes>{free}</d:quota-available-bytes>")
            properties.append(
                "<d:current-user-principal><d:href>/remote.php/dav/principals/users/alice/</d:href></d:current-user-principal>"
            )
            missing.append("<d:getcontentlength/>")
        else:
            properties.append("<d:resourcetype/>")
            properties.append(f"<d:getcontentlength>{len(node.data)}</d:getcontentlength>")
        checksum = (
            self._computed(node.data)
            if self.product == "ownCloud" and node.data is not None
            else node.checksum
        )
        if checksum:
            properties.append(f"<oc:checksums><oc:checksum>{escape(checksum)}</oc:checksum></oc:checksums>")
        else:
            missing.append("<oc:checksums/>")
        absent = f"<d:propstat><d:prop>{''.join(missing)}</d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>"
        return (
            f"<d:response><d:href>{href}</d:href><d:propstat><d:prop>{''.join(properties)}</d:prop>"
            f"<d:status>HTTP/1.1 200 OK</d:status></d:propstat>{absent if missing else ''}</d:response>"
        )

    @staticmethod
    def _computed(data: bytes) -> str:
        return f"SHA1:{hashlib.sha1(data, usedforsecurity=False).hexdigest()} MD5:{hashlib.md5(data, usedforsecurity=False).hexdigest()} ADLER32:00000001"

    def _get(self, request: web.Request, path: str) -> web.StreamResponse:
        node = self.nodes.get(path)
        if node is None:
            return _missing(path)
        if node.data is None or path.startswith(_UPLOADS):
            return _error(405, "MethodNotAllowed", "Reading intermediate uploads is not allowed")
        headers = {"ETag": f'"{node.etag}"'}
        wanted = request.http_range
        if wanted.start is None and wanted.stop is None:
            return web.Response(body=node.data, headers=headers)
        start = wanted.start or 0
        stop = len(node.data) if wanted.stop is None else min(wanted.stop, len(node.data))
        if start >= len(node.data):
            return _error(
                416, "RequestedRangeNotSatisfiable", "The start offset exceeded the size of the entity"
            )
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(node.data)}"
        return web.Response(status=206, body=node.data[start:stop], headers=headers)

    def _put(  # noqa: PLR0911 - one for each reason to refuse
        self, request: web.Request, path: str, body: bytes
    ) -> web.Response:
        folder, name = posixpath.split(path)
        known = self.nodes.get(path)
        if known is not None and known.data is None:
            return _error(409, "Conflict", "PUT is not allowed on non-files.")
        if request.headers.get("If-None-Match") == "*" and known is not None:
            return _error(
                412,
                "PreconditionFailed",
                "An If-None-Match header was specified, but the ETag matched (or * was specified).",
            )
        if (match := request.headers.get("If-Match")) and (known is None or match != f'"{known.etag}"'):
            return _error(
                412,
                "PreconditionFailed",
                "An If-Match header was specified, but none of the specified ETags matched.",
            )
        if folder not in self.nodes:
            return _missing(folder)
        if path.startswith(_FILES) and (
            name == ".htaccess" or "\\" in name or name.endswith((".part", ".filepart"))
        ):
            return _error(
                400, r"OCA\DAV\Connector\Sabre\Exception\InvalidPath", f'"{name}" is not a valid name'
            )
        if self.free is not None and int(request.headers.get("OC-Total-Length", len(body))) > self.free:
            return _error(507, "InsufficientStorage", f"Insufficient space in {path}")
        if name in self.said_virus:
            return _error(
                415,
                "UnsupportedMediaType",
                "Virus Eicar-Test is detected in the file. Upload cannot be completed.",
            )
        headers: dict[str, str] = {}
        if not self._checksum_holds(request, body):
            return _checksum_refused()
        if self.product == "Nextcloud" and request.headers.get("X-Hash") == "sha256":
            headers["X-Hash-SHA256"] = hashlib.sha256(body).hexdigest()
        node = self._store(path, body)
        self._extend(request, node, headers)
        return web.Response(status=201 if known is None else 204, headers=headers)

    def _checksum_holds(self, request: web.Request, data: bytes) -> bool:
        claimed = request.headers.get("OC-Checksum", "")
        return self.product == "Nextcloud" or not claimed or claimed in self._computed(data).split()

    def _store(self, path: str, data: bytes) -> Node:
        node = self.nodes.setdefault(path, Node(next(self._numbers), b""))
        node.data, node.checksum = data, ""
        node.generation += 1
        return node

    def _extend(self, request: web.Request, node: Node, headers: dict[str, str]) -> None:
        if mtime := request.headers.get("X-OC-Mtime"):
            node.mtime = int(mtime)
            headers["X-OC-MTime"] = "accepted"
        node.checksum = request.headers.get("OC-Checksum", "")
        headers |= {"OC-FileId": node.id, "OC-ETag": f'"{node.etag}"', "ETag": f'"{node.etag}"'}

    def _mkcol(self, path: str) -> web.Response:
        if path in self.nodes:
            return _error(405, "MethodNotAllowed", "The resource you tried to create already exists")
        if posixpath.dirname(path) not in self.nodes:
            return _error(409, "Conflict", "Parent node does not exist")
        node = self.nodes[path] = Node(next(self._numbers), None)
        return web.Response(status=201, headers={"OC-FileId": node.id})

    def _move(self, request: web.Request, path: str) -> web.Response:
        destination = unquote(urlsplit(request.headers["Destination"]).path).rstrip("/")
        if destination.startswith(_WEBDAV):
            destination = _FILES + destination.removeprefix(_WEBDAV)
        assembling = path.startswith(_UPLOADS) and posixpath.basename(path) == ".file"
        if (posixpath.dirname(path) if assembling else path) not in self.nodes:
            return _missing(path)
        known = self.nodes.get(destination)
        if request.headers.get("Overwrite") == "F" and known is not None:
            return _error(
                412,
                "PreconditionFailed",
                "The destination node already exists, and the overwrite header is set to false",
            )
        if condition := re.fullmatch(r'<([^>]+)> \(\["([^"]+)"\]\)', request.headers.get("If", "")):
            conditioned = self.nodes.get(unquote(condition[1]))
            if conditioned is None or conditioned.etag != condition[2]:
                return _error(
                    412,
                    "PreconditionFailed",
                    "An If header was specified, but none of the conditions matched.",
                )
        if posixpath.dirname(destination) not in self.nodes:
            return _error(409, "Conflict", "The destination node is not found")
        headers: dict[str, str] = {}
        if assembling:
            refused = self._assemble(request, posixpath.dirname(path), destination, headers)
            if refused is not None:
                return refused
        else:
            for old in [p for p in self.nodes if p == path or p.startswith(path + "/")]:
                self.nodes[destination + old.removeprefix(path)] = self.nodes.pop(old)
        return web.Response(status=201 if known is None else 204, headers=headers)

    def _assemble(
        self, request: web.Request, folder: str, destination: str, headers: dict[str, str]
    ) -> web.Response | None:
        chunks = sorted(
            (p for p in self.nodes if posixpath.dirname(p) == folder),
            key=lambda p: int(posixpath.basename(p)),
        )
        data = b"".join(self.nodes[p].data or b"" for p in chunks)
        expected = request.headers.get("OC-Total-Length")
        if expected is not None and int(expected) != len(data):
            return _error(
                400, "BadRequest", f"Chunks on server do not sum up to {expected} but to {len(data)} bytes"
            )
        if not self._checksum_holds(request, data):
            return _checksum_refused()
        self._extend(request, self._store(destination, data), headers)
        self._delete(folder)
        return None

    def _delete(self, path: str) -> web.Response:
        if path not in self.nodes:
            return _missing(path)
        for gone in [p for p in self.nodes if p == path or p.startswith(path + "/")]:
            del self.nodes[gone]
        return web.Response(status=204)

    def _proppatch(self, path: str, body: bytes) -> web.Response:
        if path not in self.nodes:
            return _missing(path)
        wanted = re.search(rb"<lastmodified>(-?\d+)</lastmodified>", body)
        if wanted:
            self.nodes[path].mtime = int(wanted[1])
        status = "200 OK" if wanted else "403 Forbidden"
        slash = "/" if self.nodes[path].data is None else ""
        text = (
            f'<?xml version="1.0"?><d:multistatus xmlns:d="DAV:"><d:response><d:href>{quote(path)}{slash}</d:href><d:propstat>'
            f"<d:prop><d:lastmodified/></d:prop><d:status>HTTP/1.1 {status}</d:status></d:propstat></d:response></d:multistatus>"
        )
        return web.Response(status=207, text=text, content_type="application/xml")


def _error(status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    exception = kind if "\\" in kind else rf"Sabre\DAV\Exception\{kind}"
    text = (
        '<?xml version="1.0" encoding="utf-8"?>\n<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns">\n'
        f"  <s:exception>{exception}</s:exception>\n  <s:message>{escape(message)}</s:message>\n</d:error>\n"
    )
    return web.Response(status=status, text=text, content_type="application/xml", headers=headers)


def _missing(path: str) -> web.Response:
    return _error(404, "NotFound", f"File with name {path} could not be located")


def _checksum_refused() -> web.Response:
    return _error(400, "BadRequest", "The computed checksum does not match the one received from the client.")


@contextlib.asynccontextmanager
async def running(nextcloud: Nextcloud) -> AsyncIterator[Nextcloud]:
    """Serve on a free port of the loopback address, without TLS."""
    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{path:.*}", nextcloud.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port: int = runner.addresses[0][1]
        nextcloud.url = f"http://127.0.0.1:{port}"
        yield nextcloud
    finally:
        await runner.cleanup()
