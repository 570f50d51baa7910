"""Moving one file: one attempt, with all that it can find in its way at the destination."""

from __future__ import annotations

from contextlib import aclosing

import msgspec

from mover.connectors.contract import Setting, Target
from mover.entries import Entry, EntryKind, EntryRef, HashName
from mover.errors import Conflict, NotFound
from mover.hashing import hash_chunks
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Arrival, Item
from mover.ledger.states import Action, ItemState, Verification
from mover.staging import Staging
from mover.transfer.altered import is_converted, package_of
from mover.transfer.arrivals import arrival_of
from mover.transfer.bandwidth import Bandwidth
from mover.transfer.compare import COMPARED_BY, content_hash, same_beginning
from mover.transfer.evidence import (
    altered_kind,
    compare_hashes,
    same_time,
    source_since,
    still_ours,
    strongest,
    tells_nothing,
)
from mover.transfer.keys import item_key
from mover.transfer.options import ConflictRule, Options, VerifyLevel
from mover.transfer.packages import parts_at, same_document
from mover.transfer.progress import Progress
from mover.transfer.reading import FileReader
from mover.transfer.sending import Sender, Sent, media_type_of, written_ref
from mover.transfer.side import Side
from mover.transfer.versions import Brought, EarlierVersions


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended well."""

    state: ItemState
    verification: Verification | None
    content_hash: str | None
    sent_bytes: int
    arrival: Arrival | None
    message: str = ""


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
        self._options = options
        self._progress = progress
        self._bandwidth = bandwidth
        self._rules = destination.connector.capabilities.names
        self._versions = EarlierVersions(source, destination, options.versions, progress, bandwidth)
        self._sender = Sender(
            source.connector.capabilities,
            destination.connector,
            ledger,
            staging,
            options,
            progress,
            staging_memory_bytes=staging_memory_bytes,
        )

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
        self,
        item: Item,
        reader: FileReader,
        *,
        look_first: bool,
        begun: bool,
        left: Arrival | None = None,
    ) -> Moved:
        """Move a file once.

        Args:
            item: What was planned.
            reader: Of the file as it is now.
            look_first: Something may stand at the destination that was not there when it was listed: look before sending.
            begun: An earlier attempt may have left it there, even half of it.
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
            if (found := await self._same_already(item, reader, standing, begun=begun)) is not None:
                return await self._with_time(item, reader, standing, found)
            if look_first and (found := await self._altered_already(item, reader, standing)) is not None:
                return found
            versions = await self._versions.of(item, reader.entry) if begun else ()
            if not self._versions.is_one(standing, versions):
                await self._may_replace(item, reader, standing, ours_perhaps=begun, left=left)
        elif self._options.conflict is not ConflictRule.OVERWRITE:
            await self._still_ours(item, standing)
        return await self._send(item, reader, standing)

    async def _compare(self, item: Item, reader: FileReader) -> Moved:
        """Compare with what stands there, and send nothing, whatever comes of it. Raises NotFound, Conflict."""
        standing = await self._look(item)
        if standing is None:
            raise NotFound("the file is no longer at the destination", path=item.destination_path)
        if standing.kind is not EntryKind.FOLDER:
            if self._source.form is not None and self._source.form.sealed:
                return await self._as_it_arrived(item, reader, standing)
            found = await self._same_already(item, reader, standing, begun=False)
            if found is not None:
                return found
        raise Conflict("what stands at the destination is not the same", path=item.destination_path)

    async def _as_it_arrived(self, item: Item, reader: FileReader, standing: Entry) -> Moved:
        """Compare what stands there with what was noted when it arrived: a sealed file is not made again. Raises Conflict."""
        arrival = await self._arrival_before(item)
        if arrival is None:
            raise Conflict("nothing is noted of how this sealed file arrived, so it cannot be compared")
        if not source_since(reader.entry, arrival).is_same:
            raise Conflict("the file has changed at the source since it was sealed")
        proof = Verification.HASH
        same = compare_hashes(standing.hashes, arrival.destination_hashes)
        name, _, digest = (arrival.content_hash or "").partition(":")
        if same is None and digest:
            proof = Verification.READ_BACK
            ref = self._destination.ref(item.destination_path, standing.id)
            async with aclosing(self._destination.connector.read(ref)) as chunks:
                hashes, _ = await hash_chunks(chunks, [HashName(name)])
            same = hashes[HashName(name)] == digest
        if same is None:
            proof = Verification.SIZE
            same = standing.size is not None and standing.size == arrival.destination_size
        if not same:
            raise Conflict("what stands at the destination is not the sealed file that arrived there")
        assert self._source.form is not None
        return Moved(
            state=ItemState.ALREADY_THERE,
            verification=proof,
            content_hash=arrival.content_hash,
            sent_bytes=0,
            arrival=None,
            message=self._source.form.told(reader.ref, proof),
        )

    async def _look(self, item: Item) -> Entry | None:
        connector = self._destination.connector
        if connector.capabilities.duplicate_names and item.action is not Action.COPY:
            arrival = await self._arrival_before(item)  # of several of that name, ours
            if arrival is not None and arrival.destination_id is not None:
                try:
                    found = await connector.refresh(
                        self._destination.ref(item.destination_path, arrival.destination_id)
                    )
                except NotFound:
                    pass
                else:
                    if self._rules.key(found.name) == self._rules.key(item.destination_name):
                        return found
        try:
            return await connector.look_up(self._destination.ref(item.destination_path, None).path)
        except NotFound:
            return None

    async def _same_already(
        self, item: Item, reader: FileReader, standing: Entry, *, begun: bool
    ) -> Moved | None:
        """Whether what stands there is what would be sent: by hash, else by reading both."""
        ours = begun and item.action is not Action.COMPARE
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
            state=ItemState.COPIED if ours else ItemState.ALREADY_THERE,
            verification=proof,
            content_hash=digest,
            sent_bytes=0,
            arrival=arrival_of(
                item, source, standing, self._rules, proof=proof, digest=digest, size=source.size
            ),
            message="found complete after an interruption" if ours else "",
        )

    async def _altered_already(self, item: Item, reader: FileReader, standing: Entry) -> Moved | None:
        """Whether what an interruption left there is ours and complete, though the destination has changed it since."""
        destination = self._destination.connector
        alters = altered_kind(standing.name, destination.capabilities.alters)
        if not alters or self._options.verify is VerifyLevel.HASH:
            return None
        if is_converted(standing, destination.capabilities):
            return self._converted_already(item, reader, standing)
        sent = await package_of(reader, self._source.connector.capabilities)
        ref = self._destination.ref(item.destination_path, standing.id)
        there = await parts_at(destination, ref, standing.size) if sent is not None else None
        if sent is None or there is None or not same_document(sent, there):
            return None
        return self._found_altered(item, reader, standing, "has changed its properties")

    def _converted_already(self, item: Item, reader: FileReader, standing: Entry) -> Moved | None:
        """Whether a document of the destination's own was made of the file: it keeps its time, which no edit does."""
        grain_ns = self._destination.connector.capabilities.modified_resolution_ns or 1
        if self._options.verify is VerifyLevel.READBACK or not same_time(
            standing.modified_ns, reader.modified_ns, grain_ns
        ):
            return None
        return self._found_altered(item, reader, standing, "has turned it into a document of its own")

    def _found_altered(self, item: Item, reader: FileReader, standing: Entry, how: str) -> Moved:
        proof = Verification.ALTERED
        return Moved(
            state=ItemState.COPIED,
            verification=proof,
            content_hash=None,
            sent_bytes=0,
            arrival=arrival_of(
                item, reader.entry, standing, self._rules, proof=proof, digest=None, size=standing.size
            ),
            message=f"found complete after an interruption; the destination {how}",
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
        if arrival is None or not (arrival.content_hash or "").startswith(f"{COMPARED_BY}:"):
            return None
        return arrival if still_ours(standing, arrival, self._destination.connector.capabilities) else None

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
        if left is not None and still_ours(standing, left, self._destination.connector.capabilities):
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
            return still_ours(standing, arrival, self._destination.connector.capabilities)
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
        if arrival is None or arrival.destination_path_key != self._rules.path_key(item.destination_path):
            return None
        return arrival

    async def _send(self, item: Item, reader: FileReader, replaces: Entry | None) -> Moved:
        source = reader.entry
        brought = Brought(replaces)
        if versions := await self._versions.of(item, source):
            arrival = await self._arrival_before(item) if replaces is not None else None
            brought = await self._versions.bring(
                item, source, versions, replaces, arrival, self._send_content
            )
        target, sent = await self._send_content(item, reader, brought.replaces)
        written = sent.written
        if await self._keep_time(written_ref(target, written), reader.modified_ns):
            written = msgspec.structs.replace(written, version=None, modified_ns=None)
        form = self._source.form
        told = form.told(reader.ref, sent.verification) if form is not None else ""
        return Moved(
            state=ItemState.COPIED if replaces is None else ItemState.REPLACED,
            verification=sent.verification,
            content_hash=sent.content_hash,
            sent_bytes=brought.sent_bytes + sent.sent_bytes,
            arrival=arrival_of(
                item,
                source,
                written,
                self._rules,
                proof=sent.verification,
                digest=sent.content_hash,
                size=sent.size,
            ),
            message="; ".join(filter(None, (told, sent.message, brought.message))),
        )

    async def _send_content(
        self, item: Item, reader: FileReader, replaces: Entry | None
    ) -> tuple[Target, Sent]:
        """Send one version of a file, and prove its arrival."""
        if item.large:
            await reader.learn_time()
        folder = self._destination.ref(item.destination_folder_path, item.destination_folder_id)
        target = Target(
            folder=folder,
            name=item.destination_name,
            key=item_key(self._ledger.pair, item.source_key),
            replaces=replaces,
            modified_ns=reader.modified_ns,
            created_ns=reader.entry.created_ns,
            media_type=media_type_of(reader),
        )
        return target, await self._sender.send(item, reader, target)

    async def _keep_time(self, written: EntryRef, modified_ns: int | None) -> bool:
        """Set the modified time where that takes a call of its own. Returns whether it was set: the version is new then."""
        connector = self._destination.connector
        if connector.capabilities.modified is not Setting.AFTERWARDS or modified_ns is None:
            return False
        assert connector.times is not None
        return await connector.times.set_modified(written, modified_ns)


def _as_earlier(arrival: Arrival) -> Moved:
    return Moved(
        state=ItemState.UNCHANGED,
        verification=Verification.EARLIER,
        content_hash=arrival.content_hash,
        sent_bytes=0,
        arrival=None,
    )
