"""What Mover permitted in earlier runs: on the entry that stands at the destination now, or on another one before it.

Of two entries with one name the later one is another one: where services have ids, what was permitted is known by the id
that it was permitted on. A folder that was removed at the destination and made anew there has nothing of ours, whatever
its like had. A folder that was removed at the source and made anew there comes to stand where ours is already: what was
permitted on that for the one before is taken over, as heirs do it for files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

import msgspec

from mover.entries import Entry, EntryKind, join_path
from mover.ledger.grants import Granted
from mover.ledger.records import FolderTask, NewItem
from mover.ledger.sharing import SharingLedger
from mover.transfer.side import Side
from mover.transfer.taking_back import try_to_take_back


class Earlier(msgspec.Struct, frozen=True):
    """What was permitted for one entry: on what stands at the destination now, and on another one that stood for it."""

    here: Sequence[Granted] = ()
    elsewhere: Sequence[Granted] = ()


NOTHING = Earlier()


class EarlierGrants:
    """Knows what was permitted. `begin` first.

    Args:
        ledger: Of the run.
        destination: Where it was permitted; None to look at the source alone.
        keep: What is taken over is written down; else it only counts for what is decided now.

    Attributes:
        turn: Held by whoever takes back what was permitted elsewhere: in another folder it may just be taken over.
    """

    def __init__(self, ledger: SharingLedger, destination: Side | None, *, keep: bool) -> None:
        self._ledger = ledger
        self._destination = destination
        self._keep = keep
        self._any = False
        self._has_ids = destination is not None and destination.connector.capabilities.stable_ids
        self.turn = asyncio.Lock()

    async def begin(self) -> None:
        """Learn whether there is anything to know."""
        self._any = await self._ledger.has_granted()

    async def of_root(self, source_key: str) -> Earlier:
        """What was permitted on the pair's root."""
        if not self._any:
            return NOTHING
        found = (await self._ledger.granted_of([source_key])).get(source_key, [])
        there = self._destination.root_id if self._destination is not None else None
        return self._told_apart(found, there)

    async def of(
        self,
        folder: FolderTask,
        standing: Sequence[NewItem],
        aside: Sequence[NewItem],
        there: Mapping[str, Entry],
        passed_on: Mapping[str, str],
    ) -> dict[str, Earlier]:
        """What was permitted for some entries of a folder, by source key, of those for which anything was.

        Args:
            folder: That holds them.
            standing: Those that are to stand at the destination.
            aside: Those to which nothing is done: what stands at their place may be somebody else's.
            there: What stands at the destination, by name key.
            passed_on: Source keys of entries by those whose grants they take over, where that is not written down.
        """
        if not self._any:
            return {}
        keys = [item.source_key for item in (*standing, *aside)]
        found = await self._ledger.granted_of(sorted({*keys, *passed_on}))
        if passed_on:
            given = {
                heir: [msgspec.structs.replace(one, source_key=heir) for one in found.get(holder, ())]
                for holder, heir in passed_on.items()
            }
            found = {key: rows for key, rows in found.items() if key not in passed_on} | given
        found = await self._with_taken_over(standing, there, found)
        earlier = {
            item.source_key: Earlier(elsewhere=found[item.source_key])
            for item in aside
            if found.get(item.source_key)
        }
        for item in standing:
            if rows := found.get(item.source_key):
                earlier[item.source_key] = self._of_item(folder, item, there.get(item.destination_key), rows)
        return earlier

    async def unclaimed(self, elsewhere: Collection[Granted]) -> list[Granted]:
        """Those that nobody took over meanwhile. To be asked, and acted upon, in turn."""
        found = await self._ledger.granted_of(sorted({one.source_key for one in elsewhere}))
        now = {(row.source_key, row.target, row.destination_id) for rows in found.values() for row in rows}
        return [one for one in elsewhere if (one.source_key, one.target, one.destination_id) in now]

    def _of_item(
        self, folder: FolderTask, item: NewItem, stands: Entry | None, rows: Sequence[Granted]
    ) -> Earlier:
        if stands is None:
            # A file stands where it stood until its rename is made; a folder is never renamed, it is made anew.
            is_folder = item.entry.kind is EntryKind.FOLDER
            return Earlier(elsewhere=rows) if is_folder and self._has_ids else Earlier(here=rows)
        path = join_path(folder.destination_path, item.destination_name)
        found = self._told_apart(rows, stands.id)
        here = [
            msgspec.structs.replace(one, destination_path=path, destination_id=stands.id)
            for one in found.here
        ]
        return Earlier(here, found.elsewhere)

    def _told_apart(self, rows: Sequence[Granted], there: str | None) -> Earlier:
        elsewhere = [one for one in rows if self._has_ids and is_another(one.destination_id, there)]
        return Earlier([one for one in rows if one not in elsewhere], elsewhere)

    async def _with_taken_over(
        self, standing: Sequence[NewItem], there: Mapping[str, Entry], found: dict[str, list[Granted]]
    ) -> dict[str, list[Granted]]:
        """Add what was permitted on folders that stand there already for others, which stood in their place at the source."""
        heirs = {
            stands.id: item.source_key
            for item in standing
            if item.entry.kind is EntryKind.FOLDER
            and (stands := there.get(item.destination_key)) is not None
            and stands.kind is EntryKind.FOLDER
            and stands.shared is not False
            and stands.id is not None
        }
        if not heirs or not self._has_ids:
            return found
        others = [
            one
            for one in await self._ledger.granted_at(sorted(heirs))
            if one.destination_id is not None and one.source_key != heirs[one.destination_id]
        ]
        if not others:
            return found
        async with self.turn:
            for one in others:
                assert one.destination_id is not None
                heir = heirs[one.destination_id]
                rows = found.get(heir, [])
                if any(r.target == one.target and r.destination_id == one.destination_id for r in rows):
                    continue
                if self._keep and not await self._take_over(one, heir, rows):
                    continue
                taken = msgspec.structs.replace(one, source_key=heir)
                found[heir] = [*(row for row in rows if row.target != one.target), taken]
        return found

    async def _take_over(self, one: Granted, heir: str, rows: Sequence[Granted]) -> bool:
        """Write that a grant is another entry's. What that had given to the same one elsewhere is taken back first."""
        assert self._destination is not None
        if not await self.unclaimed([one]):
            return False
        for row in rows:
            if row.target == one.target and await try_to_take_back(self._destination, row) is not None:
                return False
        await self._ledger.pass_on_grant(one, heir)
        return True


def is_another(known: str | None, now: str | None) -> bool:
    """Whether two ids are of two entries."""
    return known is not None and now is not None and known != now
