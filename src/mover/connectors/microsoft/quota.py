"""Room in the drive that holds a folder."""

from __future__ import annotations

from mover.connectors.microsoft.api import GraphApi
from mover.connectors.microsoft.model import Drive
from mover.connectors.microsoft.territory import Territory, locate
from mover.connectors.told_room import ToldRoom
from mover.entries import ROOT, EntryRef


class MicrosoftQuota:
    """See `contract.Quota`."""

    def __init__(self, api: GraphApi, territory: Territory) -> None:
        self._api = api
        self._territory = territory
        self.told = ToldRoom()
        """Of the one drive that has signed in; nothing of those of a tenant."""

    async def free_bytes(self, folder: EntryRef = ROOT) -> int | None:
        """See the contract; no call right after the drive signed in. None above drives, where there is no one number."""
        address = await locate(self._territory, folder, operation="free_bytes")
        if address is None:
            return None
        if (told := self.told.take()) is not None:
            return told.free_bytes
        return free_of(await self._api.drive(address.drive, operation="free_bytes", path=folder.path))


def free_of(drive: Drive) -> int | None:
    """Bytes that a drive has left; None if it does not tell."""
    return drive.quota.remaining if drive.quota is not None else None
