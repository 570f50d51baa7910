"""Ids for entries to come: creating one twice with the same id makes it once, so that a lost answer does no harm."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from mover.connectors.bounded import Bounded
from mover.connectors.google.api import DriveApi

_AT_ONCE = 1000
_FIRST = 100
_MOST_BEGUN = 10_000


class IdPool:
    """Generated ids, some in store for each user.

    Args:
        api: Asks for more; one call for many.
    """

    def __init__(self, api: DriveApi) -> None:
        self._api = api
        self._stores: defaultdict[str | None, list[str]] = defaultdict(list)
        self._locks: defaultdict[str | None, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._asked: set[str | None] = set()
        self._begun: Bounded[str, str] = Bounded(_MOST_BEGUN)

    async def for_key(self, key: str, subject: str | None) -> str:
        """Return the id of what has a key (`Target.key`): the same as at an attempt before, in this process."""
        if (begun := self._begun.get(key)) is None:
            begun = await self.fresh(subject)
            self._begun.put(key, begun)
        return begun

    def forget(self, key: str) -> None:
        """Give what has a key another id the next time: with this one it is complete, or cannot be."""
        self._begun.pop(key)

    def refused(self, key: str, subject: str | None) -> None:
        """Take note that Google did not take an id: those that came with it are no better."""
        self.forget(key)
        self._stores[subject].clear()

    async def fresh(self, subject: str | None) -> str:
        """Return an id that nothing has."""
        async with self._locks[subject]:
            store = self._stores[subject]
            if not store:
                count = _AT_ONCE if subject in self._asked else _FIRST
                self._asked.add(subject)
                store += reversed(await self._api.generate_ids(count, subject=subject))
            return store.pop()
