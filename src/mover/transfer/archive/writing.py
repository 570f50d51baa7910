"""The bytes of an archive from any offset on: the same in each attempt, as far as they were sent."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

from mover.archives.records import ZIP, Limits, Member
from mover.entries import EntryKind
from mover.errors import Changed, MoverError
from mover.ledger.archived import Archive, Mark, PlacedMember, ReadMember
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Item
from mover.transfer.archive.directory import directory
from mover.transfer.archive.members import MemberReader, SmallFile
from mover.transfer.archive.planning import member_of

_PIECE = 1 << 20
MARKED = 16 << 20  # bytes of a large file between two marks
_IN_A_THREAD = 64 << 10

Placed = tuple[int, bytes]  # bytes, and where they stand in the archive
Step = Placed | ReadMember | Mark | None  # None: keep what was read, it is about to be asked for


class ArchiveWriter:
    """Writes one archive.

    What was read of a member is kept in the ledger before the bytes behind it are handed on: so whatever has been sent,
    the ledger knows it.

    Args:
        ledger: Of the run.
        archive: Which.
        reader: Of its members.
        limits: From where on it needs zip64.
        marked: Bytes of a large file between two marks.
    """

    def __init__(
        self,
        ledger: RunLedger,
        archive: Archive,
        reader: MemberReader,
        *,
        limits: Limits = ZIP,
        marked: int = MARKED,
    ) -> None:
        self._ledger = ledger.archives
        self._archive = archive
        self._reader = reader
        self._limits = limits
        self._marked = marked

    async def stream(self, offset: int) -> AsyncGenerator[bytes, None]:
        """Yield the archive from an offset on. Raises what ends the run; files that fail are noted and left out."""
        read: list[ReadMember] = []
        marks: list[Mark] = []
        waiting = bytearray()
        at = offset
        async with aclosing(self._steps(offset)) as steps:
            async for step in steps:
                match step:
                    case ReadMember():
                        read.append(step)
                    case Mark():
                        marks.append(step)
                    case (position, content):
                        assert position <= at
                        content = content[max(0, at - position) :]
                        at += len(content)
                        waiting += content
                if step is None or len(waiting) >= _PIECE:
                    await self._ledger.keep(read, marks)
                    read, marks = [], []
                if len(waiting) >= _PIECE:
                    for start in range(0, len(waiting), _PIECE):
                        yield bytes(waiting[start : start + _PIECE])
                    waiting.clear()
        await self._ledger.keep(read, marks)
        if waiting:
            yield bytes(waiting)

    async def _steps(self, offset: int) -> AsyncGenerator[Step, None]:
        first = await self._ledger.begin_at(self._archive.number, offset)
        async with aclosing(self._reader.in_order(self._archive.number, after=first - 1)) as members:
            async for placed, small in members:
                member = member_of(placed, self._limits)
                if placed.position + member.slot_size <= offset:
                    if small is not None:
                        await small  # it is in nobody's hands then
                    continue
                if member.described:
                    steps = self._large(placed, member, offset)
                else:
                    steps = self._small(placed, member, await small if small is not None else SmallFile())
                async with aclosing(steps):
                    async for step in steps:
                        yield step
        yield None
        async with aclosing(self._directory(offset)) as pieces:
            async for placed_piece in pieces:
                yield placed_piece

    async def _small(
        self, placed: PlacedMember, member: Member, file: SmallFile
    ) -> AsyncGenerator[Step, None]:
        before, item = placed.read, placed.item
        read = before
        if file.error is not None:
            read = _left_out(placed, file.error)
        elif before is None or before.reason is None:
            crc32 = zlib.crc32(file.content)
            is_folder = item.entry.kind is EntryKind.FOLDER
            digest = None if is_folder else f"sha256:{hashlib.sha256(file.content).hexdigest()}"
            modified_ns = item.entry.modified_ns if is_folder else file.modified_ns
            if before is not None and (before.size, before.content_hash) != (len(file.content), digest):
                read = _changed(placed)
            elif before is None:
                read = ReadMember(
                    item_id=item.id,
                    size=len(file.content),
                    crc32=crc32,
                    content_hash=digest,
                    modified_ns=modified_ns,
                )
        assert read is not None
        if read is not before:
            yield read
        at = placed.position
        if read.reason is None:
            assert read.size is not None
            assert read.crc32 is not None
            yield at, member.header(read.size, read.crc32, read.modified_ns) + file.content
            at += member.header_size + read.size
        async for zeros in _zeros(at, placed.position + member.slot_size):
            yield zeros

    async def _large(self, placed: PlacedMember, member: Member, offset: int) -> AsyncGenerator[Step, None]:
        read = placed.read
        data, end_at = placed.position + member.header_size, placed.position + member.slot_size
        reached = placed.position
        if read is None and offset > data and placed.item.entry.size is None:
            read = _changed(placed)  # exported anew, it would be other bytes than those that were sent
            yield read
        elif read is None or (read.reason is None and offset < data + (read.size or 0)):
            async with aclosing(self._content(placed, member, max(0, offset - data))) as steps:
                async for step in steps:
                    if isinstance(step, ReadMember):
                        read = step
                    elif isinstance(step, tuple):
                        reached = step[0] + len(step[1])
                    if step is not placed.read:
                        yield step
        assert read is not None
        if read.reason is None:
            assert read.size is not None
            assert read.crc32 is not None
            reached = data + read.size
            descriptor = member.descriptor(read.size, read.crc32)
            yield reached, descriptor
            reached += len(descriptor)
        async for zeros in _zeros(max(reached, min(offset, end_at)), end_at):
            yield zeros

    async def _content(self, placed: PlacedMember, member: Member, sent: int) -> AsyncGenerator[Step, None]:
        """Header and content of a large file of which so many bytes were sent; at last what was read of it."""
        before, item = placed.read, placed.item
        data = placed.position + member.header_size
        at, crc32 = await self._begun(item, sent)
        sha256 = hashlib.sha256() if at == 0 else None
        modified_ns = before.modified_ns if before is not None else await self._reader.learn_time(item)
        yield placed.position, member.header(0, 0, modified_ns)
        marked = at
        pieces = self._reader.content(item, at, [item.entry], room=placed.room, sent=sent > 0)
        try:
            async with aclosing(pieces) as opened:
                async for piece in opened:
                    crc32 = await _summed(piece, crc32, sha256)
                    yield data + at, piece
                    at += len(piece)
                    if at - marked >= self._marked:
                        marked = at
                        yield Mark(item.id, at, crc32)
        except MoverError as error:
            if self._reader.ends_the_run(error):
                raise
            yield _left_out(placed, error)
            return
        digest = f"sha256:{sha256.hexdigest()}" if sha256 is not None else f"crc32:{crc32:08x}"
        if before is None:
            yield ReadMember(
                item_id=item.id, size=at, crc32=crc32, content_hash=digest, modified_ns=modified_ns
            )
        else:
            yield before if (before.size, before.crc32) == (at, crc32) else _changed(placed)

    async def _begun(self, item: Item, wanted: int) -> tuple[int, int]:
        """Where to begin to read a large file of which so many bytes were sent, and the sum of what stands before."""
        if not wanted or not self._reader.ranges or item.entry.size is None:
            return 0, 0
        mark = await self._ledger.mark_before(item.id, wanted)
        return (mark.bytes_read, mark.crc32) if mark is not None else (0, 0)

    async def _directory(self, offset: int) -> AsyncGenerator[Placed, None]:
        archive = self._archive
        at = max(archive.content_size, offset)
        async with aclosing(directory(self._ledger, archive, self._limits)) as pieces:
            async for position, piece in pieces:
                async for zeros in _zeros(
                    at, position
                ):  # in front of the first record, if something was left out
                    yield zeros
                at = position + len(piece)
                if at > offset:
                    yield position, piece


async def _summed(piece: bytes, crc32: int, sha256: hashlib._Hash | None) -> int:
    """Add a piece to the sums. Returns the CRC."""

    def work() -> int:
        if sha256 is not None:
            sha256.update(piece)
        return zlib.crc32(piece, crc32)

    return await asyncio.to_thread(work) if len(piece) >= _IN_A_THREAD else work()


def _left_out(placed: PlacedMember, error: MoverError) -> ReadMember:
    return ReadMember(
        item_id=placed.item.id,
        reason=error.reason,
        message=f"left out of the archive: {error}",
    )


def _changed(placed: PlacedMember) -> ReadMember:
    return _left_out(
        placed,
        Changed("the file changed while its archive was sent: run again", path=placed.item.path),
    )


async def _zeros(position: int, until: int) -> AsyncGenerator[Placed, None]:
    """Nothing, as far as a place goes that is not filled."""
    while position < until:
        size = min(_PIECE, until - position)
        yield position, bytes(size)
        position += size
