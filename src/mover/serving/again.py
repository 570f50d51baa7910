"""What a process of the service does now and then, besides answering."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

from mover.errors import MoverError

T = TypeVar("T")

_log = logging.getLogger(__name__)


async def again_and_again(
    step: Callable[[], Awaitable[object]], what: str, *, every_s: float, first_s: float = 0.0
) -> NoReturn:
    """Do something for ever, until cancelled; a time that fails is logged, and the next one comes all the same.

    Args:
        step: What is done.
        what: For the log, after "cannot": `seal the audit log`.
        every_s: Seconds between the end of one time and the next.
        first_s: Seconds before the first time.
    """
    await asyncio.sleep(first_s)
    while True:
        await attempted(step, what)
        await asyncio.sleep(every_s)


async def attempted(step: Callable[[], Awaitable[T]], what: str) -> T | None:
    """Do something, and log if it fails; then None. `what` as in `again_and_again`."""
    try:
        return await step()
    except MoverError as error:
        _log.warning("cannot %s now: %s", what, error)
    except Exception:  # noqa: BLE001 - whatever it is, what comes after is tried all the same
        _log.exception("unexpected error while trying to %s", what)
    return None
