"""Removes, now and then, what is over in the accounts and in the audit log: what has expired, what is left of the deleted.

In the process of the API, not in runners: those can neither read nor remove sessions, API keys and people.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from mover.serving.again import again_and_again, attempted

FIRST_S = 60.0
EVERY_S = 3600.0

_WHAT = "tidy up the accounts"

_log = logging.getLogger(__name__)


Step = Callable[[], Awaitable[int]]
"""Removes some of what is over, and tells how much that was; 0 when nothing is left."""


async def tidy_up(steps: Iterable[Step]) -> int:
    """Remove all that is over, in small steps, and tell how many rows that were. Several may at the same time.

    A step that fails is logged, and keeps none of the others from being done.
    """
    removed = 0
    for step in steps:
        removed += await attempted(functools.partial(_all, step), _WHAT) or 0
    return removed


@asynccontextmanager
async def tidying(
    steps: Sequence[Step], *, first_s: float = FIRST_S, every_s: float = EVERY_S
) -> AsyncIterator[None]:
    """Tidy up for the time of a block: soon after it has begun, and then every so often."""

    async def step() -> None:
        removed = await tidy_up(steps)
        _log.info("%d rows of the accounts were over and are removed", removed)

    task = asyncio.create_task(again_and_again(step, _WHAT, every_s=every_s, first_s=first_s), name="tidying")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _all(remove: Step) -> int:
    removed = 0
    while some := await remove():
        removed += some
    return removed
