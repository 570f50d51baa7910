"""The token that the account calls with: got once for all calls, renewed ahead of its end and when it is refused.

Of many calls that need a new token at the same moment one signs in, and the others wait for what becomes of it: a
sign-in that is throttled or hangs is not tried by each of them in turn. Once the credentials were refused nobody tries
them again: services lock accounts for that.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mover.connectors.swift.faults import SERVICE
from mover.errors import SignInFailed, Transient
from mover.vault.secret import Secret

_AHEAD_S = 120.0
_AGAIN_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a sign-in gives.

    Attributes:
        token: Shown with every call.
        storage_url: Address of the account, checked, without final slash.
        expires_at_s: Seconds since 1970; None if the service does not say.
        region: Of the storage, where there are several.
    """

    token: Secret
    storage_url: str
    expires_at_s: float | None = None
    region: str | None = None


class Tokens:
    """Keeps the account signed in.

    Args:
        sign_in: Signs in once. Raises SignInFailed and what the transport raises.
        now: Seconds since 1970.
    """

    def __init__(self, sign_in: Callable[[], Awaitable[Grant]], *, now: Callable[[], float]) -> None:
        self._sign_in = sign_in
        self._now = now
        self._one_at_a_time = asyncio.Lock()
        self._grant: Grant | None = None
        self._renew_at_s = 0.0
        self._refusal: SignInFailed | None = None
        self._trouble: Transient | None = None
        self._failures = 0

    async def current(self) -> Grant:
        """Return a grant that should be good for a while. Raises what signing in raises."""
        grant = self._grant
        if grant is None or self._now() < self._renew_at_s:
            return grant or await self._renew(None)
        if self._one_at_a_time.locked() and not self._has_ended(grant):
            return grant  # another call sees to the next one, ahead of time
        try:
            return await self._renew(grant)
        except Transient:
            if self._has_ended(grant):
                raise
            self._renew_at_s = min(self._now() + _AGAIN_S, grant.expires_at_s or 0.0)
            return grant

    async def after_refusal(self, refused: Grant) -> Grant:
        """Return another grant than one that the service refused. Raises what signing in raises."""
        return await self._renew(refused)

    def _has_ended(self, grant: Grant) -> bool:
        return grant.expires_at_s is None or self._now() >= grant.expires_at_s

    async def _renew(self, old: Grant | None) -> Grant:
        failures = self._failures
        async with self._one_at_a_time:
            if self._grant is not None and self._grant is not old:
                return self._grant  # another call has seen to it meanwhile
            if self._refusal is not None:
                raise SignInFailed(self._refusal.message, service=SERVICE, said=self._refusal.said)
            if self._trouble is not None and self._failures != failures:
                raise copy.copy(self._trouble) from self._trouble.__cause__  # of the try that was waited for
            try:
                new = await self._sign_in()
            except SignInFailed as refusal:
                self._refusal = refusal
                raise
            except Transient as trouble:
                self._trouble = trouble
                self._failures += 1
                raise
            self._trouble = None
            self._grant = new
            self._renew_at_s = self._when_to_renew(new, old)
            return new

    def _when_to_renew(self, new: Grant, old: Grant | None) -> float:
        if new.expires_at_s is None or new.expires_at_s <= self._now():
            return float("inf")  # the second: one of the clocks is wrong, and only a refusal can tell
        if old is not None and new.token == old.token:
            return new.expires_at_s  # TempAuth gives the same token until its end
        return new.expires_at_s - min(_AHEAD_S, (new.expires_at_s - self._now()) / 2)
