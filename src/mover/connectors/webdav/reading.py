"""Reading a file or a range of it, so that an end too early or another version is never taken for the file."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from mover.connectors.ranges import range_header
from mover.connectors.webdav.api import DavApi
from mover.connectors.webdav.listing import version_of
from mover.entries import Entry
from mover.errors import Changed, IntegrityError, ProtocolViolation
from mover.transport.http import HttpResponse

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.ASCII)
_UNSATISFIED = re.compile(r"bytes \*/(\d{1,19})", re.ASCII)

LookAgain = Callable[[], Awaitable[Entry]]
"""Describe the file afresh, one call."""


async def read_file(
    api: DavApi,
    url: str,
    path: str,
    *,
    offset: int,
    length: int | None,
    version: str | None,
    look_again: LookAgain,
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a file from `offset`, `length` of them or to the end; one GET.

    The version is compared with the answer's ETag rather than sent in `If-Match`: that works with weak ETags too, and
    Apache's are weak while the file is younger than a second. A server whose headers and listings disagree about
    ETags, or that sends none, is asked once more what the file's version is.
    """
    if length == 0:
        return
    headers = range_header(offset, length)
    async with api.request("GET", url, headers=headers, operation="read", path=path) as response:
        if response.status == 416:  # noqa: PLR2004 - HTTP statuses are best known as numbers
            await _check_nothing_left(response, offset, length, look_again)
            return
        if response.status not in {200, 206}:
            raise await api.refusal(response, operation="read", path=path)
        if version is not None and version_of(response.headers.get("ETag")) != version:
            await _check_version(look_again, version)
        skip, expected = _expected(response, offset, length)
        if response.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
            await _check_not_compressed(response, look_again)
        if expected is None and "chunked" not in response.headers.get("Transfer-Encoding", "").lower():
            # Nothing in the answer would show an end too early.
            expected = await _expected_from_listing(look_again, offset, length)
        async with aclosing(_exactly(response, skip, expected)) as pieces:
            async for piece in pieces:
                yield piece


async def _check_nothing_left(
    response: HttpResponse, offset: int, length: int | None, look_again: LookAgain
) -> None:
    """Pass reading on from the very end; RFC 9110 section 15.5.17 has the size in a 416, Apache has not."""
    found = _UNSATISFIED.fullmatch(response.headers.get("Content-Range", ""))
    if length is not None or offset != (int(found[1]) if found else (await look_again()).size):
        raise IntegrityError("the file is shorter than it was")


async def _check_version(look_again: LookAgain, version: str) -> None:
    if (await look_again()).version != version:
        raise Changed("the file is no longer the version that was listed")


def _expected(response: HttpResponse, offset: int, length: int | None) -> tuple[int, int | None]:
    """Return how many bytes of the body to pass over and how many to yield; None: all, however many there are."""
    size = response.size
    if response.status == 206:  # noqa: PLR2004 - as above
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if found is None or int(found[1]) != offset:
            raise ProtocolViolation("the server sends another part of the file than was asked for")
        sent = int(found[2]) - offset + 1
        if sent <= 0 or (size is not None and size != sent):
            raise ProtocolViolation("the server contradicts itself about how much it sends")
        if found[3] != "*" and length is None and offset + sent != int(found[3]):
            raise IntegrityError("the server sends less than the rest of the file")
        if length is not None and sent > length:
            raise ProtocolViolation("the server sends more of the file than was asked for")
        return 0, sent if length is None else length
    if size is None:
        return offset, length
    if size < offset + (length or 0):
        raise IntegrityError("the file is shorter than it was")
    return offset, size - offset if length is None else length


async def _check_not_compressed(response: HttpResponse, look_again: LookAgain) -> None:
    """Pass an encoding that is a mere label of the file's own (Apache's of .gz files), refuse one made on the way."""
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    total = int(found[3]) if found and found[3] != "*" else response.size
    if (response.status == 206 and found is None) or total is None or total != (await look_again()).size:  # noqa: PLR2004 - as above
        raise ProtocolViolation("the server compresses files though it was told not to")


async def _expected_from_listing(look_again: LookAgain, offset: int, length: int | None) -> int:
    size = (await look_again()).size
    if size is None:
        raise ProtocolViolation("the server says nowhere how long the file is")
    if size < offset + (length or 0):
        raise IntegrityError("the file is shorter than it was")
    return size - offset if length is None else length


async def _exactly(response: HttpResponse, skip: int, expected: int | None) -> AsyncGenerator[bytes, None]:
    left = expected
    async for arrived in response.chunks():
        piece = arrived
        if skip:
            passed = min(skip, len(piece))
            skip -= passed
            piece = piece[passed:]
        if left is not None:
            piece = piece[:left]
            left -= len(piece)
        if piece:
            yield piece
        if left == 0:
            return
    if left or skip:
        raise IntegrityError("the server sent less of the file than it announced")
