"""A large file in parts: several on their way at once, each kept in the ledger when the destination has it.

An upload that was interrupted goes on with the parts that the ledger and the destination agree on, provided that the
source still is the version that they were read from, and goes where it was to go: an upload belongs to a place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing

import msgspec

from mover.connectors.contract import PartRules, PartUploads, SentPart, Target
from mover.entries import Entry, HashName
from mover.errors import Changed, NotFound, ServiceFault, TooLarge, Unsupported
from mover.hashing import MultiHasher
from mover.ledger.ledger import RunLedger
from mover.ledger.records import PartRecord, UploadRecord
from mover.staging import StagedFile, StagedPart
from mover.transfer.concurrency import task_group
from mover.transfer.reading import FileReader
from mover.transfer.splitting import Splitter
from mover.vault.secret import Secret


def part_size_for(rules: PartRules, size: int | None, *, most: int) -> int:
    """Choose the size of the parts of a file, in bytes.

    Args:
        rules: Of the destination.
        size: Of the file; None if unknown.
        most: A part should not be larger than this, unless the destination's limit of parts forces it.

    Raises:
        TooLarge: The destination has no parts for a file of this size.
    """
    wanted = max(min(rules.preferred, most), rules.smallest)
    if size is not None:
        wanted = max(wanted, -(-size // rules.most))
    wanted = -(-wanted // rules.multiple) * rules.multiple
    if wanted > rules.largest:
        raise TooLarge(f"{size} bytes do not fit into {rules.most} parts of at most {rules.largest} bytes")
    return wanted


def evidence_of(entry: Entry, place: str, edition: str = "") -> str:
    """Text that differs for different versions of a source file, for different places, and editions (`transfer/forms`)."""
    hashes = ",".join(f"{name}:{value}" for name, value in sorted(entry.hashes.items()))
    told = f"{entry.size}|{entry.modified_ns}|{entry.version}|{hashes}|{place}"
    return f"{told}|{edition}" if edition else told


def tells_versions(entry: Entry) -> bool:
    """Whether `evidence_of` knows more than the size."""
    return bool(entry.version or entry.hashes) or entry.modified_ns is not None


class SentFile(msgspec.Struct, frozen=True):
    """A file that the destination took in parts: its entry, the parts, and whole-file hashes where they were computed."""

    entry: Entry
    parts: list[PartRecord]
    whole: Mapping[HashName, str]
    sent_bytes: int


class PartsRefused(Unsupported):
    """The destination takes no parts after all."""


class PartsUpload:
    """Sends one file in parts.

    Args:
        uploads: Of the destination.
        rules: Of the destination.
        ledger: Keeps token and parts.
        source_key: Of the item.
        reader: Of the file.
        staged: Holds its parts while they are on their way.
        target: Where it goes.
        part_size: As `part_size_for` chose; an upload that goes on keeps its own.
        ranges: The source is read in ranges, several at once; else in one stream.
        offsets: The source can be read from an offset, so that a stream begins where the last attempt ended.
        part_hashes: To compute of each part.
        whole_hashes: To compute of the whole file, if all of it passes by in this attempt.
        at_once: Parts on their way at once.
    """

    def __init__(
        self,
        uploads: PartUploads,
        rules: PartRules,
        ledger: RunLedger,
        *,
        source_key: str,
        reader: FileReader,
        staged: StagedFile,
        target: Target,
        part_size: int,
        ranges: bool,
        offsets: bool,
        part_hashes: frozenset[HashName],
        whole_hashes: frozenset[HashName],
        at_once: int,
    ) -> None:
        self._uploads = uploads
        self._rules = rules
        self._ledger = ledger
        self._source_key = source_key
        self._reader = reader
        self._staged = staged
        self._target = target
        self._part_size = part_size
        self._ranges = ranges and reader.entry.size is not None
        self._offsets = offsets and reader.entry.size is not None and tells_versions(reader.entry)
        self._part_hashes = part_hashes
        self._whole_names = whole_hashes
        self._at_once = at_once
        self._parts: dict[int, PartRecord] = {}
        self._sent_bytes = 0

    async def run(self) -> SentFile:
        """Send what is missing and finish. Raises what either side raises; parts that arrived stay for the next try."""
        upload = await self._begin_or_go_on()
        all_pass_by = not self._parts or not (self._ranges or self._offsets)
        hasher = MultiHasher(self._whole_names) if self._whole_names and all_pass_by else None
        try:
            if self._ranges:
                await self._send_ranges(upload, hasher)
            else:
                await self._send_stream(upload, hasher)
            whole = await self._whole(hasher)
            await self._reader.still_the_same()
            parts = [self._parts[number] for number in sorted(self._parts)]
            sent = [SentPart(part.number, part.size, part.receipt) for part in parts]
            entry = await self._uploads.finish(upload.token.reveal(), self._target, sent, whole)
        except NotFound as error:
            if isinstance(self._reader.trouble, NotFound):
                raise
            # It expired, or is finished and the answer was lost: the next attempt looks, and begins anew.
            await self._ledger.uploads.drop(self._source_key)
            raise ServiceFault("the destination no longer knows the upload", said=error.said) from error
        return SentFile(entry, parts, whole, self._sent_bytes)

    async def _whole(self, hasher: MultiHasher | None) -> dict[HashName, str]:
        """Hashes of the whole file: those that were computed on the way, and the one that the destination cannot do without.

        Where parts went before a restart, and the source does not publish that hash, the file is read once more for it;
        nothing is sent again.
        """
        whole = hasher.hexdigests() if hasher else {}
        needs = self._rules.needs
        if needs is None or needs in whole:
            return whole
        if needs in self._reader.published:
            return {**whole, needs: self._reader.published[needs]}
        again = MultiHasher({needs})
        async with aclosing(self._reader.read()) as chunks:
            async for chunk in chunks:
                await asyncio.to_thread(again.update, chunk)
        return {**whole, **again.hexdigests()}

    async def _begin_or_go_on(self) -> UploadRecord:
        evidence = evidence_of(self._reader.entry, self._target.ref.path, self._reader.edition)
        known = await self._ledger.uploads.find(self._source_key)
        # A stream is read from its start and compared part by part, unless the evidence can be trusted, as ranges must.
        trusted = not self._ranges or tells_versions(self._reader.entry)
        if known is not None and known.evidence == evidence and trusted:
            try:
                kept = [SentPart(part.number, part.size, part.receipt) for part in known.parts]
                received = await self._uploads.received(known.token.reveal(), kept)
            except NotFound:
                await self._ledger.uploads.drop(self._source_key)
            else:
                self._part_size = known.part_size
                there = None if received is None else {(part.number, part.size) for part in received}
                self._parts = {
                    part.number: part
                    for part in known.parts
                    if there is None or (part.number, part.size) in there
                }
                lost = [part.number for part in known.parts if part.number not in self._parts]
                if lost:
                    await self._ledger.uploads.forget_parts(known, lost)
                return known
        elif known is not None:
            await self._uploads.abort(known.token.reveal())
        await self._ledger.uploads.prepare()
        try:
            token = await self._uploads.begin(self._target, self._reader.entry.size, self._part_size)
        except Unsupported as error:
            raise PartsRefused(error.message, said=error.said) from error
        return await self._ledger.uploads.add(
            self._source_key, token=Secret(token), part_size=self._part_size, evidence=evidence
        )

    async def _send_ranges(self, upload: UploadRecord, hasher: MultiHasher | None) -> None:
        size = self._reader.entry.size
        assert size is not None
        missing = [
            (number, offset, min(self._part_size, size - offset))
            for number, offset in enumerate(range(0, size, self._part_size), start=1)
            if number not in self._parts
        ]
        window = asyncio.Semaphore(self._at_once)
        before = _Turn.passed()
        async with task_group() as group:
            for number, offset, length in missing:
                await window.acquire()
                after = _Turn()
                task = group.create_task(self._range(upload, number, offset, length, hasher, before, after))
                task.add_done_callback(lambda _: window.release())
                before = after

    async def _range(
        self,
        upload: UploadRecord,
        number: int,
        offset: int,
        length: int,
        hasher: MultiHasher | None,
        before: _Turn,
        after: _Turn,
    ) -> None:
        part = await self._staged.receive(
            self._reader.read(offset, length), most=length, offset=offset, hashes=self._part_hashes
        )
        try:
            # The hash of the whole file must not keep the part waiting, nor those after it.
            async with task_group() as group:
                if hasher is not None:
                    group.create_task(_hash(part, hasher, before, after))
                group.create_task(self._send_in_turn(upload, number, offset, part, before, after))
        finally:
            await part.destroy()

    async def _send_in_turn(
        self,
        upload: UploadRecord,
        number: int,
        offset: int,
        part: StagedPart,
        before: _Turn,
        after: _Turn,
    ) -> None:
        if not self._rules.parallel:
            await before.sent.wait()
        await self._send(upload, number, offset, part)
        after.sent.set()

    async def _send_stream(self, upload: UploadRecord, hasher: MultiHasher | None) -> None:
        """Cut one stream; parts that the destination has already are read at most, and not sent."""
        window = asyncio.Semaphore(self._at_once if self._rules.parallel else 1)
        number, offset, length = self._where_to_begin()
        async with aclosing(self._reader.read(offset, length)) as stream, task_group() as group:
            splitter = Splitter(stream)
            while number == 0 or not await splitter.at_end():
                number += 1
                if number > self._rules.most:
                    raise TooLarge(
                        f"the destination takes {self._rules.most} parts of {self._part_size} bytes at most"
                    )
                await window.acquire()
                part = await self._staged.receive(
                    splitter.next(self._part_size),
                    most=self._part_size,
                    offset=offset,
                    hashes=self._part_hashes,
                    whole=hasher,
                )
                if number in self._parts and dict(self._parts[number].hashes) == dict(part.hashes):
                    await part.destroy()
                    window.release()
                else:
                    task = group.create_task(self._send_and_destroy(upload, number, offset, part))
                    task.add_done_callback(lambda _: window.release())
                offset += part.size
        if number < max(self._parts):
            await self._uploads.abort(upload.token.reveal())
            await self._ledger.uploads.drop(self._source_key)
            raise Changed("the file is shorter than it was when its upload began")

    def _where_to_begin(self) -> tuple[int, int, int | None]:
        """Parts that need not be read, where the next one begins, and how many bytes there are from there on."""
        size = self._reader.entry.size
        if not self._offsets or size is None:
            return 0, 0, None
        number = 0
        while number + 1 in self._parts:
            number += 1
        offset = min(number * self._part_size, size)
        return number, offset, size - offset

    async def _send_and_destroy(
        self, upload: UploadRecord, number: int, offset: int, part: StagedPart
    ) -> None:
        try:
            await self._send(upload, number, offset, part)
        finally:
            await part.destroy()

    async def _send(self, upload: UploadRecord, number: int, offset: int, part: StagedPart) -> None:
        sent = await self._uploads.send(upload.token.reveal(), number, offset, part)
        record = PartRecord(number, sent.size, sent.receipt, part.hashes)
        await self._ledger.uploads.keep_part(upload, record)
        self._parts[number] = record
        self._sent_bytes += part.size


class _Turn(msgspec.Struct, frozen=True):
    """What has been done with a part; where order counts, it is the next one's turn then."""

    hashed: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    sent: asyncio.Event = msgspec.field(default_factory=asyncio.Event)

    @classmethod
    def passed(cls) -> _Turn:
        """What comes before the first part."""
        turn = cls()
        turn.hashed.set()
        turn.sent.set()
        return turn


async def _hash(part: StagedPart, hasher: MultiHasher, before: _Turn, after: _Turn) -> None:
    await before.hashed.wait()
    async with aclosing(part.chunks()) as chunks:
        async for chunk in chunks:
            await asyncio.to_thread(hasher.update, chunk)
    after.hashed.set()
