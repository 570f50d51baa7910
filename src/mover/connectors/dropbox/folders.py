"""Folders that many tasks want at once, made in one call.

Each call that makes a folder takes the lock of a whole tree, as one that makes a hundred does: so those that wait for their
turn share it. A batch may become a job at Dropbox, which is asked about until it is done: it does what was asked whether
anybody asks or not, and whoever asked anew meanwhile would only find its folders in the way.

Source: "create_folder_batch", "create_folder_batch/check".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from mover.connectors.dropbox.answers import Folder, FoldersLaunch
from mover.connectors.dropbox.api import FilesApi
from mover.connectors.dropbox.calls import Purpose, Who
from mover.connectors.dropbox.faults import Fault
from mover.connectors.gathering import Gathering
from mover.errors import TimedOut

_MOST = 1_000  # of the 10,000 that Dropbox takes: of fewer the answer comes at once rather than as a job
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_LONGEST_S = 300.0


class Folders:
    """Makes the folders of one account, or of one tree of a team.

    Args:
        api: The calls.
        who: In whose name.
        turn: Held by whoever writes.
        sleep: Waits so many seconds, while a job is under way.
    """

    def __init__(
        self,
        api: FilesApi,
        who: Who,
        turn: asyncio.Lock,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._api = api
        self._purpose = Purpose(who=who, operation="create_folder", path="")
        self._turn = turn
        self._sleep = sleep
        self._gathering: Gathering[str, Folder | Fault] = Gathering(self._make, most=_MOST)

    async def make(self, path: str) -> Folder | Fault:
        """Make a folder. Raises what the calls raise."""
        return await self._gathering.do(path)

    @property
    def under_way(self) -> int:
        """Calls that are under way or about to begin."""
        return self._gathering.under_way

    async def close(self) -> None:
        """End what is under way."""
        await self._gathering.close()

    async def _make(self, paths: Sequence[str]) -> Sequence[Folder | Fault]:
        wanted = list(dict.fromkeys(paths))
        async with self._turn:
            if len(wanted) == 1:
                made = await self._api.create_folder(self._purpose, wanted[0])
                found = [made if isinstance(made, Fault) else made.metadata]
            else:
                found = await self._make_together(wanted)
        by_path = dict(zip(wanted, found, strict=True))
        return [by_path[path] for path in paths]

    async def _make_together(self, paths: Sequence[str]) -> list[Folder | Fault]:
        state = await self._api.create_folders(self._purpose, paths)
        if state.async_job_id is not None:
            state = await self._done(state.async_job_id)
        if state.tag == "failed":
            raise self._api.caller.error(self._purpose, Fault.of_union(state.failed))
        if state.tag != "complete":
            raise self._api.caller.strange(self._purpose, "Dropbox does not say what became of the folders")
        return self._api.made_folders(self._purpose, state, len(paths))

    async def _done(self, job_id: str) -> FoldersLaunch:
        """Wait until a job is done. Raises TimedOut: it may be done yet, and is then found so by the next attempt."""
        waited_s, pause_s = 0.0, _FIRST_PAUSE_S
        while (state := await self._api.folders_job(self._purpose, job_id)).tag == "in_progress":
            if waited_s >= _LONGEST_S:
                raise TimedOut("Dropbox has not made the folders for some minutes")
            await self._sleep(pause_s)
            waited_s, pause_s = waited_s + pause_s, min(2 * pause_s, _LONGEST_PAUSE_S)
        return state
