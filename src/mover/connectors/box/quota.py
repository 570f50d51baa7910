"""Room in a user's account."""

from __future__ import annotations

from mover.connectors.box.answers import User, whole
from mover.connectors.box.api import BoxApi
from mover.connectors.box.faults import placed
from mover.connectors.box.spots import Spots, doing_at
from mover.connectors.told_room import ToldRoom
from mover.entries import ROOT, EntryRef
from mover.errors import Unsupported

_UNLIMITED = 999_999_999_999_999  # what Box tells of accounts without a limit


class BoxQuota:
    """As `contract.Quota`: that of the user in whose tree a folder stands, also where the folder is somebody else's.

    Args:
        api: The calls.
        spots: Finds folders.
    """

    def __init__(self, api: BoxApi, spots: Spots) -> None:
        self._api = api
        self._spots = spots
        self.told = ToldRoom()
        """Of the one account that has signed in; nothing of an enterprise's users."""

    async def free_bytes(self, folder: EntryRef = ROOT) -> int | None:
        """See the contract. One call, or none right after the account signed in; None above the users of an enterprise, where nothing can be stored."""
        with placed(self._api.service, "free_bytes", folder.path):
            try:
                spot = await self._spots.of(folder, "free_bytes")
            except Unsupported:
                return None
        if (told := self.told.take()) is not None:
            return told.free_bytes
        return free_of(await self._api.me(doing_at(spot, "free_bytes", folder.path)))


def free_of(user: User) -> int | None:
    """Bytes that a user may still store; None without a limit."""
    most, used = whole(user.space_amount), whole(user.space_used)
    if most is None or used is None or most < 0 or most >= _UNLIMITED:
        return None
    return max(most - used, 0)
