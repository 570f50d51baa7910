"""Resumable uploads: sessions at addresses of their own ("Perform a resumable upload" of the Drive guides).

POST begins one and names its address. PUT sends bytes there, 308 tells how many have arrived: a multiple of 256 KiB, unless they
are all. The address is a right in itself, for a week, so that no token is shown and none can expire in the middle.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec

from mover.connectors.bodies import body_of
from mover.connectors.contract import Content
from mover.connectors.google.answers import File
from mover.connectors.google.calls import Calls
from mover.errors import IntegrityError, MoverError, NotFound, ProtocolViolation, ServiceFault
from mover.transport.http import HttpResponse

QUANTUM = 256 * 1024
"""Bytes: what is sent without ending the file is a multiple of this."""

_INCOMPLETE = 308
_DONE = (200, 201)
_GONE = (404, 410, 499)
_RANGE = re.compile(r"bytes=0-([0-9]{1,18})")
_HOST = re.compile(r"(?:[a-z0-9-]+\.)*googleapis\.com")
_UPLOAD_PATH = "/upload/drive/v3/files"


class Sessions:
    """Resumable uploads of one connection."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def begin(
        self,
        url: str,
        metadata: Mapping[str, Any],
        kind: str,
        size: int | None,
        *,
        new: bool,
        subject: str | None,
        path: str,
    ) -> str:
        """Begin one and return its address; one call. Raises QuotaExceeded, NotFound, Conflict."""
        headers = {"Content-Type": "application/json; charset=UTF-8", "X-Upload-Content-Type": kind}
        if size is not None:
            headers["X-Upload-Content-Length"] = str(size)
        async with self._calls.request(
            "POST" if new else "PATCH",
            url,
            subject=subject,
            headers=headers,
            body=msgspec.json.encode(metadata),
            operation="upload",
            path=path,
        ) as answer:
            return checked(answer.headers.get("Location", ""))

    async def whole(self, url: str, content: Content, size: int, path: str) -> File:
        """Send all of a file; one call."""
        body = await body_of(content, size)
        given = body if isinstance(body, bytes) else body()
        async with self._put(url, {}, given, size, path, is_whole=True) as answer:
            if answer.status == _INCOMPLETE:
                raise IntegrityError("Google has not received the whole file", operation="upload", path=path)
            return await self._file(answer, path)

    async def stream(
        self, url: str, first: Sequence[bytes], following: AsyncIterator[bytes], path: str
    ) -> File:
        """Send a file whose size shows only at its end; pieces are multiples of 256 KiB but the last; one call each."""
        offset = 0
        waiting = list(first)
        while True:
            if len(waiting) < 2:  # noqa: PLR2004 - the last one ends the file, so that it must be known to be the last
                piece = await anext(following, None)
                if piece is not None:
                    waiting.append(piece)
            data = waiting.pop(0)
            end = offset + len(data)
            total = "*" if waiting else str(end)
            headers = {"Content-Range": f"bytes {offset}-{end - 1}/{total}"}
            async with self._put(url, headers, data, len(data), path, is_whole=True) as answer:
                if not waiting:
                    if answer.status == _INCOMPLETE:
                        raise IntegrityError(
                            "Google has not received the whole file", operation="upload", path=path
                        )
                    return await self._file(answer, path)
                if answer.status != _INCOMPLETE or received(answer) != end:
                    raise IntegrityError(
                        "Google has not received all that was sent", operation="upload", path=path
                    )
            offset = end

    async def send(
        self,
        url: str,
        offset: int,
        body: bytes | AsyncIterator[bytes],
        size: int,
        total: int | None,
        path: str,
    ) -> int:
        """Send bytes that do not end the file, and return how many have arrived in all; one call."""
        whole = "*" if total is None else str(total)
        headers = {"Content-Range": f"bytes {offset}-{offset + size - 1}/{whole}"}
        async with self._put(url, headers, body, size, path) as answer:
            if answer.status != _INCOMPLETE:
                raise ProtocolViolation("Google ended an upload that was not complete")
            return received(answer)

    async def end(self, url: str, offset: int, data: bytes, path: str) -> File | None:
        """Send the last bytes; one call. None: something is missing before them."""
        total = offset + len(data)
        span = f"{offset}-{total - 1}" if data else "*"
        async with self._put(
            url, {"Content-Range": f"bytes {span}/{total}"}, data, len(data), path
        ) as answer:
            return None if answer.status == _INCOMPLETE else await self._file(answer, path)

    async def status(self, url: str, path: str) -> int | File:
        """Ask how much has arrived, or for the file if it is complete; one call. Raises NotFound."""
        async with self._put(url, {"Content-Range": "bytes */*"}, b"", 0, path) as answer:
            return received(answer) if answer.status == _INCOMPLETE else await self._file(answer, path)

    async def drop(self, url: str) -> None:
        """Cancel one; one call. Never raises for what went wrong at the service: it ends by itself in a week."""
        try:
            async with self._calls.session.unsigned.request(
                "DELETE", url, headers={"Content-Length": "0"}, operation="abort"
            ):
                pass
        except MoverError:
            return

    @asynccontextmanager
    async def _put(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes | AsyncIterator[bytes],
        size: int,
        path: str,
        *,
        is_whole: bool = False,
    ) -> AsyncGenerator[HttpResponse, None]:
        """PUT to a session. Statuses that are no part of an upload become errors.

        NotFound: the session is gone. Of a file that is sent as a whole nothing else is gone: it begins again (ServiceFault).
        """
        async with self._calls.session.unsigned.request(
            "PUT", url, headers=headers, body=body, size=size, operation="upload", path=path
        ) as answer:
            if answer.status in _GONE and is_whole:
                raise ServiceFault(
                    "Google has lost the upload; the file is sent again", operation="upload", path=path
                )
            if answer.status in _GONE:
                raise NotFound("the upload is gone", operation="upload", path=path)
            if answer.status not in {_INCOMPLETE, *_DONE}:
                raise await self._calls.refusal(answer, operation="upload", path=path)
            yield answer

    async def _file(self, answer: HttpResponse, path: str) -> File:
        return self._calls.decoded(await answer.read(), File, operation="upload", path=path)


def received(answer: HttpResponse) -> int:
    """Return how many bytes a 308 says have arrived."""
    text = answer.headers.get("Range")
    if text is None:
        return 0
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        raise ProtocolViolation("Google's answer does not tell how much of the upload has arrived")
    return int(found[1]) + 1


def checked(url: str) -> str:
    """Return a session's address if it is one of Google's. Raises ProtocolViolation."""
    parts = urlsplit(url)
    if (
        parts.scheme != "https"
        or not _HOST.fullmatch(parts.hostname or "")
        or parts.username is not None
        or not parts.path.startswith(_UPLOAD_PATH)
    ):
        raise ProtocolViolation("Google named an address for the upload that is none of its own")
    return url


async def skipping(chunks: AsyncGenerator[bytes, None], skip: int, take: int) -> AsyncGenerator[bytes, None]:
    """Yield `take` bytes of a content after the first `skip`, and read it to its end."""
    async with aclosing(chunks):
        async for arrived in chunks:
            piece = arrived
            if skip:
                passed = min(skip, len(piece))
                skip -= passed
                piece = piece[passed:]
            piece = piece[: max(0, take)]
            take -= len(piece)
            if piece:
                yield piece
