"""How many operations at once an account bears, learnt from what the service says. One pacer an account, never shared.

The limit rises by one for as many successes as it is high, while it is fully used, and is halved when the service
throttles. Until it does so for the first time the limit rises by a half in the same time, since nothing says yet how much
is too much. The height at which it was throttled is remembered, and reached again only slowly. Calls that were on their
way already when it was halved do not halve it again, nor do those that operations share, of which fewer operations would
make no fewer. What the service wishes in `Retry-After` stops the whole account
until then.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from mover.errors import ServiceFault, Throttled, Transient

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 60.0
_PAUSE_JITTER = 0.1
_FIRST_STEP = 0.5  # of a success, while the service has never throttled
_CAUTION = 16  # times as many successes are needed for the step up to where the service throttled before


class Pacer:
    """Slots for the operations of one account.

    A read holds its slot while its reader waits for room in staging, and that room comes from an upload, perhaps to
    the same account; the upload of a stream holds its slot while it waits for reads, perhaps of the same account. So
    one of either kind is let in always, whatever the other kind holds; nothing can wait in a circle.

    Args:
        start: Operations at once to begin with (`Capabilities.concurrency[0]`).
        most: And at most (`Capabilities.concurrency[1]`).
        rate: Operations started in a second at most; None: as many as there are.
        on_wait: Told the seconds of each pause that the service brings about, when it begins or grows.
        clock: Monotonic seconds.
        sleep: Waits so many seconds of that clock.
        rng: For jitter, so that accounts do not come back in step.
    """

    def __init__(
        self,
        start: int,
        most: int,
        *,
        rate: float | None = None,
        on_wait: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._limit = float(max(1, min(start, most)))
        self._most = float(max(1, most))
        self._interval_s = 1 / rate if rate else 0.0
        self._on_wait = on_wait
        self._clock = clock
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._waiting: deque[_Waiter] = deque()
        self._reads = 0
        self._others = 0
        self._paused_until = 0.0
        self._next_start = 0.0
        self._halved_at = float("-inf")
        self._throttled_in_a_row = 0
        self._throttled_at = float("inf")
        self._successes = 0
        self._has_throttled = False

    @property
    def successes(self) -> int:
        """Operations that have ended without an error so far."""
        return self._successes

    @property
    def limit(self) -> int:
        """Operations that may run at once now."""
        return int(self._limit)

    @property
    def running(self) -> int:
        """Operations that have a slot."""
        return self._reads + self._others

    @property
    def pause_left_s(self) -> float:
        """Seconds until the account may be used again; 0 if it may."""
        return max(0.0, self._paused_until - self._clock())

    def slot(self, *, read: bool = False) -> AbstractAsyncContextManager[None]:
        """Wait for a slot, first come first served, and hold it for the length of an `async with`.

        How the block ends tells how the account fares: without an error, with Throttled, with another one.
        """
        return _Slot(self, read=read)

    async def begin(self, *, read: bool) -> float:
        """Take a slot as soon as there is one, without `slot`'s care for giving it back; returns when it started."""
        if self._waiting or not self._has_room(read=read):
            await self._wait_for_room(read=read)
        else:
            self._count(1, read=read)
        try:
            await self._until_due()
        except BaseException:
            self._release(read=read)
            raise
        return self._clock()

    def end(self, started: float, error: BaseException | None, *, read: bool) -> None:
        """Take a slot back and learn from how its operation ended."""
        if error is None:
            self._succeeded(started)
        elif isinstance(error, Transient):
            self._failed(started, error)
        self._release(read=read)

    async def _wait_for_room(self, *, read: bool) -> None:
        waiter = _Waiter(read=read)
        self._waiting.append(waiter)
        self._admit()
        try:
            await waiter.admitted
        except asyncio.CancelledError:
            if waiter.admitted.cancelled():
                self._waiting.remove(waiter)
                self._admit()
            else:  # admitted and cancelled in the same moment
                self._release(read=read)
            raise

    def _has_room(self, *, read: bool) -> bool:
        return self.running < self.limit or (self._reads if read else self._others) == 0

    def _count(self, change: int, *, read: bool) -> None:
        if read:
            self._reads += change
        else:
            self._others += change

    def _release(self, *, read: bool) -> None:
        self._count(-1, read=read)
        self._admit()

    def _admit(self) -> None:
        while waiter := self._next_admissible():
            self._waiting.remove(waiter)
            self._count(1, read=waiter.read)
            waiter.admitted.set_result(None)

    def _next_admissible(self) -> _Waiter | None:
        kinds = [read for read in (False, True) if self._has_room(read=read)]
        if not kinds:
            return None
        waiting = (waiter for waiter in self._waiting if waiter.read in kinds)
        return next((waiter for waiter in waiting if not waiter.admitted.cancelled()), None)

    async def _until_due(self) -> None:
        while (pause := self.pause_left_s) > 0:
            await self._sleep(pause)
        if self._interval_s:
            now = self._clock()
            due = max(now, self._next_start)
            self._next_start = due + self._interval_s
            if due > now:
                await self._sleep(due - now)

    def _succeeded(self, started: float) -> None:
        self._successes += 1
        if self.running >= self.limit:
            self._rise()
        if started > self._halved_at:
            self._throttled_in_a_row = 0

    def _rise(self) -> None:
        step = 1 / self._limit if self._has_throttled else _FIRST_STEP
        if self._limit < self._throttled_at <= self._limit + step:
            step /= _CAUTION
        self._limit = min(self._most, self._limit + step)
        if self._limit >= self._throttled_at:
            self._throttled_at = float("inf")

    def _failed(self, started: float, error: Transient) -> None:
        match error:
            case Throttled():
                self._has_throttled = True
                if started > self._halved_at:
                    self._halved_at = self._clock()
                    if not error.in_turn:
                        self._throttled_at = float(self.limit)
                        self._limit = max(1.0, self._limit / 2)
                    self._throttled_in_a_row += 1
                    doubled = _FIRST_PAUSE_S * 2.0 ** min(self._throttled_in_a_row - 1, 10)
                    self._pause(error.retry_after_s, otherwise_s=min(_LONGEST_PAUSE_S, doubled))
                else:
                    self._pause(error.retry_after_s, otherwise_s=0.0)
            case ServiceFault():
                self._pause(error.retry_after_s, otherwise_s=0.0)
            case _:
                pass  # broken connections and locked entries say nothing about the account

    def _pause(self, wished_s: float | None, *, otherwise_s: float) -> None:
        seconds = wished_s or otherwise_s  # a wish for no pause at all, by one who throttles, is no wish
        if seconds <= self.pause_left_s:
            return
        seconds += self._rng.uniform(0, _PAUSE_JITTER * seconds)
        self._paused_until = self._clock() + seconds
        if self._on_wait:
            self._on_wait(seconds)


class _Waiter:
    __slots__ = ("admitted", "read")

    def __init__(self, *, read: bool) -> None:
        self.read = read
        self.admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class _Slot:
    __slots__ = ("_pacer", "_read", "_started")

    def __init__(self, pacer: Pacer, *, read: bool) -> None:
        self._pacer = pacer
        self._read = read
        self._started = 0.0

    async def __aenter__(self) -> None:
        self._started = await self._pacer.begin(read=self._read)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pacer.end(self._started, error, read=self._read)
