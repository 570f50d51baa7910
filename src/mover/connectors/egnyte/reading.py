"""Reading a file, a range of it, or an earlier version."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from mover.connectors.egnyte.api import EgnyteApi
from mover.connectors.egnyte.faults import SERVICE
from mover.connectors.ranges import check_range, range_header
from mover.entries import EntryRef
from mover.errors import Changed, IntegrityError

_NOT_SATISFIABLE = 416


async def read_file(
    api: EgnyteApi,
    file: EntryRef,
    *,
    offset: int,
    length: int | None,
    version: str | None = None,
    earlier: str | None = None,
) -> AsyncGenerator[bytes, None]:
    """Yield bytes of a file; one call.

    Args:
        api: Of the domain.
        file: Which.
        offset: Where to begin.
        length: How many; None: to the end.
        version: The answer tells which version it is of; Changed is raised for another one.
        earlier: Read just this version, be it the current one or not.
    """
    if length == 0:
        return
    headers = range_header(offset, length)
    async with api.content(file, earlier, headers) as answer:
        if answer.status == _NOT_SATISFIABLE:
            if length is not None or earlier is not None:
                raise _short(file)
            await _check_at_end(api, file, offset)
            return
        if version is not None and (answer.headers.get("ETag") or "").strip('"') != version:
            raise Changed(
                "the file is no longer the version that was listed",
                service=SERVICE,
                operation="read",
                path=file.path,
            )
        if headers:
            check_range(answer, offset, length, to_the_end=length is None, service=SERVICE, path=file.path)
        left = answer.size if length is None else length
        async for piece in answer.chunks():
            if left is not None:
                left -= len(piece)
                if left < 0:
                    raise _short(file)
            yield piece
        if left:
            raise _short(file)


async def _check_at_end(api: EgnyteApi, file: EntryRef, offset: int) -> None:
    if (await api.describe(file, operation="read")).size != offset:
        raise _short(file)


def _short(file: EntryRef) -> IntegrityError:
    return IntegrityError(
        "the service sent another number of bytes than was asked for",
        service=SERVICE,
        operation="read",
        path=file.path,
    )
