"""Reading: one call that describes the file and names where its bytes are, one that gets them, without the token.

That is what following the redirection of `/content` would cost, and it tells whether the file is still the one that was
listed, and whether the service holds it for malicious. The first call is saved where a listing has just told all of that
of a small file: its hash then tells whether it is still the same.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from urllib.parse import urljoin

from mover.connectors.microsoft.addressing import Address
from mover.connectors.microsoft.api import GraphApi
from mover.connectors.microsoft.calls import Caller
from mover.connectors.microsoft.links import https_link
from mover.connectors.microsoft.model import Item
from mover.connectors.microsoft.told_links import ToldLink
from mover.connectors.ranges import check_range, exactly, range_header
from mover.entries import HashName
from mover.errors import (
    Changed,
    IntegrityError,
    MalwareFlagged,
    NotFound,
    ProtocolViolation,
    ServiceFault,
    Unsupported,
)
from mover.hashing import MultiHasher
from mover.transport.http import HttpResponse

_OPERATION = "read"
_MOST_REDIRECTIONS = 3
_REDIRECTIONS = frozenset({301, 302, 303, 307, 308})
_EXPIRED = frozenset({401, 403})


class _LinkExpiredError(ServiceFault):
    """What an address carries is no right any more."""


async def read_file(
    api: GraphApi,
    address: Address,
    path: str,
    *,
    offset: int,
    length: int | None,
    version: str | None,
    told: ToldLink | None = None,
) -> AsyncGenerator[bytes, None]:
    """Do what `Connector.read` promises; `told` is where a listing said that the whole content is."""
    if told is not None:
        try:
            async with aclosing(_as_told(api.caller, told, path)) as pieces:
                async for piece in pieces:
                    yield piece
        except _LinkExpiredError:
            pass  # nothing of it was read
        else:
            return
    item = await api.item(address, with_link=True, operation=_OPERATION, path=path)
    _check(item, path, version)
    size = item.size
    if size is not None and offset + (length or 0) > size:
        raise IntegrityError("the file is shorter than it was", operation=_OPERATION, path=path)
    if length == 0 or size == 0 or (size == offset and length is None):
        return
    if item.download_url is not None:
        url = https_link(item.download_url)
    else:
        url = await content_link(api.caller, address.url("content"), path)
    async for piece in read_link(api.caller, url, path, offset=offset, length=length):
        yield piece


async def _as_told(caller: Caller, told: ToldLink, path: str) -> AsyncGenerator[bytes, None]:
    """Yield a whole content by its address in a listing. Raises Changed if it is another one by now."""
    hasher = MultiHasher([HashName.QUICKXOR])
    async with aclosing(read_link(caller, https_link(told.url.reveal()), path)) as pieces:
        async for piece in pieces:
            hasher.update(piece)
            if hasher.size > told.size:
                break
            yield piece
    if (hasher.size, hasher.hexdigests()[HashName.QUICKXOR]) != (told.size, told.quickxor):
        raise Changed("the file is no longer the version that was listed", operation=_OPERATION, path=path)


async def content_link(caller: Caller, url: str, path: str) -> str:
    """Ask where a content is. Raises what the refusal means."""
    async with caller.signed("GET", url, operation=_OPERATION, path=path) as answer:
        if answer.status not in _REDIRECTIONS:
            if answer.status < 300:  # noqa: PLR2004 - HTTP statuses are best known as numbers
                raise ProtocolViolation(
                    "the service does not tell where the content is", operation=_OPERATION, path=path
                )
            raise await caller.refusal(answer, operation=_OPERATION, path=path)
        return https_link(answer.headers.get("Location", ""))


async def read_link(
    caller: Caller, url: str, path: str, *, offset: int = 0, length: int | None = None
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes behind an address that carries its own right."""
    async with _opened(caller, url, path, offset=offset, length=length) as answer:
        if answer.status == 206:  # noqa: PLR2004 - as above
            check_range(answer, offset, length, to_the_end=length is None, service=caller.service, path=path)
            left = length if length is not None else answer.size
        elif offset == 0 and length is None:
            left = answer.size
        else:  # "the Range header may be ignored and an HTTP 200 response would be returned"
            raise ServiceFault("the service ignored the range", operation=_OPERATION, path=path)
        async with aclosing(exactly(answer, left, service=caller.service, path=path)) as pieces:
            async for piece in pieces:
                yield piece


@asynccontextmanager
async def _opened(
    caller: Caller, url: str, path: str, *, offset: int, length: int | None
) -> AsyncIterator[HttpResponse]:
    headers = range_header(offset, length)
    for _ in range(_MOST_REDIRECTIONS):
        async with caller.unsigned("GET", url, headers=headers, operation=_OPERATION, path=path) as answer:
            if answer.status in {200, 206}:
                yield answer
                return
            if answer.status in _REDIRECTIONS:
                url = https_link(urljoin(url, answer.headers.get("Location", "")))
                continue
            error = await caller.refusal(answer, operation=_OPERATION, path=path)
            if answer.status in _EXPIRED and not isinstance(error, MalwareFlagged):
                raise _LinkExpiredError(
                    "the link to the content has expired", operation=_OPERATION, path=path, said=error.said
                )
            if answer.status == 416:  # noqa: PLR2004 - as above
                raise IntegrityError("the file is shorter than it was", operation=_OPERATION, path=path)
            raise error
    raise ProtocolViolation("too many redirections", operation=_OPERATION, path=path)


def _check(item: Item, path: str, version: str | None) -> None:
    if item.malware is not None:
        raise MalwareFlagged("the service considers the file malicious", operation=_OPERATION, path=path)
    if item.package is not None:
        raise Unsupported(
            "the service gives out no content of this document (a OneNote notebook, say)",
            operation=_OPERATION,
            path=path,
        )
    if item.remote_item is not None:
        raise Unsupported(
            "it is somebody else's entry, shown here as a shortcut", operation=_OPERATION, path=path
        )
    if item.file is None:
        raise NotFound("it is no file", operation=_OPERATION, path=path)
    if version is not None and version not in {item.c_tag, item.e_tag}:
        raise Changed("the file is no longer the version that was listed", operation=_OPERATION, path=path)
