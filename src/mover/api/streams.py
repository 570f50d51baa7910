"""Downloads that are written while they are read: memory does not grow with what is downloaded."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing

from starlette.responses import StreamingResponse

_PIECE = 64 << 10
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


async def csv_download(lines: AsyncIterator[str], name: str) -> StreamingResponse:
    """A download of CSV. The first lines are read before the answer begins, so that a refusal is a problem."""
    return await _download(_encoded(lines), "text/csv; charset=utf-8", f"{name}.csv")


async def jsonl_download(lines: AsyncIterator[str] | AsyncIterator[bytes], name: str) -> StreamingResponse:
    """Likewise of lines of JSON."""
    return await _download(_encoded(lines), "application/jsonl", f"{name}.jsonl")


async def zip_download(content: AsyncIterator[bytes], name: str) -> StreamingResponse:
    """Likewise of an archive."""
    return await _download(_encoded(content), "application/zip", f"{name}.zip")


async def _download(
    content: AsyncGenerator[bytes, None], media_type: str, file_name: str
) -> StreamingResponse:
    first = await anext(content, b"")

    async def all_of_it() -> AsyncIterator[bytes]:
        async with aclosing(content):  # also when the client has gone
            yield first
            async for piece in content:
                yield piece

    # The name is Mover's own words and ids; whatever else came into it must not end the header's quotes.
    safe = _UNSAFE.sub("-", file_name)
    return StreamingResponse(
        all_of_it(), media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{safe}"'}
    )


async def _encoded(lines: AsyncIterator[str] | AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Gather lines to pieces that are worth a write."""
    gathered = bytearray()
    async with AsyncExitStack() as stack:
        if isinstance(lines, AsyncGenerator):
            await stack.enter_async_context(aclosing(lines))
        async for line in lines:
            gathered += line if isinstance(line, bytes) else line.encode()
            if len(gathered) >= _PIECE:
                yield bytes(gathered)
                gathered.clear()
    if gathered:
        yield bytes(gathered)
