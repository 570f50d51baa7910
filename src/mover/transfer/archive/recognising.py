"""Whether what stands at the destination is the archive that was sent, though its answer was lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from mover.archives.records import ZIP, Limits, Member
from mover.entries import HashName
from mover.hashing import hash_chunks
from mover.ledger.archived import Archive, ReadMember
from mover.ledger.archives import ArchiveLedger
from mover.transfer.archive.directory import directory
from mover.transfer.archive.planning import member_of
from mover.transfer.splitting import Splitter


async def is_the_archive(
    ledger: ArchiveLedger, archive: Archive, chunks: AsyncIterator[bytes], limits: Limits = ZIP
) -> bool:
    """Compare a file with what the ledger knows of the archive: every sum, every name, every byte around them.

    Closing `chunks` is the caller's part. Raises what reading them raises.
    """
    stream = Splitter(chunks)
    async with aclosing(ledger.each_member(archive.number)) as found:
        async for placed in found:
            if placed.read is None:
                return False
            member = member_of(placed, limits)
            if placed.read.reason is not None:
                await _taken(stream, member.slot_size, kept=False)
            elif not await _is_the_member(stream, member, placed.read):
                return False
    at = archive.content_size
    async with aclosing(directory(ledger, archive, limits)) as pieces:
        async for position, piece in pieces:
            await _taken(stream, position - at, kept=False)
            at = position + len(piece)
            if await _taken(stream, len(piece)) != piece:
                return False
    return await stream.at_end()


async def _is_the_member(stream: Splitter, member: Member, read: ReadMember) -> bool:
    """Compare what comes next, up to where the next member begins."""
    assert read.size is not None
    assert read.crc32 is not None
    header = member.header(read.size, read.crc32, read.modified_ns)
    if await _taken(stream, len(header)) != header:
        return False
    hashes, size = await hash_chunks(stream.next(read.size), [HashName.CRC32, HashName.SHA256])
    name, _, digest = (read.content_hash or "").partition(":")
    if size != read.size or int(hashes[HashName.CRC32], 16) != read.crc32:
        return False
    if name == HashName.SHA256 and hashes[HashName.SHA256] != digest:
        return False
    descriptor = member.descriptor(read.size, read.crc32)
    if await _taken(stream, len(descriptor)) != descriptor:
        return False
    await _taken(stream, member.slot_size - len(header) - read.size - len(descriptor), kept=False)
    return True


async def _taken(stream: Splitter, size: int, *, kept: bool = True) -> bytes:
    """The next so many bytes, or fewer at the end; nothing where they are not to be `kept`."""
    found = bytearray()
    async for piece in stream.next(size):
        if kept:
            found += piece
    return bytes(found)
