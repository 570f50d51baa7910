"""Proof of arrival: a file counts as moved only when one of these says so."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing

import msgspec

from mover.connectors.contract import Capabilities, Connector
from mover.entries import Entry, EntryRef, HashName
from mover.errors import IntegrityError, InvalidConfiguration
from mover.hashing import combine_crc, hash_chunks, s3_etag
from mover.ledger.records import PartRecord
from mover.ledger.states import Verification
from mover.transfer.concurrency import task_group
from mover.transfer.evidence import compare_hashes, strongest
from mover.transfer.options import VerifyLevel
from mover.transfer.splitting import Splitter

REPORTED = HashName.SHA256
_COMBINABLE = (HashName.CRC64NVME, HashName.CRC32C, HashName.CRC32)
_READS_AT_ONCE = 4


class Verifier(msgspec.Struct, frozen=True):
    """Verifies what arrives at one destination.

    Args:
        destination: Where files arrive.
        source: What the source can do: decides which hashes are computed on the way.
        level: As the user chose.
    """

    destination: Connector
    source: Capabilities
    level: VerifyLevel

    def check_possible(self) -> None:
        """Raise InvalidConfiguration if no file could ever be verified at this level."""
        can = self.destination.capabilities.returned_hashes or self.destination.hashes
        if self.level is VerifyLevel.HASH and not can:
            raise InvalidConfiguration(
                f"{self.destination.service} computes no content hash, so --verify hash can never succeed; "
                "use auto or readback"
            )

    @property
    def _sizes_suffice(self) -> bool:
        """The user is content with sizes, and the destination tells them."""
        return self.level is VerifyLevel.SIZE and self.destination.capabilities.sizes

    @property
    def asks_for_hashes(self) -> bool:
        """Each arrival costs a question: the destination computes hashes, but only when it is asked."""
        returned = self.destination.capabilities.returned_hashes
        return (
            self.level is not VerifyLevel.READBACK
            and not self._sizes_suffice
            and not returned
            and self.destination.hashes is not None
        )

    @property
    def reads_back(self) -> bool:
        """Each arrival is read back, as far as can be known before."""
        if self.level is VerifyLevel.READBACK:
            return True
        knows_hashes = (
            bool(self.destination.capabilities.returned_hashes) or self.destination.hashes is not None
        )
        return not (self._sizes_suffice or knows_hashes)

    def whole_hashes(self, entry: Entry) -> frozenset[HashName]:
        """Hashes to compute of a file in one pass: what each side can compare with, and one for the report."""
        wanted = {
            strongest(frozenset(entry.hashes)),
            strongest(self.destination.capabilities.returned_hashes),
        }
        if self.destination.hashes is not None and not self.destination.capabilities.returned_hashes:
            wanted.add(strongest(self.destination.hashes.names))
        found = frozenset(name for name in wanted if name is not None)
        return found or frozenset({REPORTED})

    def part_hashes(self) -> frozenset[HashName]:
        """Hashes to compute of each part of a file that is sent in parts."""
        returned = self.destination.capabilities.returned_hashes
        wanted = {HashName.MD5} if HashName.S3_ETAG in returned else {REPORTED}
        combined = next((name for name in _COMBINABLE if name in returned), None)
        return frozenset(wanted | {combined}) if combined else frozenset(wanted)

    def stream_hashes(self) -> frozenset[HashName]:
        """Hashes to compute of each part of a file that is sent in one stream: none where only its size is compared."""
        if self._sizes_suffice and not self.destination.capabilities.returned_hashes:
            return frozenset()
        return self.part_hashes()

    def received(self, published: Mapping[HashName, str], hashes: Mapping[HashName, str]) -> None:
        """Compare what was received with what the source published. Raises IntegrityError."""
        if compare_hashes(published, hashes) is False:
            raise IntegrityError(
                "the bytes that arrived from the source do not have the hash that it published"
            )

    async def whole(
        self, ref: EntryRef, written: Entry, size: int, hashes: Mapping[HashName, str]
    ) -> Verification:
        """Verify a file whose hashes are known. Raises IntegrityError, or what looking at the destination raises."""
        if self.level is not VerifyLevel.READBACK:
            if (same := compare_hashes(written.hashes, hashes)) is not None:
                return _hash_verdict(same)
            if self._sizes_suffice:
                return await self._size(ref, written, size)
            if (same := await self._on_demand(ref, hashes)) is not None:
                return _hash_verdict(same)
            if self.level is VerifyLevel.HASH:
                raise IntegrityError("the destination has no content hash in common with what was sent")
        name = strongest(frozenset(hashes))
        assert name is not None
        async with aclosing(self.destination.read(ref)) as chunks:
            back, length = await hash_chunks(chunks, [name])
        if length != size or back[name] != hashes[name]:
            raise IntegrityError("what was read back from the destination is not what was sent")
        return Verification.READ_BACK

    async def in_parts(
        self, ref: EntryRef, written: Entry, parts: Sequence[PartRecord], whole: Mapping[HashName, str]
    ) -> Verification:
        """Verify a file that was sent in parts: `whole` holds hashes of all of it, where they were computed."""
        size = sum(part.size for part in parts)
        known = {**_from_parts(parts), **whole}
        if self.level is not VerifyLevel.READBACK:
            etag = written.hashes.get(HashName.S3_ETAG)
            if etag is not None and etag == known.get(HashName.S3_ETAG):
                return Verification.HASH
            if etag is not None and HashName.S3_ETAG in known:
                return _hash_verdict(same=False)
            if (same := compare_hashes(written.hashes, known)) is not None:
                return _hash_verdict(same)
            if self._sizes_suffice:
                return await self._size(ref, written, size)
            if (same := await self._on_demand(ref, known)) is not None:
                return _hash_verdict(same)
            if self.level is VerifyLevel.HASH:
                raise IntegrityError("the destination has no content hash in common with what was sent")
        return await self._read_back_parts(ref, written, parts)

    async def _size(self, ref: EntryRef, written: Entry, size: int) -> Verification:
        there = written if written.size is not None else await self.destination.refresh(ref)
        if there.size != size:
            raise IntegrityError(f"{size} bytes were sent, the destination has {there.size}")
        return Verification.SIZE

    async def _on_demand(self, ref: EntryRef, hashes: Mapping[HashName, str]) -> bool | None:
        service = self.destination.hashes
        if service is None:
            return None
        name = strongest(service.names & frozenset(hashes))
        if name is None:
            return None
        return compare_hashes(await service.compute(ref, frozenset({name})), hashes)

    async def _read_back_parts(
        self, ref: EntryRef, written: Entry, parts: Sequence[PartRecord]
    ) -> Verification:
        """Read every part again and compare it with what was sent: works after a resume, and several at once."""
        can = self.destination.capabilities
        if can.range_reads and can.bounded_reads:
            slots = asyncio.Semaphore(_READS_AT_ONCE)
            offset = 0
            async with task_group() as group:
                for part in parts:
                    group.create_task(self._read_back_range(ref, offset, part, slots))
                    offset += part.size
            await self._size(ref, written, offset)  # nothing may stand behind the last part
        else:
            await self._read_back_in_order(ref, parts)
        return Verification.READ_BACK

    async def _read_back_range(
        self, ref: EntryRef, offset: int, part: PartRecord, slots: asyncio.Semaphore
    ) -> None:
        name = _digest_of(part)
        async with slots, aclosing(self.destination.read(ref, offset=offset, length=part.size)) as chunks:
            back, length = await hash_chunks(chunks, [name])
        _compare_part(part, back[name], length)

    async def _read_back_in_order(self, ref: EntryRef, parts: Sequence[PartRecord]) -> None:
        async with aclosing(self.destination.read(ref)) as chunks:
            splitter = Splitter(chunks)
            for part in parts:
                name = _digest_of(part)
                back, length = await hash_chunks(splitter.next(part.size), [name])
                _compare_part(part, back[name], length)
            if not await splitter.at_end():
                raise IntegrityError("the destination has more bytes than were sent")


def _hash_verdict(same: bool) -> Verification:  # noqa: FBT001 - the one thing it is about
    if not same:
        raise IntegrityError("the destination's content hash is not that of what was sent")
    return Verification.HASH


def _digest_of(part: PartRecord) -> HashName:
    name = strongest(frozenset(part.hashes))
    assert name is not None
    return name


def _compare_part(part: PartRecord, back: str, length: int) -> None:
    if length != part.size or back != part.hashes[_digest_of(part)]:
        raise IntegrityError(f"part {part.number}, read back from the destination, is not what was sent")


def _from_parts(parts: Sequence[PartRecord]) -> dict[HashName, str]:
    """Hashes of the whole that follow from those of its parts."""
    found: dict[HashName, str] = {}
    if not parts:
        return found
    if all(HashName.MD5 in part.hashes for part in parts):
        found[HashName.S3_ETAG] = s3_etag(part.hashes[HashName.MD5] for part in parts)
    for name in _COMBINABLE:
        if all(name in part.hashes for part in parts):
            whole = parts[0].hashes[name]
            for part in parts[1:]:
                whole = combine_crc(name, whole, part.hashes[name], part.size)
            found[name] = whole
    return found
