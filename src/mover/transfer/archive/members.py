"""Reading the files that go into an archive: small ones some ahead and whole, large ones in one stream each."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import msgspec

from mover.archives.records import SMALL
from mover.database.failures import DatabaseTrouble
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import (
    AccountSuspended,
    ApiQuotaExceeded,
    Changed,
    IntegrityError,
    MoverError,
    ServiceFault,
    SignInFailed,
    Throttled,
    TimedOut,
    Unreachable,
)
from mover.hashing import MultiHasher
from mover.ledger.archived import PlacedMember
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Item
from mover.transfer.evidence import compare_hashes, strongest
from mover.transfer.side import Side
from mover.transfer.tries import Tries
from mover.transport.retries import RetryPolicy

_AHEAD = 16  # members looked at ahead; small files among them are held in memory
_ENDS_THE_RUN = (SignInFailed, ApiQuotaExceeded)
_SERVICE_DOWN = (Unreachable, TimedOut, ServiceFault, Throttled)
_VAIN_LIMIT = 30  # files in a row that failed because the source is down

_ANY = 1 << 62  # bytes
_IN_A_THREAD = 64 << 10
_GROWN = "the file has grown since it was listed, and its place in the archive is too small: run again"


class _NotAsPublished(IntegrityError):
    """What was read has another hash than the source says."""


class SmallFile(msgspec.Struct, frozen=True):
    """A small file that was read, or what it failed with."""

    content: bytes = b""
    modified_ns: int | None = None
    error: MoverError | None = None


class MemberReader:
    """Reads the members of archives. Errors of single files are told of these; what a method raises ends the run.

    Args:
        source: Where they stand.
        ledger: Of the run.
        retries: Pauses between attempts.
        attempts: How often a file is tried.
        sleep: The pause itself.
    """

    def __init__(
        self,
        source: Side,
        ledger: RunLedger,
        *,
        retries: RetryPolicy,
        attempts: int,
        rng: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._retries = retries
        self._attempts = attempts
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._sleep = sleep
        self._in_vain = 0

    @property
    def ranges(self) -> bool:
        """Files can be read from an offset."""
        return self._source.connector.capabilities.range_reads

    async def in_order(
        self, number: int, *, after: int
    ) -> AsyncGenerator[tuple[PlacedMember, asyncio.Task[SmallFile] | None], None]:
        """Yield members of an archive whose headers stand behind a position; small files are being read meanwhile."""
        window = deque[tuple[PlacedMember, asyncio.Task[SmallFile] | None]]()
        try:
            async with aclosing(self._ledger.archives.each_member(number, after=after)) as coming:
                async for placed in coming:
                    window.append((placed, self._begun(placed)))
                    if len(window) == _AHEAD:
                        yield window.popleft()
                while window:
                    yield window.popleft()
        finally:
            tasks = [task for _, task in window if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _begun(self, placed: PlacedMember) -> asyncio.Task[SmallFile] | None:
        entry = placed.item.entry
        left_out = placed.read is not None and placed.read.reason is not None
        if entry.kind is EntryKind.FOLDER or left_out or placed.room > SMALL:
            return None
        return asyncio.create_task(self._small(placed))

    async def _small(self, placed: PlacedMember) -> SmallFile:
        found: list[Entry] = [placed.item.entry]
        content = bytearray()
        try:
            async with aclosing(
                self.content(placed.item, 0, found, room=placed.room, whole=content)
            ) as pieces:
                async for piece in pieces:
                    content += piece
        except MoverError as error:
            if self.ends_the_run(error):
                raise
            return SmallFile(error=error)
        return SmallFile(bytes(content), found[0].modified_ns)

    async def content(
        self,
        item: Item,
        offset: int,
        found: list[Entry],
        *,
        room: int,
        sent: bool = False,
        whole: bytearray | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Yield a file from an offset on, and see at its end that it still is what it was.

        Tries again from where it broke off; a file that changed is read again as it is now, if nothing of it has been
        handed on, or `whole` holds all that was: it is emptied then.

        Args:
            item: Which.
            offset: In bytes.
            found: The entry that was read; replaced by what is known better.
            room: Bytes that it may have.
            sent: Something of it was sent by an earlier attempt, so it cannot be another version.
            whole: What the caller keeps of the pieces, and can forget.

        Raises MoverError: that is the outcome of this file, unless `ends_the_run` says otherwise.
        """
        entry, at = item.entry, offset
        hasher = _hasher(entry) if offset == 0 else None
        tries = Tries(self._retries, self._attempts, self._rng, 0)
        while True:
            tries.begin()
            try:
                async with aclosing(self._opened(item, entry, at, found)) as pieces:
                    async for piece in pieces:
                        at += len(piece)
                        if at > (room if entry.size is None else min(room, entry.size)):
                            raise Changed("the file is longer than it was when it was listed", path=item.path)
                        await _hash(piece, hasher)
                        yield piece
                await self._still_the_same(item, entry, at)
                _compare(entry, hasher)
            except DatabaseTrouble:
                raise
            except MoverError as error:
                changed = isinstance(error, Changed)
                spoiled = isinstance(error, _NotAsPublished)
                knows = not (changed or spoiled) and entry.size is not None and self._tells_versions(entry)
                can_begin_anew = whole is not None or (at == 0 and not sent)
                again, wait_s = tries.failed(error, parts=at // SMALL, arrivals=0)
                if self.ends_the_run(error) or not again or not (knows or can_begin_anew):
                    self._count(error)
                    raise
                await self._sleep(wait_s)
                if changed:
                    entry = found[0] = await self._as_it_is_now(item, room)
                if not knows:
                    at, hasher = 0, _hasher(entry)
                    if whole is not None:
                        whole.clear()
            else:
                self._in_vain = 0
                return

    async def size_of(self, item: Item) -> int:
        """Read a file whose size nobody tells, for its size in bytes. Raises as `content`."""
        size = 0
        going_on = bytearray(b".")  # emptied where it is read from its start once more
        pieces = self.content(item, 0, [item.entry], room=_ANY, whole=going_on)
        async with aclosing(pieces) as opened:
            async for piece in opened:
                size = (size if going_on else 0) + len(piece)
                going_on[:] = b"."
        return size if going_on else 0

    async def _as_it_is_now(self, item: Item, room: int) -> Entry:
        """The entry of a file that changed. Raises Changed if it does not fit into its place any more."""
        entry = await self._source.connector.refresh(self._ref(item))
        if entry.size is not None and entry.size > room:
            raise Changed(_GROWN, path=item.path)
        return entry

    async def _opened(
        self, item: Item, entry: Entry, at: int, found: list[Entry]
    ) -> AsyncGenerator[bytes, None]:
        connector = self._source.connector
        start = at if self.ranges else 0
        if at == entry.size and at > 0:
            return
        described = connector.described_reads
        if found[0].modified_ns is None and described is not None:

            def tell(told: Entry) -> None:
                found[0] = told

            stream = described.read(self._ref(item), offset=start, version=entry.version, found=tell)
        else:
            stream = connector.read(self._ref(item), offset=start, version=entry.version)
        over = at - start
        async with aclosing(stream) as pieces:
            async for piece in pieces:
                if over >= len(piece):
                    over -= len(piece)
                    continue
                yield piece[over:]
                over = 0

    async def learn_time(self, item: Item) -> int | None:
        """The modified time of a large file, asked for where listings do not tell it. Raises as `content`."""
        connector = self._source.connector
        if item.entry.modified_ns is not None or connector.described_reads is None:
            return item.entry.modified_ns
        try:
            return (await connector.refresh(self._ref(item))).modified_ns
        except MoverError as error:
            if self.ends_the_run(error):
                raise
            return None  # reading meets the same trouble, and tells it

    async def _still_the_same(self, item: Item, entry: Entry, read: int) -> None:
        """Raise Changed if the file is not what was read."""
        if entry.size is not None and read != entry.size:
            raise Changed("the file is shorter than it was when it was listed", path=item.path)
        can = self._source.connector.capabilities
        if can.versioned_reads and entry.version is not None:
            return
        now = await self._source.connector.refresh(self._ref(item))
        if (now.version, now.size, now.modified_ns) != (entry.version, entry.size, entry.modified_ns):
            raise Changed("the file changed while it was read", path=item.path)

    def ends_the_run(self, error: MoverError) -> bool:
        """Whether no other file would fare better."""
        if isinstance(error, AccountSuspended):
            return self._source.connector.places is None
        return isinstance(error, (*_ENDS_THE_RUN, DatabaseTrouble)) or self._in_vain >= _VAIN_LIMIT

    def _count(self, error: MoverError) -> None:
        self._in_vain = self._in_vain + 1 if isinstance(error, _SERVICE_DOWN) else 0

    def _ref(self, item: Item) -> EntryRef:
        return self._source.ref(item.path, item.entry.id)

    @staticmethod
    def _tells_versions(entry: Entry) -> bool:
        return bool(entry.version or entry.hashes) or entry.modified_ns is not None


def _hasher(entry: Entry) -> MultiHasher | None:
    """What computes the best hash that the source published; None without one."""
    name = strongest(frozenset(entry.hashes))
    return MultiHasher({name}) if name is not None else None


async def _hash(piece: bytes, hasher: MultiHasher | None) -> None:
    if hasher is None:
        return
    if len(piece) < _IN_A_THREAD:
        hasher.update(piece)
    else:
        await asyncio.to_thread(hasher.update, piece)


def _compare(entry: Entry, hasher: MultiHasher | None) -> None:
    """Raise IntegrityError if what was read is not what the source published."""
    if hasher is not None and compare_hashes(entry.hashes, hasher.hexdigests()) is False:
        raise _NotAsPublished("the bytes that arrived from the source do not have the hash that it published")
