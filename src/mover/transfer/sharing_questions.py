"""Who may do what with entries: asked about a hundred at once, a few such questions at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from mover.connectors.contract import Permissions
from mover.entries import EntryRef, Permission
from mover.errors import Terminal, Unsupported
from mover.transfer.concurrency import task_group
from mover.transfer.taking_back import concerns_all

_BATCH = 100  # entries that are asked about at once
_AT_ONCE = 4  # such questions


class Questions:
    """Those of one run."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def all_of(
        self, permissions: Permissions, refs: Sequence[EntryRef]
    ) -> list[Sequence[Permission] | None]:
        """Ask about any number of entries; answers as those of `of`."""
        batches = [refs[start : start + _BATCH] for start in range(0, len(refs), _BATCH)]
        async with task_group() as group:
            asked = [group.create_task(self._in_turn(permissions, batch)) for batch in batches]
        return [answer for batch in asked for answer in batch.result()]

    async def _in_turn(
        self, permissions: Permissions, refs: Sequence[EntryRef]
    ) -> Sequence[Sequence[Permission] | None]:
        async with self._slots:
            return await self.of(permissions, refs)

    async def of(
        self, permissions: Permissions, refs: Sequence[EntryRef]
    ) -> Sequence[Sequence[Permission] | None]:
        """Ask about at most 100 entries; of those that the account may not look at the answer is None.

        Where one of many is refused, halves are asked again, so that the others are known.
        """
        try:
            return await permissions.of(refs)
        except Terminal as error:
            if concerns_all(error):
                raise
            # Where nothing can be permitted (above the storage of all users), nobody has access.
            if len(refs) == 1:
                return [() if isinstance(error, Unsupported) else None]
        half = len(refs) // 2
        return [*await self.of(permissions, refs[:half]), *await self.of(permissions, refs[half:])]
