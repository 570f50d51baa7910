"""Folders of which the destination's feed told nothing since the run that is followed: what stands in them is known.

Nothing is listed there as long as each entry of the source comes out as unchanged. What counts as known is little:

    the run that is followed left the entry in this folder, or found it there (a settled item), and
      a folder:                 has its id
      a file that arrived:      the arrival is of this place, and the source is as it was then
      a stranger's, the same:   there is no such arrival, and the source is as it was in that run

For anything else, a new name, a change, a place that was exchanged, the folder is listed, and that decides as ever: whatever
is done at the destination is done upon a listing. An arrival alone proves nothing. It outlives its file where that was
removed while the source did not have it, since no run looked after it then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mover.entries import Entry, EntryKind, join_path
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Arrival, FolderTask, SettledItem
from mover.ledger.states import ItemState
from mover.naming import NameRules
from mover.transfer.evidence import source_since
from mover.transfer.names import ChosenName
from mover.transfer.plan import Decision, Planner

Remembered = tuple[Decision, Entry]
"""What is decided about an entry, and what stands for it at the destination."""


class RememberedFolders:
    """Decides about entries of folders by what the ledger knows of the destination.

    Args:
        ledger: Of the run.
        rules: Names of the destination.
        planner: Of the run; decides as if the destination had been listed.
    """

    def __init__(self, ledger: RunLedger, rules: NameRules, planner: Planner) -> None:
        self._ledger = ledger
        self._rules = rules
        self._planner = planner

    def knows(self, folder: FolderTask) -> bool:
        """Whether nothing changed in a folder at the destination, as far as its feed tells."""
        return folder.known and self._ledger.run.lists_source

    async def decide(
        self,
        folder: FolderTask,
        entries: Sequence[tuple[Entry, str]],
        names: Mapping[str, ChosenName],
        arrivals: Mapping[str, Arrival],
    ) -> dict[str, Remembered] | None:
        """Decide about entries of a folder, given with their source keys; None: the destination must be listed.

        Entries that get no name there are left out.
        """
        entries = [(entry, key) for entry, key in entries if not names[key].problem]
        settled = await self._ledger.earlier.settled_items(folder, [key for _, key in entries])
        found: dict[str, Remembered] = {}
        for entry, key in entries:
            was = settled.get(key)
            if was is None or was.destination_key != names[key].key:
                return None
            place = self._rules.path_key(join_path(folder.destination_path, names[key].name))
            arrival = arrivals.get(key)
            if arrival is not None and arrival.destination_path_key != place:
                return None
            remembered = self._remember(entry, names[key].name, was, arrival)
            if remembered is None:
                return None
            found[key] = remembered
        return found

    def _remember(
        self, entry: Entry, name: str, was: SettledItem, arrival: Arrival | None
    ) -> Remembered | None:
        if EntryKind.FOLDER in {entry.kind, was.entry.kind}:
            if was.entry.kind is not entry.kind or was.destination_id is None:
                return None
            there = Entry(name=name, kind=EntryKind.FOLDER, id=was.destination_id)
            return self._planner.folder(there), there
        if arrival is None:
            return _still_the_same(entry, name, was)
        there = Entry(
            name=name,
            kind=EntryKind.FILE,
            id=arrival.destination_id,
            size=arrival.destination_size,
            modified_ns=arrival.destination_modified_ns,
            version=arrival.destination_version,
            hashes=arrival.destination_hashes,
        )
        decision = self._planner.file(entry, there, arrival)
        return (decision, there) if decision.state is ItemState.UNCHANGED else None


def _still_the_same(entry: Entry, name: str, was: SettledItem) -> Remembered | None:
    """A stranger's file that was the same as the source's, which has not changed since; None if it may have."""
    if was.state is not ItemState.ALREADY_THERE or was.verification is None:
        return None
    before = Arrival(
        source_key=was.source_key,
        path="",
        size=was.entry.size,
        modified_ns=was.entry.modified_ns,
        version=was.entry.version,
        hashes=was.entry.hashes,
        destination_path="",
        destination_path_key="",
        verification=was.verification,
    )
    if entry.kind is not was.entry.kind or not source_since(entry, before).is_same:
        return None
    decision = Decision(state=ItemState.ALREADY_THERE, verification=was.verification)
    return decision, Entry(name=name, kind=EntryKind.FILE)
