"""Reading files, revisions and exports, without taking a stream that ends early for the end of the file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from mover.connectors.dropbox.answers import Exported, Metadata
from mover.connectors.dropbox.api import FilesApi
from mover.connectors.dropbox.calls import Purpose
from mover.connectors.dropbox.faults import RANGE_NOT_SATISFIABLE, Fault
from mover.connectors.ranges import check_range, spell_range
from mover.errors import Changed, IntegrityError, MoverError, Unsupported
from mover.hashing.blocks import DropboxHash

_INLINE = 64 * 1024  # hashing less on the event loop costs less than a hop to a thread


async def read_file(
    api: FilesApi, purpose: Purpose, path: str, *, offset: int, length: int | None, version: str | None
) -> AsyncGenerator[bytes, None]:
    """Yield bytes of a file; as `Connector.read`. A whole file is compared with its content hash.

    Raises Changed if the file is no longer `version`.
    """
    if length == 0:
        return
    whole = offset == 0 and length is None
    byte_range = spell_range(offset, length)
    async with api.download(purpose, path, byte_range) as answer:
        if isinstance(answer, Fault):
            if answer.status == RANGE_NOT_SATISFIABLE and length is None:
                return  # nothing stands after the offset
            raise _refusal(api, purpose, answer)
        found = api.caller.result(purpose, answer, Metadata)
        if version is not None and found.rev != version:
            raise Changed("the file is no longer what it was")
        expected = found.size if whole else length
        if not whole:
            check_range(
                answer,
                offset,
                expected,
                to_the_end=length is None,
                service=api.caller.service,
                path=purpose.path,
            )
            if length is None and found.size is not None:
                expected = found.size - offset
        received = 0
        hasher = DropboxHash() if whole and found.content_hash is not None else None
        async for piece in answer.chunks():
            received += len(piece)
            if hasher is not None:
                await _hash(hasher, piece)
            yield piece
        if expected is not None and received != expected:
            raise IntegrityError(f"{received} bytes came instead of {expected}")
        if hasher is not None and hasher.hexdigest() != found.content_hash:
            raise IntegrityError("the bytes do not have the content hash that Dropbox announced")


async def _hash(hasher: DropboxHash, piece: bytes) -> None:
    if len(piece) > _INLINE:
        await asyncio.to_thread(hasher.update, piece)
    else:
        hasher.update(piece)


def _refusal(api: FilesApi, purpose: Purpose, fault: Fault) -> MoverError:
    if fault.status == RANGE_NOT_SATISFIABLE:
        return IntegrityError("the file is shorter than expected")
    return api.caller.error(purpose, fault)


async def read_export(
    api: FilesApi,
    purpose: Purpose,
    path: str,
    form: str,
    *,
    offset: int,
    length: int | None,
    version: str | None,
) -> AsyncGenerator[bytes, None]:
    """Yield the export of a document, in the form that its id tells; an empty one: it has none.

    Exports have no ranges: what stands before `offset` is read and dropped. A whole one is compared with its hash.
    """
    if not form:
        raise Unsupported("Dropbox keeps this document for another program, and does not export it")
    async with api.export(purpose, path, form) as answer:
        if isinstance(answer, Fault):
            raise api.caller.error(purpose, answer)
        found = api.caller.result(purpose, answer, Exported)
        if version is not None and found.file_metadata.rev != version:
            raise Changed("the document is no longer what it was")
        hasher = DropboxHash()
        received = 0
        left = length
        async for piece in answer.chunks():
            await _hash(hasher, piece)
            wanted = piece[max(0, offset - received) :]
            received += len(piece)
            if left is not None:
                wanted = wanted[:left]
                left -= len(wanted)
            if wanted:
                yield wanted
            if left == 0:
                return
        if received != found.export_metadata.size:
            raise IntegrityError(f"{received} bytes came instead of {found.export_metadata.size}")
        announced = found.export_metadata.export_hash
        if announced is not None and hasher.hexdigest() != announced:
            raise IntegrityError("the bytes do not have the hash that Dropbox announced")
