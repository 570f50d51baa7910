"""Many files at once: small ones in one lane and large ones in another, so that neither waits for the other.

Each lane takes planned files from the ledger in small batches, whose state says `sending` from then on, and tries each
until it arrived, cannot arrive, or was tried often enough.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import msgspec

from mover.database.failures import DatabaseTrouble
from mover.entries import Entry, EntryKind
from mover.errors import (
    ApiQuotaExceeded,
    Changed,
    Conflict,
    MissingDependency,
    MoverError,
    NotFound,
    QuotaExceeded,
    Reason,
    ServiceFault,
    SignInFailed,
    Throttled,
    TimedOut,
    Unreachable,
    Unsupported,
)
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Item, Outcome
from mover.ledger.states import Action, ItemState
from mover.transfer.arrivals import DamagedArrival
from mover.transfer.concurrency import task_group
from mover.transfer.confined import Confined
from mover.transfer.copy import FileMover, Moved
from mover.transfer.options import Options
from mover.transfer.progress import Progress
from mover.transfer.tries import Tries
from mover.transport.retries import RetryPolicy

_log = logging.getLogger(__name__)

_SMALL_BATCH = 48
_LARGE_BATCH = 1
_ENDS_THE_RUN = (SignInFailed, QuotaExceeded, ApiQuotaExceeded)
_SERVICE_DOWN = (Unreachable, TimedOut, ServiceFault, Throttled)
_MEETINGS = 2
_LOOKS = 100  # files, one after the other, that are looked for in vain until they are sent unseen again
_VAIN_LIMIT = 30  # files in a row that failed because a service is down


class Lanes:
    """Moves what the scan plans, until the scan has ended and nothing is left.

    Args:
        mover: Moves one file.
        ledger: Of the run.
        options: How many at once, how often.
        progress: For the display.
        retries: Pauses between attempts.
        sleep: The pause itself.
        confined: What is wrong with single accounts.
    """

    def __init__(
        self,
        mover: FileMover,
        ledger: RunLedger,
        options: Options,
        progress: Progress,
        *,
        retries: RetryPolicy,
        confined: Confined,
        rng: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._confined = confined
        self._mover = mover
        self._ledger = ledger
        self._options = options
        self._progress = progress
        self._retries = retries
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._in_vain = 0
        self._arrivals = 0
        self._looks = 0
        self._waiting: list[tuple[Item, MissingDependency]] = []
        self._sleep = sleep
        self._now_ns = now_ns
        self._work = (asyncio.Event(), asyncio.Event())
        self._complete = False
        self._ending = False

    def found(self) -> None:
        """Tell the lanes that there may be work in the ledger."""
        for event in self._work:
            event.set()

    def complete(self) -> None:
        """Tell the lanes that no more work will come."""
        self._complete = True
        self.found()

    async def run(self) -> None:
        """Move files until there are none left.

        Raises SignInFailed, QuotaExceeded, ApiQuotaExceeded, or what many files in a row failed with: going on would be pointless.
        """
        async with task_group() as group:
            lanes = (
                group.create_task(
                    self._lane(large=False, at_once=self._options.files_at_once, batch=_SMALL_BATCH)
                ),
                group.create_task(
                    self._lane(large=True, at_once=self._options.large_at_once, batch=_LARGE_BATCH)
                ),
            )
            with self._noticing_the_end():
                await asyncio.wait(lanes)
        await self._move_dependents()

    @contextmanager
    def _noticing_the_end(self) -> Iterator[None]:
        """Note that all is to end when one ends before its time: what breaks from then on is not tried again."""
        try:
            yield
        except BaseException:
            self._ending = True
            raise

    async def _lane(self, *, large: bool, at_once: int, batch: int) -> None:
        work = self._work[large]
        queue = asyncio.Queue[Item | None](maxsize=max(batch // 2, 1))
        async with task_group() as group:
            for _ in range(at_once):
                group.create_task(self._worker(queue))
            with self._noticing_the_end():
                while True:
                    work.clear()
                    complete = self._complete
                    claimed = await self._ledger.claim(large=large, limit=batch)
                    for item in claimed:
                        await queue.put(item)
                    if not claimed:
                        if complete:
                            break
                        await work.wait()
                for _ in range(at_once):
                    await queue.put(None)

    async def _worker(self, queue: asyncio.Queue[Item | None]) -> None:
        with self._noticing_the_end():
            while (item := await queue.get()) is not None:
                if self._progress.stopping:
                    await asyncio.Future[None]()  # until the run is cancelled, which is about to happen
                await self._item(item)

    async def _item(self, item: Item) -> None:
        with self._progress.under_way(item.path):
            try:
                outcome = await self._outcome(item)
            except MissingDependency as error:
                self._waiting.append((item, error))
                return
        await self._end(item, outcome)

    async def _end(self, item: Item, outcome: Outcome) -> None:
        await self._ledger.finish(outcome)
        self._progress.ended(outcome.state, item.entry.size, path=item.path, message=outcome.message)

    async def _move_dependents(self) -> None:
        """Move what waits for other files, when those have been moved: again and again, while that brings any there."""
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            for item, _ in waiting:
                await self._item(item)
            if len(self._waiting) == len(waiting):
                for item, error in self._waiting:
                    await self._end(item, self._failed(item, error, False, 1, self._now_ns()))
                return

    async def _outcome(self, item: Item) -> Outcome:
        started = self._now_ns()
        known = next(self._confined.troubles(item.path, item.destination_path), None)
        if known is not None:
            return self._failed(item, *known, 0, started)
        entry = item.entry
        tries = Tries(self._retries, self._options.attempts, self._rng, self._arrivals)
        left = None
        is_untouched = not item.interrupted
        begun = item.interrupted
        meetings = 0
        while True:
            tries.begin()
            reader = self._mover.reader(item, entry)
            look_first = not is_untouched or self._looks > 0
            try:
                moved = await self._mover.move(item, reader, look_first=look_first, begun=begun, left=left)
            except (MissingDependency, DatabaseTrouble):
                raise
            except MoverError as error:
                if self._ending:
                    raise asyncio.CancelledError from error
                at_source = reader.trouble is error
                did_nothing = isinstance(error, Throttled) and error.did_nothing and not at_source
                is_untouched = is_untouched and did_nothing
                begun = begun or not (did_nothing or isinstance(error, Conflict))
                meetings += isinstance(error, Conflict)
                parts = await self._parts_kept(item)
                again, wait_s = tries.failed(error, parts=parts, arrivals=self._arrivals)
                if again or (
                    not at_source
                    and _is_worth_a_look(
                        item, error, tries.attempt, looked=look_first, begun=begun, meetings=meetings
                    )
                ):
                    if not again and look_first and not item.interrupted:
                        # Nothing stood there a moment ago: it is whole and ours, or a stranger's.
                        begun = False
                    left = error.left if isinstance(error, DamagedArrival) else left
                    await self._sleep(wait_s)
                    entry = await self._entry_now(item, entry, error)
                    continue
                failed = self._failed(item, error, at_source, tries.attempt, started)
                if await self._pointless(item, error, at_source=at_source):
                    await self._ledger.finish(failed)
                    raise
                return failed
            except Exception as error:  # one strange file must not end the run; it is reported, and logged
                if self._ending:
                    raise asyncio.CancelledError from error
                _log.exception("unexpected error", extra={"item": item.id})
                strange = MoverError(
                    f"unexpected {type(error).__name__}; the log of this run has more", path=item.path
                )
                return self._failed(item, strange, False, tries.attempt, started)
            self._in_vain = 0
            self._arrivals += 1
            self._look_for_more(item, moved)
            return self._arrived(item, moved, tries.attempt, started)

    def _look_for_more(self, item: Item, moved: Moved) -> None:
        """Look before sending, for a while, when the ledger has forgotten a file: it will have forgotten others."""
        if moved.state is ItemState.ALREADY_THERE and item.action is Action.COPY:
            self._looks = _LOOKS
        elif self._looks:
            self._looks -= 1

    async def _parts_kept(self, item: Item) -> int:
        """How many parts of a large file the destination has."""
        return await self._ledger.uploads.parts_kept(item.source_key) if item.large else 0

    async def _pointless(self, item: Item, error: MoverError, *, at_source: bool) -> bool:
        """Whether going on with other files would only repeat the trouble."""
        self._in_vain = self._in_vain + 1 if isinstance(error, _SERVICE_DOWN) else 0
        if not isinstance(error, _ENDS_THE_RUN):
            return self._in_vain >= _VAIN_LIMIT
        path = item.path if at_source else item.destination_path
        return not await self._confined.confines(error, path, at_source=at_source)

    async def _entry_now(self, item: Item, entry: Entry, error: MoverError) -> Entry:
        """The entry for the next attempt: looked at afresh if it changed while it was read."""
        if not isinstance(error, Changed):
            return entry
        try:
            return msgspec.structs.replace(await self._mover.refreshed(item), name=entry.name)
        except MoverError:
            return entry  # the next attempt meets the same trouble, and reports it

    def _arrived(self, item: Item, moved: Moved, attempts: int, started: int) -> Outcome:
        return Outcome(
            item_id=item.id,
            state=moved.state,
            message="; ".join(filter(None, (item.note, moved.message))),
            verification=moved.verification,
            content_hash=moved.content_hash,
            sent_bytes=moved.sent_bytes,
            attempts=attempts,
            started_ns=started,
            ended_ns=self._now_ns(),
            arrival=moved.arrival,
        )

    def _failed(self, item: Item, error: MoverError, at_source: bool, attempts: int, started: int) -> Outcome:  # noqa: FBT001
        gone = isinstance(error, NotFound) and at_source
        state = _state_for(error, item.entry.kind, at_source=at_source)
        no_export = state is ItemState.UNSUPPORTED and item.entry.kind is EntryKind.NATIVE
        reason = Reason.UNSUPPORTED_TYPE if no_export and at_source else error.reason
        return Outcome(
            item_id=item.id,
            state=state,
            reason=Reason.GONE if gone else reason,
            side="source" if at_source else "destination",
            message=str(error),
            attempts=attempts,
            started_ns=started,
            ended_ns=self._now_ns(),
        )


def _is_worth_a_look(
    item: Item, error: MoverError, attempt: int, *, looked: bool, begun: bool, meetings: int
) -> bool:
    """Whether what stands in the way may be the very file, though the ledger does not say so. The next attempt looks.

    Either the process that sent the item before may have been at it still: it had lost the pair and did not know, and put
    the file into its place, or took the temporary one away, between this process's look and its own turn. Or the
    ledger has forgotten: its database was restored from a backup, or a standby took over that lacked the last commits.
    Or an attempt before this one made it after all: one that the service is said to have refused, so that nobody has
    looked yet, or one whose answer was lost, and the service was late to show what it has (`begun`).

    Args:
        item: What is in somebody's way.
        error: How the attempt at the destination ended.
        attempt: Its number.
        looked: It looked before it sent, and nothing stood there, or something else.
        begun: It, or one before, may have left something there.
        meetings: Attempts so far that met something.
    """
    if not isinstance(error, (Conflict, NotFound)):
        return False
    if item.interrupted:
        return attempt <= _MEETINGS
    if not isinstance(error, Conflict) or item.action not in {Action.COPY, Action.REPLACE}:
        return False
    return not looked or (begun and meetings == 1)


def _state_for(error: MoverError, kind: EntryKind, *, at_source: bool) -> ItemState:
    match error:
        case Conflict():
            return ItemState.CONFLICT
        case Unsupported() if not at_source or kind is EntryKind.NATIVE:
            return ItemState.UNSUPPORTED
        case _:
            return ItemState.FAILED
