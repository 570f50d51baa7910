"""Tokens of an app that acts in its own name, or in those of the users whom it administers. In memory only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

from mover.transport.oauth.holding import AccessToken, HeldToken
from mover.vault.secret import Secret

__all__ = ["AccessToken", "AppTokens", "Fetch"]

Fetch = Callable[[str | None], Awaitable[AccessToken]]
"""Get an access token in the name of a user, or in the app's own (None). Raises SignInFailed, AccountSuspended,
UserNotFound, Unreachable, Throttled, ..."""

_MOST_SUBJECTS = 10_000


class AppTokens:
    """Satisfies `Tokens`: an access token for each subject, got by one request at a time and kept nearly to its end.

    Args:
        fetch: Gets one; the vendor's own way (a signed JWT, client credentials).
        now: Seconds since 1970 UTC.
    """

    def __init__(self, fetch: Fetch, now: Callable[[], float]) -> None:
        self._fetch = fetch
        self._now = now
        self._held: OrderedDict[str | None, HeldToken] = OrderedDict()

    async def access(self, subject: str | None = None) -> Secret:
        """See `Tokens`; raises what `fetch` raises."""
        return await self._of(subject).access()

    async def refused(self, token: Secret, subject: str | None = None) -> None:
        """See `Tokens`. What a new token does not mend is told by `fetch`, or by the service's next 401."""
        self._of(subject).refuse(token)

    def _of(self, subject: str | None) -> HeldToken:
        held = self._held.get(subject)
        if held is None:

            async def obtain(_refused: Secret | None) -> AccessToken:
                return await self._fetch(subject)

            held = self._held[subject] = HeldToken(obtain, self._now)
            if len(self._held) > _MOST_SUBJECTS:
                self._held.popitem(last=False)
        self._held.move_to_end(subject)
        return held
