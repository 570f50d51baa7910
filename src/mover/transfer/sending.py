"""Sending one file, in the way that suits it: whole, in one stream, or in parts. Its arrival is proven at the end."""

from __future__ import annotations

import dataclasses
import mimetypes
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress

import msgspec

from mover.connectors.contract import Capabilities, Connector, PartRules, Target
from mover.entries import Entry, EntryRef, HashName
from mover.errors import Changed, IntegrityError, Unsupported
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Item, PartRecord
from mover.ledger.states import Verification
from mover.staging import Label, StagedPart, Staging
from mover.transfer.altered import altered_on_arrival, converted_on_arrival, package_of
from mover.transfer.arrivals import DamagedArrival, arrival_of
from mover.transfer.evidence import strongest
from mover.transfer.options import Options, VerifyLevel
from mover.transfer.packages import Parts, ending, parts_of
from mover.transfer.parts import PartsRefused, PartsUpload, part_size_for
from mover.transfer.progress import Progress
from mover.transfer.reading import FileReader
from mover.transfer.splitting import Splitter
from mover.transfer.streamed import StreamedContent
from mover.transfer.verification import REPORTED, Verifier

_FINE_NS = 2_000_000_000  # FAT's times
_STREAM_PART = 8 << 20  # bytes: parts of a file that the destination takes in one stream
_PROVES_SMALL = 1 << 20  # bytes: a file of unknown size that ends before these is sent whole
_PART_SHARE = 12  # a part takes at most this fraction of the memory for staging,
_RATIONED_PART_SHARE = 2  # or this, where a service limits calls


def stream_part(memory_bytes: int) -> int:
    """Size in bytes of the ranges in which a file is read that goes out in one stream; `memory_bytes` is staging's."""
    return min(_STREAM_PART, _share(memory_bytes, _PART_SHARE))


def most_of_part(rules: PartRules, memory_bytes: int) -> int:
    """Size in bytes that a part should not exceed, of what staging's memory can hold."""
    return _share(memory_bytes, _RATIONED_PART_SHARE if rules.rationed else _PART_SHARE)


