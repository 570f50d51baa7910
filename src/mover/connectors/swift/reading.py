"""Reading an object, whole or in part, without taking a stream that ends early for the end of the file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

import msgspec

from mover.connectors.keys import Place
from mover.connectors.ranges import check_range, spell_range
from mover.connectors.swift.api import SwiftApi
from mover.connectors.swift.faults import (
    CONFLICT,
    PRECONDITION_FAILED,
    RANGE_NOT_SATISFIABLE,
    SERVICE,
    Fault,
)
from mover.connectors.swift.objects import ObjectFacts, facts_from
from mover.entries import HashName
from mover.errors import Changed, IntegrityError, NotFound
from mover.hashing import MultiHasher

_INLINE = 64 * 1024  # hashing less on the event loop costs less than a hop to a thread


async def read_object(
    api: SwiftApi,
    place: Place,
    path: str,
    *,
    offset: int,
    length: int | None,
    version: str | None,
    seen: Callable[[ObjectFacts], None],
) -> AsyncGenerator[bytes, None]:
    """Yield bytes of an object; as `Connector.read`. `seen` is told what the answer says about the object.

    A whole object is compared with its ETag where that is the MD5 of the bytes; Swift itself compares the segments of
    large ones while it sends them, and breaks off where one is not what the manifest says.
    """
    if length == 0:
        return
    whole = offset == 0 and length is None
    byte_range = spell_range(offset, length)
    assert place.bucket is not None
    exchange = api.get_object(
        place.bucket, place.key, byte_range=byte_range, etag=version, operation="read", path=path
    )
    async with exchange as answer:
        if isinstance(answer, Fault):
            if answer.status == RANGE_NOT_SATISFIABLE and length is None:
                return  # nothing stands after the offset
            raise _refusal(answer, api, path)
        facts = facts_from(answer.headers)
        if facts.is_directory:
            raise NotFound("this is a folder", service=SERVICE, operation="read", path=path)
        seen(facts if whole else msgspec.structs.replace(facts, size=None))
        if version is not None and facts.etag not in {None, version}:
            raise Changed("the object is no longer what it was", service=SERVICE, operation="read", path=path)
        expected = facts.size if length is None else length
        if not whole:
            check_range(answer, offset, expected, to_the_end=length is None, service=SERVICE, path=path)
        checked = whole and HashName.MD5 in facts.hashes
        hasher = MultiHasher([HashName.MD5] if checked else [])
        async for piece in answer.chunks():
            if checked and len(piece) > _INLINE:
                await asyncio.to_thread(hasher.update, piece)
            else:
                hasher.update(piece)
            yield piece
        if expected is not None and hasher.size != expected:
            raise _damaged(f"{hasher.size} bytes came instead of {expected}", path)
        if checked and hasher.hexdigests()[HashName.MD5] != facts.hashes[HashName.MD5]:
            raise _damaged("the bytes do not have the MD5 that the service announced", path)


def _refusal(fault: Fault, api: SwiftApi, path: str) -> Exception:
    match fault.status:
        case status if status == PRECONDITION_FAILED:
            return Changed(
                "the object is no longer what it was", service=SERVICE, operation="read", path=path
            )
        case status if status == RANGE_NOT_SATISFIABLE:
            return _damaged("the object is shorter than expected", path)
        case status if status == CONFLICT:
            return _damaged("a segment of the large object is missing, or not what its manifest says", path)
        case _:
            return fault.error(operation="read", path=path, now=api.caller.now)


def _damaged(message: str, path: str) -> IntegrityError:
    return IntegrityError(message, service=SERVICE, operation="read", path=path)
