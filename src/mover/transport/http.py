"""HTTP for connectors. aiohttp does the work, and no other room knows it (`http_body`, `http_connections` are its rest).

What a connector asks for is what is sent: the URL as it is spelled, no redirects, no cookies, no compression, no
repetition of anything that has a body. What goes wrong is one of `mover.errors`.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from mover.errors import (
    Canceled,
    IntegrityError,
    InvalidConfiguration,
    MoverError,
    ProtocolViolation,
    SignInFailed,
    TimedOut,
    Unreachable,
)
from mover.transport.causes import cause
from mover.transport.http_body import RequestBody, in_one_piece
from mover.transport.http_connections import Connect, EgressConnector
from mover.transport.http_library import aiohttp
from mover.transport.limits import Limits
from mover.transport.tls import error_from_tls

PIECE = 1024 * 1024
"""Most bytes that `HttpResponse.chunks` yields at once."""

_READ_LIMIT = 8 * 1024 * 1024
_DISCARD_LIMIT = 64 * 1024  # reading this much to keep a connection is cheaper than a new one
_SMALL_BODY = 64 * 1024  # goes out with the header and fits into any socket's buffer
_FIRST_NO_SUCCESS = 300
_LONGEST_HEADER = 16 * 1024
_MOST_HEADERS = 200

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_UNFIT_FOR_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FIT_FOR_URL = re.compile(r"(https?)://([^\x00-\x20\x7f/?#@\\]+)([/?][!-\"$-~]*)?")
_NO_HEADERS: Mapping[str, str] = {}


class HttpSession:
    """The HTTP connections of one account. Made by `Egress.http`.

    Attributes:
        calls: Requests sent so far.
    """

    def __init__(
        self,
        *,
        service: str,
        connect: Connect,
        tls: ssl.SSLContext,
        limits: Limits,
        allow_plain: bool,
        connections: int,
        forget: Callable[[HttpSession], None],
    ) -> None:
        self.calls = 0
        self.service = service
        self.limits = limits
        self._connect = connect
        self._tls = tls
        self.allow_plain = allow_plain
        self._connections = connections
        self._forget = forget
        self._closed = False
        self._client: aiohttp.ClientSession | None = None

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterator[bytes] | None = None,
        size: int | None = None,
        operation: str = "",
        path: str = "",
    ) -> AbstractAsyncContextManager[HttpResponse]:
        """Send a request and give its answer for the length of an `async with`.

        Args:
            method: `GET`, `PROPFIND`, ...
            url: Percent-encoded already; sent as it is.
            headers: Of the request. `Host`, `Content-Length`, `Accept-Encoding` and `User-Agent` are filled in.
            body: Bytes, or an iterator of pieces that is consumed once. Whatever the iterator raises is raised here
                unchanged. If the service answers before it has all of the body, sending stops and the answer stands.
            size: Of an iterator's body, where it is known; sent as `Content-Length`, and an iterator of another size
                raises IntegrityError. Without it the body goes out in HTTP chunks.
            operation: For errors, as is `path`.
            path: See `operation`.

        Raises (on entering): Unreachable, TimedOut, UntrustedServer, SignInFailed (the server wants another client
        certificate), AddressRefused, ProtocolViolation, InvalidConfiguration (plain HTTP without leave), and
        IntegrityError for a success that is announced before the body was sent.
        """
        return _Exchange(self, method, url, headers or _NO_HEADERS, body, size, operation, path)

    async def close(self) -> None:
        """Close all connections. Idempotent; requests afterwards raise Canceled."""
        self._closed = True
        self._forget(self)
        if self._client is not None:
            client, self._client = self._client, None
            connector = client.connector
            assert isinstance(connector, EgressConnector)
            await client.close()
            await connector.abort()

    def client(self) -> aiohttp.ClientSession:
        """Return aiohttp's session, made when the first request runs since it belongs to that event loop."""
        if self._closed:
            raise Canceled("the connection was closed")
        if self._client is None:
            self._client = aiohttp.ClientSession(
                connector=EgressConnector(
                    self._connect, self._tls, connections=self._connections, tls_limit_s=self.limits.connect_s
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "mover", "Accept-Encoding": "identity"},
                skip_auto_headers=("Accept", "Content-Type"),
                auto_decompress=False,
                requote_redirect_url=False,
                timeout=aiohttp.ClientTimeout(
                    total=None, connect=None, sock_connect=None, sock_read=self.limits.answer_s
                ),
                read_bufsize=PIECE,
                max_line_size=_LONGEST_HEADER,
                max_field_size=_LONGEST_HEADER,
                max_headers=_MOST_HEADERS,
            )
        return self._client


