"""Moving one file: received, encrypted, sent, verified. One attempt, with all that it can find in its way."""

from __future__ import annotations

import dataclasses
import mimetypes
from collections.abc import Iterator, Mapping
from contextlib import aclosing, contextmanager

import msgspec

from mover.connectors.contract import Capabilities, Setting, Target
from mover.entries import Entry, EntryKind, EntryRef, HashName
from mover.errors import Changed, Conflict, IntegrityError, NotFound, Unsupported
from mover.hashing import hash_chunks
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Arrival, Item, PartRecord
from mover.ledger.states import Action, ItemState, Verification
from mover.staging import Staging
from mover.transfer.bandwidth import Bandwidth
from mover.transfer.compare import COMPARED_BY, content_hash, same_beginning
from mover.transfer.evidence import (
    compare_hashes,
    destination_untouched,
    same_time,
    strongest,
    tells_nothing,
)
from mover.transfer.keys import item_key
from mover.transfer.options import ConflictRule, Options, VerifyLevel
from mover.transfer.parts import PartsRefused, PartsUpload, part_size_for
from mover.transfer.progress import Progress
from mover.transfer.reading import FileReader
from mover.transfer.side import Side
from mover.transfer.splitting import Splitter
from mover.transfer.streamed import StreamedContent
from mover.transfer.verification import REPORTED, Verifier