def _share(memory_bytes: int, share: int) -> int:
    return max(memory_bytes // share, 1 << 20)


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A file that has arrived: `written` is what the destination said of it, sizes are in bytes."""

    written: Entry
    verification: Verification
    content_hash: str | None
    size: int
    sent_bytes: int
    message: str = ""


class _Proof(msgspec.Struct, frozen=True):
    """How an arrival was proven, and what the destination says of the file by now."""

    written: Entry
    verification: Verification
    message: str = ""


class Sender:
    """Sends single files to one destination. One for a run; its methods may run many times at once.

    Args:
        source: What the source can do.
        destination: Where files go.
        ledger: Of the run.
        staging: Where parts wait.
        options: How.
        progress: Is told what would begin anew.
        staging_memory_bytes: The memory that all parts of all files share.
    """

    def __init__(
        self,
        source: Capabilities,
        destination: Connector,
        ledger: RunLedger,
        staging: Staging,
        options: Options,
        progress: Progress,
        *,
        staging_memory_bytes: int,
    ) -> None:
        self._progress = progress
        self._source = source
        self._destination = destination
        self._ledger = ledger
        self._staging = staging
        self._options = options
        self._staging_memory_bytes = staging_memory_bytes
        self._verifier = Verifier(destination, source, options.verify)

    async def send(self, item: Item, reader: FileReader, target: Target) -> Sent:
        """Send a file the way that suits it and the destination, and prove that it arrived.

        Raises what either side raises, and DamagedArrival if what arrived is something else.
        """
        size = reader.entry.size
        rules = self._destination.capabilities.parts
        if size is None and (sent := await self._send_if_small(item, reader, target)) is not None:
            return sent
        if not item.large:
            return await self._send_whole(item, reader, target)
        if rules is not None and (size is None or size >= rules.worthwhile_from):
            with suppress(PartsRefused):
                return await self._send_parts(item, reader, target)
        return await self._send_stream(item, reader, target)

    async def _send_whole(self, item: Item, reader: FileReader, target: Target) -> Sent:
        """A small file: received whole, then sent, and kept (encrypted) until its arrival is verified."""
        source = reader.entry
        size = source.size
        assert size is not None  # files of unknown size are in the lane for large ones
        with self._staging.file(self._label(item)) as staged:
            part = await staged.receive(reader.read(), most=size, hashes=self._verifier.whole_hashes(source))
            self._verifier.received(reader.published, part.hashes)
            await reader.still_the_same()
            target = dataclasses.replace(
                target, modified_ns=reader.modified_ns, media_type=media_type_of(reader)
            )
            written = await self._destination.upload(target, part)
            ref = written_ref(target, written)
            proof = await self._proof(
                item,
                source,
                ref,
                written,
                size,
                lambda: self._verifier.whole(ref, written, size, part.hashes),
                lambda: _package(part),
            )
            return Sent(
                written=proof.written,
                verification=proof.verification,
                content_hash=_reported(part.hashes),
                size=size,
                sent_bytes=size,
                message=proof.message,
            )

    async def _send_if_small(self, item: Item, reader: FileReader, target: Target) -> Sent | None:
        """A file of unknown size, whole if it proves to be a small one: that is one call instead of three. Else None."""
        if await self._ledger.uploads.was_begun(item.source_key):
            return None  # parts of it have arrived
        with self._staging.file(self._label(item)) as staged:
            async with aclosing(reader.read()) as stream:
                splitter = Splitter(stream)
                hashes = self._verifier.whole_hashes(reader.entry) | {REPORTED}
                part = await staged.receive(splitter.next(_PROVES_SMALL), most=_PROVES_SMALL, hashes=hashes)
                if part.size == _PROVES_SMALL and not await splitter.at_end():
                    return None
            self._verifier.received(reader.published, part.hashes)
            await reader.still_the_same()
            written = await self._destination.upload(target, part)
            ref = written_ref(target, written)
            proof = await self._proof(
                item,
                reader.entry,
                ref,
                written,
                part.size,
                lambda: self._verifier.whole(ref, written, part.size, part.hashes),
                lambda: _package(part),
            )
            return Sent(
                written=proof.written,
                verification=proof.verification,
                content_hash=f"{REPORTED}:{part.hashes[REPORTED]}",
                size=part.size,
                sent_bytes=part.size,
                message=proof.message,
            )

    async def _send_stream(self, item: Item, reader: FileReader, target: Target) -> Sent:
        """A large file to a destination that takes files only whole."""
        source = reader.entry
        can = self._source
        if source.size is None and not self._destination.capabilities.unknown_sizes:
            raise Unsupported(
                "the destination takes only files whose size is known, and the source does not tell it"
            )
        wanted = self._whole_hashes_of_large(source, in_parts=False)
        with self._staging.file(self._label(item)) as staged:
            content = StreamedContent(
                reader,
                staged,
                part_size=stream_part(self._staging_memory_bytes),
                ranges=can.range_reads and can.bounded_reads,
                part_hashes=self._verifier.stream_hashes(),
                whole_hashes=wanted,
            )
            with self._progress.going_in_one_go(item.path):
                written = await self._destination.upload(target, content)
            await reader.still_the_same()
            whole = content.whole_hashes()
            self._verifier.received(reader.published, whole)
            parts = [
                PartRecord(n, part.size, "", part.hashes) for n, part in enumerate(content.parts, start=1)
            ]
            size = sum(part.size for part in parts)
            if source.size is not None and size != source.size:
                raise Changed("the destination ended the upload before the file's end", path=item.path)
            ref = written_ref(target, written)
            proof = await self._proof(
                item,
                source,
                ref,
                written,
                size,
                lambda: self._verifier.in_parts(ref, written, parts, whole),
                lambda: package_of(reader, can),
            )
            return Sent(
                written=proof.written,
                verification=proof.verification,
                content_hash=_reported(whole),
                size=size,
                sent_bytes=size,
                message=proof.message,
            )

    async def _send_parts(self, item: Item, reader: FileReader, target: Target) -> Sent:
        uploads, rules = self._destination.part_uploads, self._destination.capabilities.parts
        assert uploads is not None
        assert rules is not None
        source, can = reader.entry, self._source
        with self._staging.file(self._label(item)) as staged:
            upload = PartsUpload(
                uploads,
                rules,
                self._ledger,
                source_key=item.source_key,
                reader=reader,
                staged=staged,
                target=target,
                part_size=part_size_for(
                    rules,
                    source.size,
                    most=most_of_part(rules, self._staging_memory_bytes),
                ),
                ranges=can.range_reads and can.bounded_reads,
                offsets=can.range_reads and _tells_changes(can, source),
                part_hashes=self._verifier.part_hashes(),
                whole_hashes=self._whole_hashes_of_large(source, in_parts=True),
                at_once=self._options.parts_at_once,
            )
            sent = await upload.run()
            self._verifier.received(reader.published, sent.whole)
            ref = written_ref(target, sent.entry)
            size = sum(part.size for part in sent.parts)
            await self._ledger.uploads.drop(
                item.source_key
            )  # finished: whatever is wrong with it is sent anew
            proof = await self._proof(
                item,
                source,
                ref,
                sent.entry,
                size,
                lambda: self._verifier.in_parts(ref, sent.entry, sent.parts, sent.whole),
                lambda: package_of(reader, can),
            )
            return Sent(
                written=proof.written,
                verification=proof.verification,
                content_hash=_reported(sent.whole),
                size=size,
                sent_bytes=sent.sent_bytes,
                message=proof.message,
            )

    def _label(self, item: Item) -> Label:
        return Label(self._ledger.run.id, item.id)

    async def _proof(
        self,
        item: Item,
        source: Entry,
        ref: EntryRef,
        written: Entry,
        size: int,
        verifying: Callable[[], Awaitable[Verification]],
        package: Callable[[], Awaitable[Parts | None]],
    ) -> _Proof:
        """Prove an arrival, also of a file that the destination changes when it takes it; `package` tells its parts."""
        with self._damage(item, source, written, size):
            if (why := converted_on_arrival(written, self._destination, self._options.verify)) is not None:
                return _Proof(written, Verification.ALTERED, why)
            try:
                return _Proof(written, await verifying())
            except IntegrityError as error:
                there, why = await altered_on_arrival(
                    error, self._destination, ref, self._options.verify, package
                )
                return _Proof(there, Verification.ALTERED, why)

    @contextmanager
    def _damage(self, item: Item, source: Entry, written: Entry, size: int) -> Iterator[None]:
        """Have an arrival that turns out to be damaged known as ours, so that the next attempt may replace it."""
        try:
            yield
        except IntegrityError as error:
            rules = self._destination.capabilities.names
            left = arrival_of(item, source, written, rules, proof=Verification.SIZE, digest=None, size=size)
            raise DamagedArrival(error.message, path=item.destination_path, left=left) from error

    def _whole_hashes_of_large(self, source: Entry, *, in_parts: bool) -> frozenset[HashName]:
        """Only what one side can compare with: a pass over every byte of a large file is not for decoration.

        An S3 multipart ETag follows from the hashes of the parts; a file sent in one stream has another kind of ETag.
        """
        connector = self._destination
        wanted = {strongest(frozenset(source.hashes))}
        returned = connector.capabilities.returned_hashes
        if not in_parts or HashName.S3_ETAG not in returned:
            wanted.add(strongest(returned))
            if (
                connector.hashes is not None
                and not returned
                and self._options.verify is not VerifyLevel.READBACK
            ):
                wanted.add(strongest(connector.hashes.names))
        if source.size is None or not connector.capabilities.sizes:
            wanted.add(REPORTED)  # nothing else will tell whether it is still the same
        return frozenset(name for name in wanted if name is not None)


async def _package(part: StagedPart) -> Parts | None:
    async with aclosing(part.chunks()) as chunks:
        return parts_of(*await ending(chunks))


def _tells_changes(can: Capabilities, source: Entry) -> bool:
    """Whether a file that changes is listed as another one, too: a time of days stays the same, and the size may."""
    grain_ns = can.modified_resolution_ns
    return bool(source.version or source.hashes) or (grain_ns is not None and grain_ns <= _FINE_NS)


def written_ref(target: Target, written: Entry) -> EntryRef:
    """Address of what was written."""
    return target.folder.child(target.name, written.id)


def media_type_of(reader: FileReader) -> str | None:
    """As the source has it, else guessed from the name."""
    return reader.media_type or mimetypes.guess_type(reader.entry.name, strict=False)[0]


def _reported(hashes: Mapping[HashName, str]) -> str | None:
    name = strongest(frozenset(hashes))
    return f"{name}:{hashes[name]}" if name is not None else None
