"""Room in an account."""

from __future__ import annotations

from mover.connectors.dropbox.api import FilesApi
from mover.connectors.dropbox.areas import Areas
from mover.connectors.dropbox.calls import Purpose, Who
from mover.entries import ROOT, EntryRef


class DropboxQuota:
    """See `contract.Quota`."""

    def __init__(self, api: FilesApi, areas: Areas) -> None:
        self._api = api
        self._areas = areas

    async def free_bytes(self, folder: EntryRef = ROOT) -> int | None:
        """See the contract. One call; None where the folder is nobody's in particular."""
        where = await self._areas.locate(folder.path, "quota")
        if where is None:
            return None
        # What belongs to a team is counted in the whole team's space, which the administrator's account tells too.
        who = where.who if where.who.admin is None else Who(member=where.who.admin)
        usage = await self._api.space(Purpose(who=who, operation="quota", path=folder.path))
        allocation = usage.allocation
        match allocation.tag:
            case "individual":
                return max(0, allocation.allocated - usage.used)
            case "team":
                free = max(0, allocation.allocated - allocation.used)
                own = allocation.user_within_team_space_allocated
                is_limited = allocation.user_within_team_space_limit_type.tag == "stop_sync"
                if where.who.admin is None and own and is_limited:
                    free = min(free, max(0, own - usage.used))
                return free
            case _:
                return None
