"""The directory of an archive, as the ledger has it when all members were read: for what writes it, and what recognises it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from mover.archives.records import Limits, Member, end
from mover.ledger.archived import Archive, ReadMember
from mover.ledger.archives import ArchiveLedger
from mover.transfer.archive.planning import member_of

Archived = tuple[int, Member, ReadMember]
"""A member that stands in the directory: where its header is, how it was planned, and what was read of it."""


async def directory(
    ledger: ArchiveLedger, archive: Archive, limits: Limits
) -> AsyncGenerator[tuple[int, bytes], None]:
    """Yield its records and what stands behind them, each with its place in bytes. It ends where it was planned to end."""
    size = members = 0
    async with aclosing(_archived(ledger, archive, limits)) as found:
        async for position, member, _ in found:
            size += member.record_size(position)
            members += 1
    begins = at = archive.content_size + archive.directory_size - size
    async with aclosing(_archived(ledger, archive, limits)) as found:
        async for position, member, read in found:
            assert read.size is not None
            assert read.crc32 is not None
            record = member.record(read.size, read.crc32, position, read.modified_ns)
            yield at, record
            at += len(record)
    planned = (archive.members, archive.content_size + archive.directory_size)
    yield at, end(planned, members=members, position=begins, size=size, limits=limits)


async def _archived(
    ledger: ArchiveLedger, archive: Archive, limits: Limits
) -> AsyncGenerator[Archived, None]:
    async with aclosing(ledger.each_member(archive.number)) as found:
        async for placed in found:
            assert placed.read is not None
            if placed.read.reason is None:
                yield placed.position, member_of(placed, limits), placed.read
