"""Reading a file, a range of it, or an earlier version."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from mover.connectors.egnyte.api import EgnyteApi
from mover.connectors.egnyte.faults import SERVICE
from mover.connectors.ranges import check_range
from mover.entries import EntryRef
from mover.errors import Changed, IntegrityError, NotFound

_NOT_SATISFIABLE = 416


async def read_file(
    api: EgnyteApi, file: EntryRef, *, offset: int, length: int | None, version: str | None
) -> AsyncGenerator[bytes, None]:
    """Yield bytes of a file; one call. The service gives out just the version that is asked for, also when a newer one came.

    Raises Changed if it no longer has that version.
    """
    if length == 0:
        return
    ranged = bool(offset) or length is not None
    last = "" if length is None else str(offset + length - 1)
    headers = {"Range": f"bytes={offset}-{last}"} if ranged else {}
    try:
        async with api.content(file, version, headers) as answer:
            if answer.status == _NOT_SATISFIABLE:
                if length is not None:
                    raise _short(file)
                await _check_at_end(api, file, offset)
                return
            if ranged:
                check_range(
                    answer, offset, length, to_the_end=length is None, service=SERVICE, path=file.path
                )
            left = answer.size if length is None else length
            async for piece in answer.chunks():
                if left is not None:
                    left -= len(piece)
                    if left < 0:
                        raise _short(file)
                yield piece
            if left:
                raise _short(file)
    except NotFound as error:
        if version is None:
            raise
        await api.describe(file, operation="read")  # raises NotFound if it is the file that is gone
        raise Changed("the service no longer keeps this version of the file", path=file.path) from error


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
