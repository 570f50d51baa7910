"""Reading: the content is asked for at Box, and fetched from the address that it names, without the token."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from mover.connectors.box.addresses import FILE, its_own
from mover.connectors.box.api import BoxApi, Doing, content_url
from mover.connectors.box.faults import ACCEPTED, fault_in
from mover.connectors.box.spots import Spot, doing_at
from mover.connectors.ranges import check_range, exactly, range_header
from mover.errors import Changed, IntegrityError, MoverError, NotFound, ProtocolViolation, ServiceFault
from mover.transport.http import HttpResponse
from mover.transport.status import error_from_status, parse_retry_after

_FOUND = 302
_OK = 200
_NOT_SATISFIABLE = 416
_LINK_IS_GONE = frozenset({403, 404, 410})


async def read_file(
    api: BoxApi, spot: Spot, path: str, *, version: str | None, offset: int, length: int | None
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a file from an offset. Two calls.

    Args:
        api: The calls.
        spot: The file.
        path: For errors.
        version: Box's id of the version; None: the current one. Box hands out that version or none.
        offset: In bytes.
        length: In bytes; None: to the end.

    Raises as `Connector.read`; Changed if the version is gone.
    """
    doing = doing_at(spot, "read", path)
    if spot.kind != FILE:
        raise NotFound("this is no file", service=api.service, operation="read", path=path)
    link = await _link(api, spot, version, doing)
    if length == 0:
        return
    headers = range_header(offset, length)
    request = api.session.unsigned.request("GET", link, headers=headers, operation="read", path=path)
    async with request as answer:
        if answer.status == _NOT_SATISFIABLE:
            _check_at_end(answer, offset, length)
            return
        _check(answer, api.service, path, offset, length, is_range=bool(headers))
        left = length if length is not None else answer.size
        async with aclosing(exactly(answer, left, service=api.service, path=path)) as pieces:
            async for piece in pieces:
                yield piece


def _check(
    answer: HttpResponse, service: str, path: str, offset: int, length: int | None, *, is_range: bool
) -> None:
    if answer.status in _LINK_IS_GONE:
        raise ServiceFault("the link to the content was no longer good")
    if answer.status >= 300:  # noqa: PLR2004 - HTTP statuses are best known as numbers
        raise error_from_status(
            answer.status, headers=answer.headers, service=service, operation="read", path=path
        )
    if is_range:
        check_range(answer, offset, length, to_the_end=length is None, service=service, path=path)
    elif answer.status != _OK:
        raise ProtocolViolation(f"the service answers a read with HTTP {answer.status}")


async def _link(api: BoxApi, spot: Spot, version: str | None, doing: Doing) -> str:
    """Ask for a file's content; returns the address that it can be had from for some minutes."""
    async with api.request("GET", content_url(spot.id, version), doing) as answer:
        if answer.status == _FOUND:
            return its_own(answer.headers.get("Location", ""))
        if answer.status == ACCEPTED:
            raise ServiceFault(
                "the file has just been uploaded and is not ready to be read yet",
                retry_after_s=parse_retry_after(answer.headers.get("Retry-After"), now=api.now),
            )
        if (fault := await fault_in(answer)) is None:
            raise ProtocolViolation(f"the service answers a read with HTTP {answer.status}")
    error: MoverError = await api.refusal(fault, doing)
    if isinstance(error, NotFound) and version is not None:
        await api.item(FILE, spot.id, doing, fields="id")  # NotFound if it is the file that is gone
        raise Changed("the file is no longer the version that was listed")
    raise error


def _check_at_end(answer: HttpResponse, offset: int, length: int | None) -> None:
    if length is not None or answer.headers.get("Content-Range", "") != f"bytes */{offset}":
        raise IntegrityError("the file is shorter than it was")
