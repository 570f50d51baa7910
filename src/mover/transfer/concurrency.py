"""Structured concurrency whose errors are those of the work, not groups of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mover.errors import MoverError, Terminal


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """An `asyncio.TaskGroup` that raises one error: the most telling `MoverError` if tasks raised only such.

    A terminal error tells more than a transient one. Anything else is a defect and comes out as the group it is.
    """
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        known, other = errors.split(MoverError)
        if known is None or other is not None:
            raise
        found = list(_leaves(known))
        raise next((error for error in found if isinstance(error, Terminal)), found[0]) from None


def _leaves(group: BaseExceptionGroup[MoverError]) -> list[MoverError]:
    leaves: list[MoverError] = []
    for error in group.exceptions:
        leaves += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return leaves
