"""Where an entry is: in whose tree, and under which of Box's ids."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Protocol

from mover.connectors.box.addresses import FOLDER, ROOT_ID, id_of, read_id
from mover.connectors.box.answers import Item
from mover.connectors.box.api import LISTED, BoxApi, Doing, FaultError
from mover.entries import EntryRef
from mover.errors import NotFound

_OF_USER = re.compile(r"user-([0-9]{1,20})")


@dataclass(frozen=True)
class Spot:
    """An entry at Box.

    Attributes:
        user: In whose name it is addressed, where an administrator acts for others.
        kind: `file`, `folder`, `web_link`.
        id: Box's number.
        item: What was told of it, possibly little, where a path was followed to find it.
    """

    user: str | None
    kind: str
    id: str
    item: Item | None = field(default=None, compare=False)

    @property
    def entry_id(self) -> str:
        """Our id of it. Everybody's root has the number 0, so that of a user is named by the user."""
        if self.user is not None and self.id == ROOT_ID:
            return f"user-{self.user}"
        return id_of(self.kind, self.id)

    def beside(self, kind: str, its_id: str) -> Spot:
        """Another entry that the same user sees."""
        return Spot(self.user, kind, its_id)


class Spots(Protocol):
    """Finds entries."""

    async def of(self, ref: EntryRef, operation: str) -> Spot:
        """Find an entry: without a call where its id is known. Raises NotFound."""


def doing_at(spot: Spot, operation: str, path: str) -> Doing:
    """Say what a call about an entry is for."""
    return Doing(user=spot.user, operation=operation, path=path)


class OwnSpots:
    """The tree of one account.

    Args:
        api: The calls.
    """

    def __init__(self, api: BoxApi) -> None:
        self._api = api

    async def of(self, ref: EntryRef, operation: str) -> Spot:
        """See `Spots`."""
        if ref.id is not None:
            return spot_of_id(ref.id, None)
        root = Spot(None, FOLDER, ROOT_ID)
        names = [name for name in ref.path.split("/") if name]
        return await walk(self._api, root, names, operation, ref.path)


def spot_of_id(text: str, user: str | None) -> Spot:
    """Read our id of an entry. Raises NotFound."""
    found = _OF_USER.fullmatch(text)
    if found is not None:
        return Spot(found[1], FOLDER, ROOT_ID)
    return Spot(user, *read_id(text))


async def walk(api: BoxApi, root: Spot, names: list[str], operation: str, path: str) -> Spot:
    """Find what a path of names leads to. One call for each name, more where only a listing tells. Raises NotFound."""
    spot = root
    for name in names:
        if spot.kind != FOLDER:
            raise NotFound("there is no such entry")
        found = await find(api, spot, name, doing_at(spot, operation, path))
        if found is None:
            raise NotFound("there is no such entry")
        spot = replace(spot, kind=found.type, id=found.id, item=found)
    return spot


async def find(api: BoxApi, folder: Spot, name: str, doing: Doing) -> Item | None:
    """Return what has a name in a folder, possibly in few words.

    The check before an upload tells it in one call, whatever the size of the folder; who may not upload there is refused
    that, and then the folder is listed.
    """
    try:
        return await api.check(folder.id, name, doing)
    except FaultError:
        pass
    marker: str | None = None
    while True:
        page = await api.items(folder.id, marker, doing, limit=LISTED)
        for item in page.entries or ():
            if item.name == name:
                return item
        if not page.next_marker or page.next_marker == marker:
            return None
        marker = page.next_marker
