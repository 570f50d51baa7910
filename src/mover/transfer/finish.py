"""What is left to do when all files have arrived: versions to remember, and times of folders."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

import msgspec

from mover.connectors.contract import Capabilities, Setting
from mover.database.failures import DatabaseTrouble
from mover.entries import Entry, join_path
from mover.errors import MoverError
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Arrival, FolderTask
from mover.transfer.evidence import altered_by_service, compare_hashes
from mover.transfer.side import Side

_SLICE = 200
_AT_ONCE = 8


@dataclass
class Finisher:
    """Finishes one run. `troubles` holds what did not work, for the run's message: none of it concerns content."""

    destination: Side
    ledger: RunLedger

    def __post_init__(self) -> None:
        self.troubles: list[str] = []

    async def run(self) -> None:
        """Do all of it."""
        await self._settle_versions()
        await self._set_folder_times()

    async def _settle_versions(self) -> None:
        """List folders again, once each, whose service does not tell a file's version when it takes it.

        Without that the next run could not see that somebody changed the file meanwhile.
        """
        after = failed = 0
        example = ""
        while folders := await self.ledger.folders_with_unsettled(_SLICE, after_id=after):
            for folder in folders:
                try:
                    await self._settle_folder(folder)
                except DatabaseTrouble:
                    raise
                except MoverError as error:
                    failed += 1
                    example = example or str(error)
            after = folders[-1].id
        if failed:
            self.troubles.append(f"versions in {failed} folders could not be read again: {example}")

    async def _settle_folder(self, folder: FolderTask) -> None:
        can = self.destination.connector.capabilities
        names = can.names
        prefix = names.path_key(folder.destination_path)
        ref = self.destination.ref(folder.destination_path, folder.destination_id)
        async for page in self.destination.connector.list_folder(ref):
            entries: dict[str, list[Entry]] = {}
            for entry in page.entries:
                entries.setdefault(join_path(prefix, names.key(entry.name)), []).append(entry)
            better: list[Arrival] = []
            for arrival in await self.ledger.unsettled_arrivals(list(entries)):
                there = entries[arrival.destination_path_key]
                ours = next((entry for entry in there if _may_be(entry, arrival, can)), None)
                if ours is not None:
                    better.append(
                        msgspec.structs.replace(
                            arrival,
                            destination_id=ours.id,
                            destination_version=ours.version,
                            destination_modified_ns=ours.modified_ns,
                            destination_size=ours.size if ours.size is not None else arrival.destination_size,
                            destination_hashes=ours.hashes or arrival.destination_hashes,
                        )
                    )
            if better:
                await self.ledger.keep_arrivals(better)

    async def _set_folder_times(self) -> None:
        """Give folders the modified times that they have at the source, the deepest first."""
        connector = self.destination.connector
        if connector.capabilities.folder_modified is not Setting.AFTERWARDS or connector.times is None:
            return
        before = sys.maxsize
        failed = 0
        example = ""
        while folders := await self.ledger.folders_to_date(_SLICE, before_id=before):
            for start in range(0, len(folders), _AT_ONCE):
                some = folders[start : start + _AT_ONCE]
                problems = await asyncio.gather(*(self._set_time(folder) for folder in some))
                failed += sum(map(bool, problems))
                example = example or next(filter(None, problems), "")
            before = folders[-1].id
        if failed:
            self.troubles.append(f"modified times of {failed} folders could not be kept: {example}")

    async def _set_time(self, folder: FolderTask) -> str:
        times = self.destination.connector.times
        assert times is not None
        assert folder.modified_ns is not None
        try:
            await times.set_modified(
                self.destination.ref(folder.destination_path, folder.destination_id), folder.modified_ns
            )
        except MoverError as error:
            return str(error)
        return ""


def _may_be(entry: Entry, arrival: Arrival, can: Capabilities) -> bool:
    """Whether nothing tells that the entry is another file than the one that arrived, or was edited since."""
    same_id = arrival.destination_id in {None, entry.id}
    return (same_id and altered_by_service(entry, arrival, can)) or (
        entry.size in {None, arrival.destination_size}
        and arrival.destination_id in {None, entry.id}
        and compare_hashes(entry.hashes, arrival.destination_hashes) is not False
        and compare_hashes(entry.hashes, arrival.hashes) is not False
    )
