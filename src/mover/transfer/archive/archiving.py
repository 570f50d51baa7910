"""A run that archives, when its scan has ended: plan, send, verify, and write down what became of each file."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

import msgspec

from mover.archives.names import archive_name
from mover.archives.records import ZIP, Limits
from mover.connectors.contract import Target
from mover.database.failures import DatabaseTrouble
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import (
    ApiQuotaExceeded,
    Conflict,
    InvalidConfiguration,
    MoverError,
    NotFound,
    QuotaExceeded,
    SignInFailed,
    Transient,
)
from mover.ledger.archived import Archive
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Arrival, Item
from mover.ledger.states import Action, ItemState, Verification
from mover.staging import Staging
from mover.transfer.archive.members import MemberReader
from mover.transfer.archive.planning import Planner
from mover.transfer.archive.recognising import is_the_archive
from mover.transfer.archive.source import ARCHIVE, ArchiveSource
from mover.transfer.archive.writing import MARKED, ArchiveWriter
from mover.transfer.arrivals import DamagedArrival
from mover.transfer.bandwidth import Bandwidth
from mover.transfer.evidence import still_ours
from mover.transfer.keys import item_key
from mover.transfer.options import Options
from mover.transfer.progress import Progress
from mover.transfer.reading import FileReader
from mover.transfer.sending import Sender
from mover.transfer.side import Side
from mover.transfer.tries import Tries
from mover.transport.retries import RetryPolicy

_SETTLED = 1_000  # items in one transaction
_MOST_ALTERNATIVES = 100
_MEDIA_TYPE = "application/zip"
_GIVES_UP_THE_RUN = (SignInFailed, ApiQuotaExceeded, QuotaExceeded)


def check_archivable(options: Options, destination: Side) -> None:
    """Raise InvalidConfiguration for what makes no sense with an archive, saying what to do instead."""
    own = destination.connector.capabilities.own_kind
    for wrong, why in (
        (options.sharing is not None, "permissions: they belong to files, and an archive is one file"),
        (options.versions > 0, "versions: an archive holds each file once, and each run makes a new archive"),
        (bool(options.form), "sealing and opening: files stand in an archive as they are"),
        (options.conflict.value != "report", "--conflict: an archive never replaces anything"),
        (own is not None, f"{destination.label}: it takes only {own.what if own else ''}"),
    ):
        if wrong:
            raise InvalidConfiguration(
                f"archiving cannot be combined with {why}. Leave one of the two out, or use a plain copy"
            )


class Archiver:
    """Makes the archives of one run.

    Args:
        source, destination: The two sides.
        ledger: Of the run.
        staging: Where parts wait.
        options: How.
        progress: For the display.
        staging_memory_bytes: The memory for parts.
        retries: Pauses between attempts.
        large_from: Archives of at least this size in bytes are sent in parts or in a stream.
        limits: From where on archives need zip64.
        marked: Bytes of a large file between two points at which reading it can go on.
    """

    def __init__(
        self,
        source: Side,
        destination: Side,
        ledger: RunLedger,
        staging: Staging,
        options: Options,
        progress: Progress,
        *,
        staging_memory_bytes: int,
        retries: RetryPolicy,
        large_from: int,
        now_ns: Callable[[], int],
        limits: Limits = ZIP,
        marked: int = MARKED,
        rng: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self._destination = destination
        self._ledger = ledger
        self._staging = staging
        self._options = options
        self._progress = progress
        self._bandwidth = Bandwidth(options.bytes_per_s)
        self._staging_memory_bytes = staging_memory_bytes
        self._retries = retries
        self._large_from = large_from
        self._now_ns = now_ns
        self._limits = limits
        self._marked = marked
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._sleep = sleep
        names = destination.connector.capabilities.names
        self._stem = names.accepted(source.root.rpartition("/")[2] or source.connector.service)
        self._name = archive_name(self._stem, ledger.run.started_ns)

    @property
    def prefix(self) -> str:
        """What stands before the paths of the run's items at the destination: the archive, as if it were a folder."""
        return f"/{self._name}"

    async def forecast(self) -> str:
        """What a run would make, in words. Changes nothing."""
        archives, members, size = await self._planner().forecast()
        if not archives:
            return "nothing would be archived"
        where = self._name if archives == 1 else f"{archives} archives like {self._name}"
        return f"{members} files and folders would be archived into {where}: {size} bytes"

    async def run(self) -> list[str]:
        """Do all of it. Returns what a person should know.

        Raises what ends the run before its time: it is gone on with by the next call.
        """
        for key in await self._ledger.archives.begin():
            await self._give_up(key)
        planner = self._planner()
        await planner.plan()
        await self._ledger.flush()
        told = []
        for archive in await self._ledger.archives.all():
            made = archive
            if archive.verification is None:
                with self._progress.under_way(f"/{archive.name}"):
                    verification = await self._arrival(archive)
                if verification is None:
                    continue
                await self._ledger.archives.arrived(archive.number, verification)
                made = msgspec.structs.replace(archive, verification=verification)
            left_out = await self._settle(made)
            words = f"archived into {archive.name} ({archive.size} bytes)"
            told.append(f"{words}, without {left_out} that could not be read" if left_out else words)
        return told

    def _planner(self) -> Planner:
        members = self._members()
        return Planner(
            self._ledger,
            self._stem,
            self._destination.connector.capabilities.max_file_size,
            self._free,
            self.prefix,
            self._now_ns,
            members.size_of,
            members.ends_the_run,
            self._limits,
        )

    async def _free(self, name: str) -> str:
        rules = self._destination.connector.capabilities.names
        for attempt in range(_MOST_ALTERNATIVES):
            candidate = name if attempt == 0 else rules.distinct(name, attempt)
            if await self._standing(candidate) is None:
                return candidate
        raise Conflict("no name is free for the archive", path=name)

    async def _standing(self, name: str) -> Entry | None:
        try:
            return await self._destination.connector.look_up(self._destination.ref(f"/{name}", None).path)
        except NotFound:
            return None

    async def _arrival(self, archive: Archive) -> Verification | None:
        """Have an archive stand at the destination. Returns how that was verified; None: it cannot be stored, and why is told."""
        key = self._ledger.archives.upload_key(archive.number)
        tries = Tries(self._retries, self._options.attempts, self._rng, 0)
        left: Arrival | None = None
        while True:
            tries.begin()
            reader = self._reader(archive, key)
            try:
                return await self._attempt(archive, key, reader, left)
            except DatabaseTrouble:
                raise
            except MoverError as error:
                if reader.trouble is error:
                    raise
                parts = await self._ledger.uploads.parts_kept(key)
                again, wait_s = tries.failed(error, parts=parts, arrivals=0)
                if again:
                    left = error.left if isinstance(error, DamagedArrival) else left
                    await self._sleep(wait_s)
                    continue
                if isinstance(error, (*_GIVES_UP_THE_RUN, Transient)):
                    raise  # the next call goes on with what has arrived
                await self._fail(archive, key, error)
                return None

    async def _attempt(
        self, archive: Archive, key: str, reader: FileReader, left: Arrival | None
    ) -> Verification:
        standing = await self._standing(archive.name)
        replaces = None
        if standing is not None:
            can = self._destination.connector.capabilities
            if left is not None and still_ours(standing, left, can):
                replaces = standing  # what arrived damaged, a moment ago
            elif await self._is_ours(archive, standing):
                await self._ledger.uploads.drop(key)
                return Verification.READ_BACK
            else:
                raise Conflict("another file of that name stands at the destination", path=f"/{archive.name}")
        target = Target(
            folder=self._destination.ref("/", None),
            name=archive.name,
            key=item_key(self._ledger.pair, key),
            replaces=replaces,
            modified_ns=reader.modified_ns,
            media_type=_MEDIA_TYPE,
        )
        sender = Sender(
            ARCHIVE,
            self._destination.connector,
            self._ledger,
            self._staging,
            self._options,
            self._progress,
            staging_memory_bytes=self._staging_memory_bytes,
        )
        return (await sender.send(await self._item(archive, key), reader, target)).verification

    async def _is_ours(self, archive: Archive, standing: Entry) -> bool:
        if standing.kind is not EntryKind.FILE or standing.size not in {None, archive.size}:
            return False
        ref = self._destination.ref(f"/{archive.name}", standing.id)
        async with aclosing(self._destination.connector.read(ref)) as chunks:
            return await is_the_archive(self._ledger.archives, archive, chunks, self._limits)

    def _reader(self, archive: Archive, key: str) -> FileReader:
        entry = self._entry(archive, key)
        writer = ArchiveWriter(
            self._ledger, archive, self._members(), limits=self._limits, marked=self._marked
        )
        side = replace(
            self._source, connector=ArchiveSource(self._source.connector, entry, writer), root="/", form=None
        )
        path = f"/{archive.name}"
        return FileReader(
            side, EntryRef(path), entry, path=path, progress=self._progress, bandwidth=self._bandwidth
        )

    def _members(self) -> MemberReader:
        return MemberReader(
            self._source,
            self._ledger,
            retries=self._retries,
            attempts=self._options.attempts,
            rng=self._rng,
            sleep=self._sleep,
        )

    def _entry(self, archive: Archive, key: str) -> Entry:
        return Entry(
            name=archive.name,
            kind=EntryKind.FILE,
            size=archive.size,
            modified_ns=self._ledger.run.started_ns,
            version=key,
            media_type=_MEDIA_TYPE,
        )

    async def _item(self, archive: Archive, key: str) -> Item:
        """The archive as an item: staging says of its parts that they are of its first member."""
        (first,) = await self._ledger.archives.members(archive.number, 1)
        return Item(
            id=first.item.id,
            source_key=key,
            folder_path="/",
            folder_source_id=None,
            destination_folder_path="/",
            destination_folder_id=self._destination.root_id,
            entry=self._entry(archive, key),
            destination_name=archive.name,
            destination_key=self._destination.connector.capabilities.names.key(archive.name),
            action=Action.COPY,
            large=archive.size >= self._large_from,
            interrupted=self._ledger.run.resumed,
            note="",
        )

    async def _fail(self, archive: Archive, key: str, error: MoverError) -> None:
        """Tell of every member that its archive could not be stored, and leave nothing of it behind."""
        state = ItemState.CONFLICT if isinstance(error, Conflict) else ItemState.FAILED
        why = f"the archive {archive.name} could not be stored: {error}"
        await self._give_up(key)
        await self._ledger.archives.failed(archive.number, state, error.reason, why)
        self._progress.ended(state, archive.size, path=f"/{archive.name}", message=str(error))

    async def _give_up(self, key: str) -> None:
        """Abort an upload that nobody goes on with."""
        upload = await self._ledger.uploads.find(key)
        uploads = self._destination.connector.part_uploads
        if upload is not None and uploads is not None:
            await uploads.abort(upload.token.reveal())
        await self._ledger.uploads.drop(key)

    async def _settle(self, archive: Archive) -> int:
        """Write what became of the members of an archive that has arrived. Returns how many were left out."""
        left_out = 0
        while True:
            settled, bad = await self._ledger.archives.settle(archive, _SETTLED)
            if not settled:
                return left_out
            left_out += bad
            self._progress.states[ItemState.COPIED] += settled - bad
            self._progress.states[ItemState.FAILED] += bad
