"""A server that answers S3 requests as a test says, and an engine's content to send to it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

from mover.connectors.s3.config import S3Config
from mover.connectors.s3.connector import S3Connector
from mover.entries import HashName
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.vault.secret import Secret

SECRET_KEY = "a-secret-that-never-travels"


@dataclass(frozen=True)
class Request:
    """What the server received."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What it answers. `announce` is the Content-Length if it shall not be the true one."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    announce: int | None = None


class ScriptedServer:
    """Answers each request with what `answer` returns, or with the next of a list; keeps all requests."""

    def __init__(self, answer: Callable[[Request], Reply] | Sequence[Reply]) -> None:
        self.requests: list[Request] = []
        self.url = ""
        if callable(answer):
            self._answer = answer
        else:
            replies = iter(answer)
            self._answer = lambda _request: next(replies)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[ScriptedServer]:
        """Listen on a free port of this machine."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            while line := await reader.readline():
                reply = self._answer(await self._receive(line, reader))
                request = self.requests[-1]
                length = len(reply.body) if reply.announce is None else reply.announce
                head = f"HTTP/1.1 {reply.status} Said\r\nContent-Length: {length}\r\n"
                head += "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
                writer.write(head.encode() + b"\r\n" + (b"" if request.method == "HEAD" else reply.body))
                await writer.drain()
                if length != len(reply.body) and request.method != "HEAD":
                    return

    async def _receive(self, line: bytes, reader: asyncio.StreamReader) -> Request:
        method, target, _ = line.decode().split(" ")
        headers = {}
        while (header := (await reader.readline()).decode().strip()) != "":
            name, _, value = header.partition(": ")
            headers[name.lower()] = value
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path, _, query = target.partition("?")
        pairs = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
        self.requests.append(Request(method, unquote(path), pairs, headers, body))
        return self.requests[-1]


class Bytes:
    """Content that is in memory."""

    repeatable = True

    def __init__(self, data: bytes, *hashes: HashName, size: int | None = None) -> None:
        known = {
            HashName.MD5: hashlib.md5(data, usedforsecurity=False).hexdigest(),
            HashName.SHA256: hashlib.sha256(data).hexdigest(),
        }
        self._data = data
        self.size: int | None = len(data) if size is None else size
        self.hashes = {name: known[name] for name in hashes}

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes in pieces of 64 KiB."""
        for start in range(0, len(self._data), 65536):
            yield self._data[start : start + 65536]


def connector(
    url: str, *, bucket: str | None = "bucket", now: Callable[[], float] | None = None, **values: object
) -> S3Connector:
    """Make a connector to a server on this machine."""
    config = S3Config.model_validate(
        {
            "endpoint": url,
            "access_key": "AKIATEST",
            "secret_key": Secret(SECRET_KEY),
            "bucket": bucket,
            "plain": True,
            **values,
        }
    )
    egress = Egress(allowed=PrivateAddresses(every=True))
    return S3Connector(config, egress, now=now) if now else S3Connector(config, egress)


def error(code: str, **fields: str) -> bytes:
    """Spell an error as S3 does."""
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in {"Code": code, **fields}.items())
    return f"<?xml version='1.0'?><Error>{inside}</Error>".encode()


def listing(
    keys: Sequence[str] = (),
    prefixes: Sequence[str] = (),
    *,
    token: str | None = None,
    size: int = 1,
    etag: str = "5d41402abc4b2a76b9719d911017c592",
) -> bytes:
    """Spell a page of ListObjectsV2; keys are percent-encoded by the caller."""
    contents = "".join(
        f"<Contents><Key>{key}</Key><Size>{size}</Size><ETag>&quot;{etag}&quot;</ETag></Contents>"
        for key in keys
    )
    common = "".join(f"<CommonPrefixes><Prefix>{prefix}</Prefix></CommonPrefixes>" for prefix in prefixes)
    more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return (
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EncodingType>url</EncodingType>'
        f"<IsTruncated>{str(token is not None).lower()}</IsTruncated>{more}{contents}{common}</ListBucketResult>"
    ).encode()
