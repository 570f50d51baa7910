"""One access token at hand: got when it is needed, ahead of its end, by one task at a time."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec

from mover.errors import Throttled, Transient
from mover.vault.secret import Secret

AHEAD_S = 300.0
"""How long before its end a token is replaced."""

_AGAIN_AFTER_S = 30.0
_LEAST_S = 10.0  # however short a life a service gives
_MOST_FORCED = 3
_FORCED_WITHIN_S = 60.0


class AccessToken(msgspec.Struct, frozen=True):
    """An access token.

    Attributes:
        token: What is shown to the service.
        expires_s: When it ends, in seconds since 1970 UTC; infinity: when the service says so.
    """

    token: Secret
    expires_s: float = math.inf


Obtain = Callable[[Secret | None], Awaitable[AccessToken]]
"""Get a token, another one than that which the service refused, if there is one."""


class HeldToken:
    """A token that is shared by all tasks of an account.

    Args:
        obtain: Gets another one.
        now: Seconds since 1970 UTC.
        at_first: What is there already.
    """

    def __init__(self, obtain: Obtain, now: Callable[[], float], at_first: AccessToken | None = None) -> None:
        self._obtain = obtain
        self._now = now
        self._lock = asyncio.Lock()
        self._held = at_first
        self._replace_at_s = -math.inf if at_first is None else at_first.expires_s - AHEAD_S
        self._not_before_s = -math.inf
        self._refused: Secret | None = None
        self._forced_s: deque[float] = deque(maxlen=_MOST_FORCED)
        self._attempts = 0
        self._failure: tuple[int, Exception] | None = None

    async def access(self) -> Secret:
        """Return a token that is good for some minutes.

        Where none can be got just now (Transient) one that is still good is returned. Raises what `obtain` raises; tasks
        that waited while it failed are told the same.
        """
        seen = self._attempts
        async with self._lock:
            if self._is_good():
                assert self._held is not None
                return self._held.token
            if self._failure is not None and self._failure[0] > seen:
                raise self._failure[1]
            return await self._replaced()

    def refuse(self, token: Secret) -> None:
        """Take note that the service answered 401 to a token.

        Where that happens for the fourth time in a minute the token is kept: whatever the service dislikes, yet another
        one would not mend it.
        """
        if self._held is None or self._held.token != token or self._refused is not None:
            return  # it has been replaced already, or is about to be
        now_s = self._now()
        if len(self._forced_s) < _MOST_FORCED or now_s - self._forced_s[0] >= _FORCED_WITHIN_S:
            self._forced_s.append(now_s)
            self._refused = token

    def _is_good(self) -> bool:
        return self._held is not None and self._refused is None and self._now() < self._replace_at_s

    async def _replaced(self) -> Secret:
        wait_s = self._not_before_s - self._now()
        if wait_s > 0:
            raise Throttled("the service asked for fewer sign-ins a moment ago", retry_after_s=wait_s)
        try:
            new = await self._obtain(self._refused)
        except Exception as error:
            self._attempts += 1
            if isinstance(error, Transient) and (stopgap := self._stopgap(error)) is not None:
                return stopgap
            self._failure = (self._attempts, error)
            raise
        self._held, self._refused = new, None
        now_s = self._now()
        ahead_s = min(AHEAD_S, (new.expires_s - now_s) / 2)  # an end at infinity is replaced there
        self._replace_at_s = max(now_s + _LEAST_S, new.expires_s - ahead_s)
        return new.token

    def _stopgap(self, error: Transient) -> Secret | None:
        """The token at hand, if it is still good, where there is no other just now; the service is left alone meanwhile."""
        now_s = self._now()
        self._not_before_s = now_s + (error.retry_after_s or 0)
        held = self._held
        if held is None or self._refused is not None or now_s >= held.expires_s:
            return None
        again_s = max(now_s + _AGAIN_AFTER_S, self._not_before_s)
        self._replace_at_s = min(again_s, held.expires_s)
        return held.token
