"""Asking for a range of bytes, and whether an answer holds just that (RFC 9110, section 14)."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator

from mover.errors import IntegrityError, ProtocolViolation
from mover.transport.http import HttpResponse

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_PARTIAL = 206


def spell_range(offset: int, length: int | None) -> str | None:
    """The value of `Range` for `length` bytes (None: all) from `offset` on; None where that is the whole file."""
    if offset == 0 and length is None:
        return None
    return f"bytes={offset}-" if length is None else f"bytes={offset}-{offset + length - 1}"


def range_header(offset: int, length: int | None) -> dict[str, str]:
    """The header that asks for a range; none for the whole file."""
    asked = spell_range(offset, length)
    return {} if asked is None else {"Range": asked}


async def exactly(
    answer: HttpResponse, expected: int | None, *, service: str, path: str
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of an answer, neither more nor fewer than are expected; None: however many come.

    Raises:
        ProtocolViolation: There are more.
        IntegrityError: There are fewer.
    """
    left = expected
    async for piece in answer.chunks():
        if left is not None:
            left -= len(piece)
            if left < 0:
                raise ProtocolViolation(
                    "the service sends more bytes than it announced",
                    service=service,
                    operation="read",
                    path=path,
                )
        yield piece
    if left:
        raise IntegrityError(
            "the service sent fewer bytes than it announced", service=service, operation="read", path=path
        )


def check_range(
    answer: HttpResponse, offset: int, expected: int | None, *, to_the_end: bool, service: str, path: str
) -> None:
    """Compare what an answer says with what was asked for; sizes in bytes.

    Args:
        answer: To a request with a range.
        offset: Where the range begins.
        expected: Bytes in it, as far as they are known.
        to_the_end: It was to reach the end of the object.
        service: Whose answer it is, for errors.
        path: Of the object, for errors.

    Raises:
        ProtocolViolation: It is another range.
        IntegrityError: It ends too early.
    """
    found = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
    if answer.status != _PARTIAL or found is None or int(found[1]) != offset:
        raise ProtocolViolation(
            "the service answered another range than was asked for",
            service=service,
            operation="read",
            path=path,
        )
    size = int(found[2]) - offset + 1
    if expected is not None and size != expected:
        raise IntegrityError(
            f"the object has only {size} of the {expected} bytes that were asked for",
            service=service,
            operation="read",
            path=path,
        )
    if to_the_end and found[3] != "*" and offset + size != int(found[3]):
        raise IntegrityError(
            "the service sends less than the rest of the object", service=service, operation="read", path=path
        )