class HttpResponse:
    """An answer whose body is still to be read.

    Attributes:
        status: The HTTP status.
        headers: Looked up without regard to case. From outside: may hold anything but line breaks.
    """

    __slots__ = ("_exchange", "_response", "headers", "status")

    def __init__(self, exchange: _Exchange, response: aiohttp.ClientResponse) -> None:
        self._exchange = exchange
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    @property
    def size(self) -> int | None:
        """The body's size as announced; None if it was not.

        Without it, unless it comes in HTTP chunks, an end too early cannot be told from the end.
        """
        return self._response.content_length

    async def read(self, limit: int = _READ_LIMIT) -> bytes:
        """Read the whole body; raises ProtocolViolation if it is longer than `limit`, and what `chunks` raises."""
        pieces: list[bytes] = []
        left = limit
        async for piece in self.chunks():
            left -= len(piece)
            if left < 0:
                raise self._exchange.place(ProtocolViolation(f"the answer is longer than {limit} bytes"))
            pieces.append(piece)
        return b"".join(pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body in pieces of at most 1 MiB, as they arrive.

        Raises Unreachable if it ends before the announced size, TimedOut after silence.
        """
        content = self._response.content
        try:
            while piece := await content.read(PIECE):
                yield piece
        except (aiohttp.ClientError, OSError) as error:
            raise self._exchange.error(error) from error


class _Exchange:
    """One request and its answer: what `HttpSession.request` returns."""

    __slots__ = (
        "_body",
        "_headers",
        "_method",
        "_operation",
        "_path",
        "_response",
        "_session",
        "_size",
        "_url",
    )

    def __init__(
        self,
        session: HttpSession,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | AsyncIterator[bytes] | None,
        size: int | None,
        operation: str,
        path: str,
    ) -> None:
        self._session = session
        self._method = method
        self._url = url
        self._headers = headers
        self._body = body
        self._size = size
        self._operation = operation
        self._path = path
        self._response: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> HttpResponse:
        session = self._session
        stream: RequestBody | None = None
        try:
            url = _checked_url(self._url, allow_plain=session.allow_plain)
            headers = self._checked_headers()
            stream = self._stream()
            session.calls += 1
            response = await session.client().request(
                self._method, url, headers=headers, data=stream or self._body, allow_redirects=False
            )
        except MoverError as error:
            self.place(error)
            raise
        except (aiohttp.ClientError, OSError) as error:
            if stream is not None and stream.failure is not None:
                raise stream.failure from stream.failure.__cause__
            raise self.error(error) from _without_request(error)
        self._response = response
        if stream is not None and not stream.complete and response.status < _FIRST_NO_SUCCESS:
            response.close()
            raise self.place(IntegrityError("the service reported success before it had the whole body"))
        connection = response.connection
        if connection is not None and connection.protocol is not None:
            # From here on silence counts by another measure. Without a connection the whole body is here already;
            # with a full buffer it is not the service that is silent.
            connection.protocol.read_timeout = session.limits.read_s
            if response.content.total_bytes < PIECE:
                connection.protocol.start_timeout()
        return HttpResponse(self, response)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        response = self._response
        if response is None or response.connection is None:
            return
        if kind is None and (response.content_length or 0) <= _DISCARD_LIMIT:
            await self._discard(response)
        response.close()

    async def _discard(self, response: aiohttp.ClientResponse) -> None:
        """Read the little that nobody wanted, so that the connection can serve again."""
        left = _DISCARD_LIMIT
        try:
            while left > 0 and (piece := await response.content.read(left)):
                left -= len(piece)
        except (aiohttp.ClientError, OSError):
            response.close()  # the answer has been understood; only the connection is lost

    def _stream(self) -> RequestBody | None:
        match self._body:
            case None:
                return None
            case bytes() if len(self._body) <= _SMALL_BODY and self._method != "PUT":
                return None  # goes out with the header, so there is no sending to watch
            case bytes():
                # aiohttp would repeat a PUT of bytes after a lost answer, and a condition would fail the second time.
                return self._streamed(in_one_piece(self._body), len(self._body))
            case pieces:
                return self._streamed(pieces, self._size)

    def _streamed(self, pieces: AsyncIterator[bytes], size: int | None) -> RequestBody:
        return RequestBody(pieces, size, silence_s=self._session.limits.read_s, place=self.place)

    def _checked_headers(self) -> CIMultiDict[str]:
        headers = CIMultiDict(self._headers)
        for name, value in headers.items():
            if _UNFIT_FOR_HEADER.search(value) or not _TOKEN.fullmatch(name):
                raise ProtocolViolation(f"the header {name!r} has characters that none may have")
        if isinstance(self._body, bytes):
            headers["Content-Length"] = str(len(self._body))
        elif self._body is not None and self._size is not None:
            headers["Content-Length"] = str(self._size)
        return headers

    def place(self, error: MoverError) -> MoverError:
        """Fill in where an error happened."""
        return error.at(service=self._session.service, operation=self._operation, path=self._path)

    def error(self, error: Exception) -> MoverError:
        """Say what an error of aiohttp or of the system means."""
        return self.place(_error(error, URL(self._url, encoded=True).host or "the service"))


def _without_request(error: Exception) -> Exception:
    """Return an error as a cause that may be shown: aiohttp puts the request with its headers into some."""
    if isinstance(error, aiohttp.ClientResponseError):
        headers: CIMultiDict[str] = CIMultiDict()
        error.request_info = error.request_info._replace(headers=CIMultiDictProxy(headers))
        error.args = (error.request_info, error.history)
    return error


def _error(error: Exception, host: str) -> MoverError:
    tls = _tls_cause(error)
    if tls is not None and isinstance(refusal := error_from_tls(tls, host), SignInFailed):
        return refusal  # any other trouble with TLS, once it stands, is trouble with the line
    match error:
        case TimeoutError():
            return TimedOut(f"{host} went silent")
        case aiohttp.ClientResponseError():
            return ProtocolViolation(f"the answer of {host} is not HTTP as it should be", said=error.message)
        case aiohttp.ClientPayloadError():
            what = f"the answer of {host} broke off"
        case aiohttp.ServerDisconnectedError():
            what = f"{host} closed the connection without an answer"
        case _:
            what = f"the connection to {host} broke off: {cause(error)}"
    return Unreachable(what)


def _checked_url(text: str, *, allow_plain: bool) -> URL:
    match = _FIT_FOR_URL.fullmatch(text)
    if match is None:
        raise InvalidConfiguration(
            "an address must be http(s)://host/path, percent-encoded, without user name and fragment"
        )
    if match[1] == "http" and not allow_plain:
        raise InvalidConfiguration(
            "plain http is refused, since everybody on the way could read along; use https"
        )
    try:
        url = URL(text if text.isascii() else _in_ascii(match), encoded=True)
        if url.raw_host and url.port:  # yarl looks at the port only now
            return url
    except ValueError:
        pass
    raise InvalidConfiguration("the address has no valid host and port")


def _in_ascii(url: re.Match[str]) -> str:
    return f"{url[1]}://{url[2].encode('idna').decode('ascii')}{url[3] or ''}"


def _tls_cause(error: BaseException | None) -> ssl.SSLError | None:
    """Find the TLS alert behind an error: with TLS 1.3 a refused client certificate shows only at the first read."""
    for _ in range(4):
        if error is None or isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__
    return None
