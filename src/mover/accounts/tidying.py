"""Removes, now and then, what is over in the accounts: what has expired, and what is left of deleted organisations.

In the process of the API, not in runners: those can neither read nor remove sessions, API keys and people.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from mover.accounts.departures import Departures
from mover.accounts.upkeep import Upkeep
from mover.errors import MoverError

FIRST_S = 60.0
EVERY_S = 3600.0

_log = logging.getLogger(__name__)


async def tidy_up(upkeep: Upkeep, departures: Departures) -> int:
    """Remove all that is over, in small steps, and tell how many rows that were. Several may at the same time."""
    return await _all(upkeep.remove_expired) + await _all(departures.remove_deleted)


@asynccontextmanager
async def tidying(
    upkeep: Upkeep, departures: Departures, *, first_s: float = FIRST_S, every_s: float = EVERY_S
) -> AsyncIterator[None]:
    """Tidy up for the time of a block: soon after it has begun, and then every so often."""
    task = asyncio.create_task(_now_and_then(upkeep, departures, first_s, every_s), name="tidying")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _now_and_then(upkeep: Upkeep, departures: Departures, first_s: float, every_s: float) -> None:
    await asyncio.sleep(first_s)
    while True:
        try:
            removed = await tidy_up(upkeep, departures)
        except MoverError as error:
            _log.warning("cannot tidy up the accounts now: %s", error)
        except Exception:  # noqa: BLE001 - whatever it is, the next time is tried all the same
            _log.exception("unexpected error while tidying up the accounts")
        else:
            _log.info("%d rows of the accounts were over and are removed", removed)
        await asyncio.sleep(every_s)


async def _all(remove: Callable[[], Awaitable[int]]) -> int:
    removed = 0
    while some := await remove():
        removed += some
    return removed