STREAM_PART = 8 << 20  # bytes: parts of a file that the destination takes in one stream
_FINE_NS = 2_000_000_000  # FAT's times
_PROVES_SMALL = 1 << 20  # bytes: a file of unknown size that ends before these is sent whole
_PART_SHARE = 12  # a part takes at most this fraction of the memory for staging


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended well."""

    state: ItemState
    verification: Verification | None
    content_hash: str | None
    sent_bytes: int
    arrival: Arrival | None
    message: str = ""


class DamagedArrival(IntegrityError):
    """What arrived is not what was sent, and stands at the destination. `left` describes it."""

    def __init__(self, message: str, *, path: str, left: Arrival) -> None:
        super().__init__(message, operation="verify", path=path)
        self.left = left


class _Sent(msgspec.Struct, frozen=True, kw_only=True):
    written: Entry
    verification: Verification
    content_hash: str | None
    size: int
    sent_bytes: int


class FileMover:
    """Moves single files from one side to the other. One for a run; its methods may run many times at once."""

    def __init__(
        self,
        source: Side,
        destination: Side,
        ledger: RunLedger,
        staging: Staging,
        options: Options,
        progress: Progress,
        bandwidth: Bandwidth,
        *,
        staging_memory_bytes: int,
    ) -> None:
        self._source = source
        self._destination = destination
        self._ledger = ledger
        self._staging = staging
        self._options = options
        self._progress = progress
        self._bandwidth = bandwidth
        self._largest_part = max(staging_memory_bytes // _PART_SHARE, 1 << 20)
        self._verifier = Verifier(destination.connector, source.connector.capabilities, options.verify)

    def reader(self, item: Item, entry: Entry) -> FileReader:
        """A reader of the item's file in the version that `entry` describes."""
        ref = self._source.ref(item.path, entry.id)
        return FileReader(
            self._source, ref, entry, path=item.path, progress=self._progress, bandwidth=self._bandwidth
        )

    async def refreshed(self, item: Item) -> Entry:
        """The item's file as it is at the source now. Raises NotFound."""
        return await self._source.connector.refresh(self._source.ref(item.path, item.entry.id))

    async def move(
        self, item: Item, reader: FileReader, *, look_first: bool, left: Arrival | None = None
    ) -> Moved:
        """Move a file once.

        Args:
            item: What was planned.
            reader: Of the file as it is now.
            look_first: An earlier attempt may have left something at the destination: look before sending.
            left: What an earlier attempt is known to have left there, damaged.

        Raises:
            MoverError: The file did not arrive, or nothing proves that it did.
        """
        if self._options.dry_run:
            return await self._compare(item, reader)
        standing = None
        if look_first or item.action is not Action.COPY:
            standing = await self._look(item)
        if standing is None:
            return await self._send(item, reader, None)
        if standing.kind is EntryKind.FOLDER:
            raise Conflict("a folder of that name stands at the destination")
        if item.action is Action.COMPARE or look_first:
            if (found := await self._same_already(item, reader, standing)) is not None:
                return await self._with_time(item, reader, standing, found)
            await self._may_replace(item, reader, standing, ours_perhaps=look_first, left=left)
        elif self._options.conflict is not ConflictRule.OVERWRITE:
            await self._still_ours(item, standing)
        return await self._send(item, reader, standing)

    async def _compare(self, item: Item, reader: FileReader) -> Moved:
        """Compare with what stands there, and send nothing, whatever comes of it. Raises NotFound, Conflict."""
        standing = await self._look(item)
        if standing is None:
            raise NotFound("the file is no longer at the destination", path=item.destination_path)
        if standing.kind is not EntryKind.FOLDER:
            found = await self._same_already(item, reader, standing)
            if found is not None:
                return found
        raise Conflict("what stands at the destination is not the same", path=item.destination_path)

    async def _look(self, item: Item) -> Entry | None:
        ref = self._destination.ref(item.destination_path, None)
        try:
            return await self._destination.connector.look_up(ref.path)
        except NotFound:
            return None

    async def _same_already(self, item: Item, reader: FileReader, standing: Entry) -> Moved | None:
        """Whether what stands there is what would be sent: by hash, else by reading both."""
        source = reader.entry
        by_hash = compare_hashes(source.hashes, standing.hashes)
        if by_hash is False or (None not in {source.size, standing.size} and source.size != standing.size):
            return None
        name = strongest(frozenset(source.hashes)) if by_hash else None
        if name is None and (earlier := await self._left_earlier(item, standing)) is not None:
            here, size = await content_hash(reader.read())
            await reader.still_the_same()
            return _as_earlier(earlier) if earlier.content_hash == f"{COMPARED_BY}:{here}" else None
        if name is not None:
            proof, digest = Verification.HASH, f"{name}:{source.hashes[name]}"
        else:
            here, size = await content_hash(reader.read())
            await reader.still_the_same()
            ref = self._destination.ref(item.destination_path, standing.id)
            there, length = await content_hash(self._destination.connector.read(ref))
            if (here, size) != (there, length):
                return None
            proof, digest = Verification.READ_BACK, f"{HashName.SHA256}:{here}"
        return Moved(
            state=ItemState.ALREADY_THERE if item.action is Action.COMPARE else ItemState.COPIED,
            verification=proof,
            content_hash=digest,
            sent_bytes=0,
            arrival=self._arrival(item, source, standing, proof, digest, source.size),
            message="" if item.action is Action.COMPARE else "found complete after an interruption",
        )

    async def _with_time(self, item: Item, reader: FileReader, standing: Entry, found: Moved) -> Moved:
        """Give a file of ours that was found complete the time that the interruption may have kept from it."""
        can = self._destination.connector.capabilities
        if found.state is not ItemState.COPIED or can.modified is not Setting.AFTERWARDS:
            return found
        await reader.learn_time()
        if same_time(standing.modified_ns, reader.modified_ns, can.modified_resolution_ns or 1):
            return found
        ref = self._destination.ref(item.destination_path, standing.id)
        if found.arrival is None or not await self._keep_time(ref, reader.modified_ns):
            return found
        unsettled = msgspec.structs.replace(
            found.arrival, destination_version=None, destination_modified_ns=None
        )
        return msgspec.structs.replace(found, arrival=unsettled)

    async def _left_earlier(self, item: Item, standing: Entry) -> Arrival | None:
        """What an earlier run left at its place and is known to be there still, so that reading the source is enough."""
        if self._options.dry_run or item.action is not Action.COMPARE or tells_nothing(standing):
            return None
        arrival = await self._arrival_before(item)
        grain = self._destination.connector.capabilities.modified_resolution_ns
        if arrival is None or not (arrival.content_hash or "").startswith(f"{COMPARED_BY}:"):
            return None
        return arrival if destination_untouched(standing, arrival, grain) else None

    async def _may_replace(
        self,
        item: Item,
        reader: FileReader,
        standing: Entry,
        *,
        ours_perhaps: bool,
        left: Arrival | None,
    ) -> None:
        """Raise Conflict unless what stands there is ours: an earlier copy, or the beginning of the one interrupted."""
        if self._options.conflict is ConflictRule.OVERWRITE:
            return
        grain = self._destination.connector.capabilities.modified_resolution_ns
        if left is not None and destination_untouched(standing, left, grain):
            return
        arrival = await self._arrival_before(item) if item.action is not Action.COPY else None
        if arrival is not None and await self._untouched(item, standing, arrival):
            return
        if item.action is Action.COMPARE and arrival is None:
            ours_perhaps = False  # it stood there before anything was sent
        if ours_perhaps and standing.size is not None:
            size = reader.entry.size
            if size is None or standing.size <= size:
                ref = self._destination.ref(item.destination_path, standing.id)
                beginning = reader.read()
                if await same_beginning(beginning, self._destination.connector, ref, standing.size):
                    return
        raise Conflict("another file of that name stands at the destination")

    async def _still_ours(self, item: Item, standing: Entry) -> None:
        arrival = await self._arrival_before(item)
        if arrival is None or not await self._untouched(item, standing, arrival):
            raise Conflict("changed at the destination since it was looked at")

    async def _untouched(self, item: Item, standing: Entry, arrival: Arrival) -> bool:
        """Whether what stands there is what an earlier run left; where nothing else tells, by reading it."""
        if not tells_nothing(standing):
            grain = self._destination.connector.capabilities.modified_resolution_ns
            return destination_untouched(standing, arrival, grain)
        name, _, digest = (arrival.content_hash or "").partition(":")
        if not digest:
            return False
        ref = self._destination.ref(item.destination_path, standing.id)
        async with aclosing(self._destination.connector.read(ref)) as chunks:
            hashes, _ = await hash_chunks(chunks, [HashName(name)])
        return hashes[HashName(name)] == digest

    async def _arrival_before(self, item: Item) -> Arrival | None:
        """What an earlier run left at the item's very place."""
        arrival = (await self._ledger.arrivals_of([item.source_key])).get(item.source_key)
        if arrival is None or arrival.destination_path_key != self._path_key(item.destination_path):
            return None
        return arrival

    def _path_key(self, path: str) -> str:
        rules = self._destination.connector.capabilities.names
        return "/".join(rules.key(name) for name in path.split("/"))

    async def _send(self, item: Item, reader: FileReader, replaces: Entry | None) -> Moved:
        source = reader.entry
        if item.large:
            await reader.learn_time()
        folder = self._destination.ref(item.destination_folder_path, item.destination_folder_id)
        target = Target(
            folder=folder,
            name=item.destination_name,
            key=item_key(self._ledger.pair, item.source_key),
            replaces=replaces,
            modified_ns=reader.modified_ns,
            media_type=_media_type(reader),
        )
        connector = self._destination.connector
        rules = connector.capabilities.parts
        small = await self._send_if_small(item, reader, target) if source.size is None else None
        if small is not None:
            sent = small
        elif (
            rules is not None and item.large and (source.size is None or source.size >= rules.worthwhile_from)
        ):
            try:
                sent = await self._send_parts(item, reader, target)
            except PartsRefused:
                sent = await self._send_stream(item, reader, target)
        elif item.large:
            sent = await self._send_stream(item, reader, target)
        else:
            sent = await self._send_whole(item, reader, target)
        written = sent.written
        if await self._keep_time(self._written_ref(target, written), reader.modified_ns):
            written = msgspec.structs.replace(written, version=None, modified_ns=None)
        return Moved(
            state=ItemState.COPIED if replaces is None else ItemState.REPLACED,
            verification=sent.verification,
            content_hash=sent.content_hash,
            sent_bytes=sent.sent_bytes,
            arrival=self._arrival(item, source, written, sent.verification, sent.content_hash, sent.size),
        )

    async def _send_whole(self, item: Item, reader: FileReader, target: Target) -> _Sent:
        """A small file: received whole, then sent, and kept (encrypted) until its arrival is verified."""
        source = reader.entry
        size = source.size
        assert size is not None  # files of unknown size are in the lane for large ones
        with self._staging.file() as staged:
            part = await staged.receive(reader.read(), most=size, hashes=self._verifier.whole_hashes(source))
            self._verifier.received(reader.published, part.hashes)
            await reader.still_the_same()
            target = dataclasses.replace(
                target, modified_ns=reader.modified_ns, media_type=_media_type(reader)
            )
            written = await self._destination.connector.upload(target, part)
            ref = self._written_ref(target, written)
            with self._damage(item, source, written, size):
                proof = await self._verifier.whole(ref, written, size, part.hashes)
            return _Sent(
                written=written,
                verification=proof,
                content_hash=_reported(part.hashes),
                size=size,
                sent_bytes=size,
            )

    async def _send_if_small(self, item: Item, reader: FileReader, target: Target) -> _Sent | None:
        """A file of unknown size, whole if it proves to be a small one: that is one call instead of three. Else None."""
        if await self._ledger.upload(item.source_key) is not None:
            return None  # parts of it have arrived
        with self._staging.file() as staged:
            async with aclosing(reader.read()) as stream:
                splitter = Splitter(stream)
                hashes = self._verifier.whole_hashes(reader.entry) | {REPORTED}
                part = await staged.receive(splitter.next(_PROVES_SMALL), most=_PROVES_SMALL, hashes=hashes)
                if part.size == _PROVES_SMALL and not await splitter.at_end():
                    return None
            self._verifier.received(reader.published, part.hashes)
            await reader.still_the_same()
            written = await self._destination.connector.upload(target, part)
            with self._damage(item, reader.entry, written, part.size):
                proof = await self._verifier.whole(
                    self._written_ref(target, written), written, part.size, part.hashes
                )
            return _Sent(
                written=written,
                verification=proof,
                content_hash=f"{REPORTED}:{part.hashes[REPORTED]}",
                size=part.size,
                sent_bytes=part.size,
            )

    async def _send_stream(self, item: Item, reader: FileReader, target: Target) -> _Sent:
        """A large file to a destination that takes files only whole."""
        source = reader.entry
        can = self._source.connector.capabilities
        if source.size is None and not self._destination.connector.capabilities.unknown_sizes:
            raise Unsupported(
                "the destination takes only files whose size is known, and the source does not tell it"
            )
        wanted = self._whole_hashes_of_large(source, in_parts=False)
        with self._staging.file() as staged:
            content = StreamedContent(
                reader,
                staged,
                part_size=min(STREAM_PART, self._largest_part),
                ranges=can.range_reads and can.bounded_reads,
                part_hashes=self._verifier.stream_hashes(),
                whole_hashes=wanted,
            )
            written = await self._destination.connector.upload(target, content)
            await reader.still_the_same()
            whole = content.whole_hashes()
            self._verifier.received(reader.published, whole)
            parts = [
                PartRecord(n, part.size, "", part.hashes) for n, part in enumerate(content.parts, start=1)
            ]
            size = sum(part.size for part in parts)
            if source.size is not None and size != source.size:
                raise Changed("the destination ended the upload before the file's end", path=item.path)
            with self._damage(item, source, written, size):
                proof = await self._verifier.in_parts(
                    self._written_ref(target, written), written, parts, whole
                )
            return _Sent(
                written=written, verification=proof, content_hash=_reported(whole), size=size, sent_bytes=size
            )

    async def _send_parts(self, item: Item, reader: FileReader, target: Target) -> _Sent:
        connector = self._destination.connector
        uploads, rules = connector.part_uploads, connector.capabilities.parts
        assert uploads is not None
        assert rules is not None
        source, can = reader.entry, self._source.connector.capabilities
        with self._staging.file() as staged:
            upload = PartsUpload(
                uploads,
                rules,
                self._ledger,
                source_key=item.source_key,
                reader=reader,
                staged=staged,
                target=target,
                part_size=part_size_for(rules, source.size, most=self._largest_part),
                ranges=can.range_reads and can.bounded_reads,
                offsets=can.range_reads and _tells_changes(can, source),
                part_hashes=self._verifier.part_hashes(),
                whole_hashes=self._whole_hashes_of_large(source, in_parts=True),
                at_once=self._options.parts_at_once,
            )
            sent = await upload.run()
            self._verifier.received(reader.published, sent.whole)
            ref = self._written_ref(target, sent.entry)
            size = sum(part.size for part in sent.parts)
            await self._ledger.drop_upload(
                item.source_key
            )  # finished: whatever is wrong with it is sent anew
            with self._damage(item, source, sent.entry, size):
                proof = await self._verifier.in_parts(ref, sent.entry, sent.parts, sent.whole)
            return _Sent(
                written=sent.entry,
                verification=proof,
                content_hash=_reported(sent.whole),
                size=size,
                sent_bytes=sent.sent_bytes,
            )

    @contextmanager
    def _damage(self, item: Item, source: Entry, written: Entry, size: int) -> Iterator[None]:
        """Have an arrival that turns out to be damaged known as ours, so that the next attempt may replace it."""
        try:
            yield
        except IntegrityError as error:
            left = self._arrival(item, source, written, Verification.SIZE, None, size)
            raise DamagedArrival(error.message, path=item.destination_path, left=left) from error

    def _whole_hashes_of_large(self, source: Entry, *, in_parts: bool) -> frozenset[HashName]:
        """Only what one side can compare with: a pass over every byte of a large file is not for decoration.

        An S3 multipart ETag follows from the hashes of the parts; a file sent in one stream has another kind of ETag.
        """
        connector = self._destination.connector
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

    def _written_ref(self, target: Target, written: Entry) -> EntryRef:
        return target.folder.child(target.name, written.id)

    async def _keep_time(self, written: EntryRef, modified_ns: int | None) -> bool:
        """Set the modified time where that takes a call of its own. Returns whether it was set: the version is new then."""
        connector = self._destination.connector
        if connector.capabilities.modified is not Setting.AFTERWARDS or modified_ns is None:
            return False
        assert connector.times is not None
        return await connector.times.set_modified(written, modified_ns)

    def _arrival(
        self,
        item: Item,
        source: Entry,
        written: Entry,
        proof: Verification,
        digest: str | None,
        size: int | None,
    ) -> Arrival:
        path = item.destination_path
        return Arrival(
            source_key=item.source_key,
            path=item.path,
            size=source.size,
            modified_ns=source.modified_ns,
            version=source.version,
            hashes=source.hashes,
            destination_path=path,
            destination_path_key=self._path_key(path),
            destination_id=written.id,
            destination_size=written.size if written.size is not None else size,
            destination_modified_ns=written.modified_ns,
            destination_version=written.version,
            destination_hashes=written.hashes,
            content_hash=digest,
            verification=proof,
        )


def _tells_changes(can: Capabilities, source: Entry) -> bool:
    """Whether a file that changes is listed as another one, too: a time of days stays the same, and the size may."""
    grain_ns = can.modified_resolution_ns
    return bool(source.version or source.hashes) or (grain_ns is not None and grain_ns <= _FINE_NS)


def _as_earlier(arrival: Arrival) -> Moved:
    return Moved(
        state=ItemState.UNCHANGED,
        verification=Verification.EARLIER,
        content_hash=arrival.content_hash,
        sent_bytes=0,
        arrival=None,
    )


def _media_type(reader: FileReader) -> str | None:
    return reader.media_type or mimetypes.guess_type(reader.entry.name, strict=False)[0]


def _reported(hashes: Mapping[HashName, str]) -> str | None:
    name = strongest(frozenset(hashes))
    return f"{name}:{hashes[name]}" if name is not None else None
