"""Calls a second, no more than Egnyte says that it grants.

Each answer tells how many calls a second the token has (`X-Accesstoken-Qps-Allotted`; two, until the customer asks for
more). A call beyond them is refused, and the next attempt looks first at what the one before left behind: at two calls a
second two uploads that are refused in step would never get through. So calls are spread evenly as soon as the number is
known.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

_ALLOTTED = "X-Accesstoken-Qps-Allotted"
_MARGIN = 1.1  # calls do not take the same time on their way
_MOST_DIGITS = 6


class CallsASecond:
    """Lets calls begin one after the other.

    Args:
        clock: Monotonic seconds.
        sleep: Waits so many seconds of that clock.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._interval_s = 0.0
        self._next_s = 0.0
        self._closed_until_s = 0.0

    async def turn(self) -> None:
        """Wait until a call may begin."""
        while True:
            now_s = self._clock()
            begins_s = max(now_s, self._next_s)
            self._next_s = begins_s + self._interval_s
            if begins_s <= now_s:
                return
            await self._sleep(begins_s - now_s)
            if self._clock() >= self._closed_until_s:
                return  # else a call was refused meanwhile: this one queues again

    def refused(self, retry_after_s: float) -> None:
        """Let no call begin for so long, those that wait already among them."""
        self._closed_until_s = max(self._closed_until_s, self._clock() + retry_after_s)
        self._next_s = max(self._next_s, self._closed_until_s)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take the number from an answer; what is no number, or none above zero, is ignored."""
        told = headers.get(_ALLOTTED, "")
        if told.isascii() and told.isdigit() and len(told) <= _MOST_DIGITS and int(told) > 0:
            if not self._interval_s:
                self._next_s = self._clock() + _MARGIN / int(told)
            self._interval_s = _MARGIN / int(told)
