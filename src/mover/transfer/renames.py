"""Files that were renamed or moved at the source: renamed at the destination too, instead of sent again.

Which file is which is known by the service's stable id, or by a content hash whose earlier file is gone from the
source. That is certain only when the whole source was seen, so such files are held until the scan has ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from mover.connectors.contract import Renames
from mover.database.failures import DatabaseTrouble
from mover.entries import Entry
from mover.errors import MoverError, NotFound
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Arrival, Item, Outcome
from mover.ledger.rows import fingerprint_of
from mover.ledger.states import Action, ItemState
from mover.transfer.evidence import source_since, still_ours
from mover.transfer.progress import Progress
from mover.transfer.side import Side

_SLICE = 200


class Renamer:
    """Settles the items that a scan held back: renames them at the destination, or lets them be copied."""

    def __init__(
        self,
        source: Side,
        destination: Side,
        ledger: RunLedger,
        progress: Progress,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._source = source
        self._destination = destination
        self._ledger = ledger
        self._progress = progress
        self._now_ns = now_ns

    async def settle(self) -> None:
        """Leave no item held."""
        while held := await self._ledger.held_items(_SLICE):
            candidates = await self._candidates(held)
            to_copy = []
            for item in held:
                arrival = candidates.pop(self._candidate_key(item), None)
                if arrival is None or not await self._renamed(item, arrival):
                    to_copy.append(item.id)
            if to_copy:
                await self._ledger.plan_items(to_copy)
            await self._ledger.flush()  # what was renamed must not be found held again

    def _candidate_key(self, item: Item) -> str:
        if item.action is Action.RENAME:
            return item.source_key
        return fingerprint_of(item.entry.size, item.entry.hashes) or ""

    async def _candidates(self, held: list[Item]) -> dict[str, Arrival]:
        by_id = [item.source_key for item in held if item.action is Action.RENAME]
        by_hash = [self._candidate_key(item) for item in held if item.action is not Action.RENAME]
        return {**await self._ledger.renamed_candidates(by_hash), **await self._ledger.arrivals_of(by_id)}

    async def _renamed(self, item: Item, arrival: Arrival) -> bool:
        renames = self._destination.connector.renames
        if renames is None or await self._would_bring_permissions(item, arrival):
            return False
        started = self._now_ns()
        try:
            moved = await self._rename(renames, item, arrival) if await self._gone(item, arrival) else None
        except DatabaseTrouble:
            raise
        except MoverError:
            return (
                False  # gone, taken, or in trouble: copying gets around it, or meets it again and reports it
            )
        if moved is None:
            return False
        kept = msgspec.structs.replace(
            arrival,
            source_key=item.source_key,
            path=item.path,
            version=item.entry.version,
            modified_ns=item.entry.modified_ns,
            destination_path=item.destination_path,
            destination_path_key=self._destination.connector.capabilities.names.path_key(
                item.destination_path
            ),
            destination_id=moved.id,
            destination_version=moved.version,
            destination_modified_ns=moved.modified_ns,
        )
        if arrival.source_key != item.source_key:
            await self._ledger.forget_arrival(arrival.source_key)
        await self._ledger.finish(
            Outcome(
                item_id=item.id,
                state=ItemState.RENAMED,
                message=f"renamed from {arrival.destination_path}",
                verification=arrival.verification,
                content_hash=arrival.content_hash,
                started_ns=started,
                ended_ns=self._now_ns(),
                arrival=kept,
            )
        )
        self._progress.ended(ItemState.RENAMED, item.entry.size)
        return True

    async def _would_bring_permissions(self, item: Item, arrival: Arrival) -> bool:
        """Whether something is permitted on a copy of another entry, which this one would take along with it."""
        if arrival.source_key == item.source_key:
            return False
        return bool(await self._ledger.sharing.granted_of([arrival.source_key]))

    async def _gone(self, item: Item, arrival: Arrival) -> bool:
        """Whether the earlier file is no longer at the source: one that this run did not see may just be filtered out."""
        if item.action is Action.RENAME:
            return True  # the very same entry, by its id
        try:
            await self._source.connector.look_up(self._source.ref(arrival.path, None).path)
        except NotFound:
            return True
        return False

    async def _rename(self, renames: Renames, item: Item, arrival: Arrival) -> Entry | None:
        connector = self._destination.connector
        old = self._destination.ref(arrival.destination_path, arrival.destination_id)
        standing = await connector.refresh(old)
        if not _unchanged(item, arrival) or not still_ours(standing, arrival, connector.capabilities):
            return None
        folder = self._destination.ref(item.destination_folder_path, item.destination_folder_id)
        return await renames.rename(old, folder, item.destination_name)


def _unchanged(item: Item, arrival: Arrival) -> bool:
    """Whether the content is what arrived: by hash, or where there is none by all that tells of the very same entry."""
    before = fingerprint_of(arrival.size, arrival.hashes)
    now = fingerprint_of(item.entry.size, item.entry.hashes)
    if before is None and now is None and item.source_key == arrival.source_key:
        return source_since(item.entry, arrival).is_same
    return before == now
