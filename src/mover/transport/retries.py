"""When an operation is tried again: what may help, how often, and after how long."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mover.errors import Changed, IntegrityError, MoverError, Throttled, Transient


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential waits with full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter).

    Attributes:
        attempts: Tries in all, but for those that a service refused because there were too many.
        first_s: Longest wait before the second try; it doubles from try to try.
        cap_s: Longest wait that is of our own choosing.
        total_s: No try is waited for that would begin later than this after the first one began.
    """

    attempts: int = 5
    first_s: float = 1.0
    cap_s: float = 60.0
    total_s: float = 900.0

    def wait_s(self, tried: int, error: MoverError, rng: random.Random) -> float:
        """Seconds to wait after the `tried`-th try failed; exactly what the service wished, if it wished for any."""
        if isinstance(error, Transient) and error.retry_after_s:
            return error.retry_after_s
        return self.jitter_s(tried, rng)

    def jitter_s(self, tried: int, rng: random.Random) -> float:
        """Seconds of our own choosing to wait after the `tried`-th try failed."""
        return rng.uniform(0, min(self.cap_s, self.first_s * 2.0 ** min(tried - 1, 30)))


def may_help(error: Transient) -> bool:
    """Tell whether doing just the same again can succeed.

    Not if the entry changed (the plan must), nor if other bytes arrived (they must be read again).
    """
    return not isinstance(error, Changed | IntegrityError)


class Retries:
    """The tries of one operation.

    Args:
        policy: How often and how long.
        sleep: Waits so many seconds.
        clock: Monotonic seconds.
        rng: For jitter.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self._policy = policy
        self._sleep = sleep
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._began = clock()
        self._tried = self._throttled = 0

    def progressed(self) -> None:
        """Forget the failures so far: something succeeded since."""
        self._tried = self._throttled = 0
        self._began = self._clock()

    async def wait_or_raise(self, error: Transient) -> None:
        """Return when it is time to try again; raise `error` itself if it is not worth another try.

        A throttled try is waited for as long as `total_s` allows, however often: the service said that it did nothing.
        """
        if isinstance(error, Throttled):
            self._throttled += 1
        else:
            self._tried += 1
        if self._tried >= self._policy.attempts or not may_help(error):
            raise error
        wait_s = self._policy.wait_s(self._tried + self._throttled, error, self._rng)
        if self._clock() - self._began + wait_s > self._policy.total_s:
            raise error
        await self._sleep(wait_s)
