"""Room in the drive that holds a folder."""

from __future__ import annotations

from mover.connectors.microsoft.api import GraphApi
from mover.connectors.microsoft.territory import Territory, locate
from mover.entries import ROOT, EntryRef


class MicrosoftQuota:
    """See `contract.Quota`."""

    def __init__(self, api: GraphApi, territory: Territory) -> None:
        self._api = api
        self._territory = territory

    async def free_bytes(self, folder: EntryRef = ROOT) -> int | None:
        """See the contract; None above drives, where there is no one number."""
        address = await locate(self._territory, folder, operation="free_bytes")
        if address is None:
            return None
        drive = await self._api.drive(address.drive, operation="free_bytes", path=folder.path)
        return drive.quota.remaining if drive.quota is not None else None
