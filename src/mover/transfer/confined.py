"""Trouble of one account among many: it ends what is in the place of that account, and not the run of all the others.

A pair may stand above the storage of many people (`/Users`, a whole team). That one of them is suspended or has no room
left says nothing about the rest. Where the pair's root is that storage itself, or the connection knows of one account
only, it concerns all, and goes on ending the run.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator
from contextlib import aclosing

from mover.errors import AccountSuspended, MoverError, QuotaExceeded
from mover.transfer.side import Side

_MOST_PLACES = 50_000  # of a connection, to be kept in memory; where there are more, trouble concerns all
_OF_ONE_ACCOUNT = (AccountSuspended, QuotaExceeded)


class Confined:
    """What is wrong with single accounts, on either side of a run.

    Args:
        source: Where files come from.
        destination: Where they go to; None: nowhere.
    """

    def __init__(self, source: Side, destination: Side | None) -> None:
        self._at_source = _Accounts(source)
        self._at_destination = _Accounts(destination) if destination is not None else None

    async def confines(self, error: MoverError, path: str, *, at_source: bool) -> bool:
        """Whether an error at a path of that side concerns one account of many. Then all that stands there fails like it.

        The connection's places are listed for that, once a run.
        """
        accounts = self._at_source if at_source else self._at_destination
        return accounts is not None and await accounts.confine(error, path)

    def troubles(self, path: str, destination_path: str) -> Iterator[tuple[MoverError, bool]]:
        """Yield what goes wrong with everything in the accounts that hold these, each with whether that is at the source."""
        if (error := self._at_source.trouble_at(path)) is not None:
            yield error, True
        if self._at_destination is not None:
            error = self._at_destination.trouble_at(destination_path)
            if error is not None:
                yield error, False


class _Accounts:
    """The places at one side in which nothing can be done any more."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._places: frozenset[str] | None = None
        self._asking = asyncio.Lock()
        self._troubles: dict[str, MoverError] = {}

    async def confine(self, error: MoverError, path: str) -> bool:
        """Keep the error of a path for all that stands in its account, and tell whether that is one of many."""
        if not isinstance(error, _OF_ONE_ACCOUNT) or self._side.connector.places is None:
            return False
        async with self._asking:
            if self._places is None:
                self._places = await self._listed()
        root = self._side.root.rstrip("/").casefold()
        place = next((one for one in self._above(path) if one in self._places), None)
        if place is None or not place.startswith(f"{root}/"):
            return False
        self._troubles.setdefault(place, error)
        return True

    def trouble_at(self, path: str) -> MoverError | None:
        """What goes wrong with everything at a path, if that is known."""
        if not self._troubles:
            return None
        found = next((self._troubles[one] for one in self._above(path) if one in self._troubles), None)
        if found is None:
            return None
        told = copy.copy(found)
        told.path = path
        return told

    def _above(self, path: str) -> list[str]:
        """The path at the service, and those of the folders above it, the nearest first."""
        full = self._side.ref(path, None).path.casefold()
        names = full.strip("/").split("/")
        return ["/" + "/".join(names[:end]) for end in range(len(names), 0, -1)]

    async def _listed(self) -> frozenset[str]:
        places = self._side.connector.places
        assert places is not None
        found: set[str] = set()
        try:
            async with aclosing(places.all()) as pages:
                async for page in pages:
                    found.update(place.path.casefold() for place in page)
                    if len(found) > _MOST_PLACES:
                        return frozenset()
        except MoverError:
            return frozenset()  # nobody knows whose it is
        return frozenset(found)
