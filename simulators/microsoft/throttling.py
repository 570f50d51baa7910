"""Resource units by the minute ("Avoid getting throttled or blocked in SharePoint Online").

One item, a delta with a token, a download: 1. Lists, changes, uploads: 2. Permissions: 5. An app has so many a minute and
tenant; requests beyond them are answered 429 with Retry-After, and count all the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from simulators.microsoft.errors import GraphError

_WINDOW_S = 60.0
_TOLD_FROM = 0.8


@dataclass
class Throttle:
    """Counts units.

    Attributes:
        now_s: The world's clock.
        limit: Units in a window; None: no throttling.
        window_s: How long a window is.
        status: 429, or 503 for a service that is busy.
        early: Calls within a time that a Retry-After had forbidden.
    """

    now_s: Callable[[], float]
    limit: int | None = None
    window_s: float = _WINDOW_S
    status: int = 429
    early: int = 0
    used: int = 0
    _began_s: float = 0.0
    _closed_until_s: float = 0.0

    def spend(self, units: int) -> dict[str, str]:
        """Count a call; returns the headers that tell of the limit. Raises GraphError beyond it."""
        if self.limit is None:
            return {}
        now = self.now_s()
        if now < self._closed_until_s:
            self.early += 1
        if now - self._began_s >= self.window_s:
            self._began_s, self.used = now, 0
        self.used += units
        left_s = max(1, math.ceil(self._began_s + self.window_s - now))
        told = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "RateLimit-Reset": str(left_s),
        }
        if self.used > self.limit:
            self._closed_until_s = now + left_s
            raise throttled(left_s, status=self.status, told=told)
        return told if self.used >= self.limit * _TOLD_FROM else {}


def throttled(retry_after_s: int, *, status: int = 429, told: dict[str, str] | None = None) -> GraphError:
    """Return the refusal of a call too many."""
    headers = {"Retry-After": str(retry_after_s), **(told or {})}
    if status == 503:  # noqa: PLR2004 - HTTP statuses are best known as numbers
        return GraphError(503, "serviceNotAvailable", "The service is not available.", headers=headers)
    return GraphError(
        status,
        "activityLimitReached",
        "The request has been throttled",
        inner=("throttledRequest", "quota"),
        headers=headers,
    )
