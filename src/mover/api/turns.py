"""How many connections an organisation looks into at once: services of somebody else's take as long as they like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from mover.api.problems import HttpProblem

OPEN_AT_ONCE = 3
_PATIENCE_S = 10.0


class Turns:
    """Of all organisations, in this process."""

    def __init__(self) -> None:
        self._opening: dict[str, int] = {}
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def of(self, organisation_id: str) -> AsyncIterator[None]:
        """Wait for a turn, and have it for the length of the block. Raises HttpProblem (429) if none comes soon."""
        async with self._freed:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await self._freed.wait_for(lambda: self._opening.get(organisation_id, 0) < OPEN_AT_ONCE)
            except TimeoutError:
                raise HttpProblem(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    "throttled",
                    f"{OPEN_AT_ONCE} connections of the organisation are being looked into already",
                    advice="Wait until they have answered.",
                    headers={"Retry-After": "10"},
                ) from None
            self._opening[organisation_id] = self._opening.get(organisation_id, 0) + 1
        try:
            yield
        finally:
            async with self._freed:
                self._opening[organisation_id] -= 1
                if not self._opening[organisation_id]:
                    del self._opening[organisation_id]
                self._freed.notify_all()
