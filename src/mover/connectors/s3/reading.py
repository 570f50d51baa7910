"""Reading an object, whole or in part, without taking a stream that ends early for the end of the file."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

import msgspec

from mover.connectors.keys import Place
from mover.connectors.ranges import check_range, spell_range
from mover.connectors.s3.api import S3Api
from mover.connectors.s3.calls import SERVICE
from mover.connectors.s3.faults import Fault
from mover.connectors.s3.objects import ObjectFacts, facts_from
from mover.entries import HashName
from mover.errors import Changed, IntegrityError
from mover.hashing import MultiHasher

_CHEAP = (
    HashName.CRC64NVME,
    HashName.CRC32C,
    HashName.CRC32,
)  # some 10 GB/s; the others cost as much as the transport
_PRECONDITION_FAILED = 412
_RANGE_NOT_SATISFIABLE = 416


async def read_object(
    api: S3Api,
    place: Place,
    path: str,
    *,
    offset: int,
    length: int | None,
    version: str | None,
    seen: Callable[[ObjectFacts], None],
) -> AsyncGenerator[bytes, None]:
    """Yield bytes of an object; as `Connector.read`. `seen` is told what the answer says about the object."""
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
            if answer.status == _RANGE_NOT_SATISFIABLE and length is None:
                return  # nothing stands after the offset
            raise _refusal(answer, api, path)
        facts = facts_from(answer.headers)
        seen(facts if whole else msgspec.structs.replace(facts, size=None))
        if version is not None and facts.etag not in {None, version}:
            raise Changed("the object is no longer what it was", service=SERVICE, operation="read", path=path)
        expected = facts.size if length is None else length
        if not whole:
            check_range(answer, offset, expected, to_the_end=length is None, service=SERVICE, path=path)
        checksum = next((name for name in _CHEAP if whole and name in facts.checksums), None)
        hasher = MultiHasher([checksum] if checksum else [])
        async for piece in answer.chunks():
            hasher.update(piece)
            yield piece
        if expected is not None and hasher.size != expected:
            raise _damaged(f"{hasher.size} bytes came instead of {expected}", path)
        if checksum and hasher.hexdigests()[checksum] != facts.checksums[checksum]:
            raise _damaged(f"the bytes do not have the {checksum} that the service announced", path)


def _refusal(fault: Fault, api: S3Api, path: str) -> Exception:
    if fault.status == _PRECONDITION_FAILED:
        return Changed("the object is no longer what it was", service=SERVICE, operation="read", path=path)
    if fault.status == _RANGE_NOT_SATISFIABLE:
        return _damaged("the object is shorter than expected", path)
    return fault.error(service=SERVICE, operation="read", path=path, now=api.caller.now)


def _damaged(message: str, path: str) -> IntegrityError:
    return IntegrityError(message, service=SERVICE, operation="read", path=path)
