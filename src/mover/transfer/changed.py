"""From lines of a change feed to the folders of an earlier run that must be listed again.

A line that only says what is known already (the run's own uploads in the destination's feed, a second telling) leaves
its folder as it is. When in doubt, a folder is listed: that costs a call, and the listing decides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from mover.connectors.contract import Change
from mover.entries import Entry, EntryKind
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Arrival, KnownFolder, KnownItem
from mover.naming import NameRules
from mover.transfer.evidence import (
    altered_arrival,
    altered_by_service,
    compare_hashes,
    destination_untouched,
    tells_nothing,
)
from mover.transfer.side import Side

_CONTENT = {EntryKind.FILE, EntryKind.NATIVE}


class Told(msgspec.Struct, frozen=True):
    """What lines of the destination's feed tell of what a run left there.

    Attributes:
        folders: Those that must be listed again, with whether all below them must be, too.
        strangers: Something was removed that is not known: it may be a stranger's file that counted as there.
        altered: Arrivals of files that the service itself has changed since, as it does with files of their kind.
    """

    folders: Mapping[int, bool]
    strangers: bool
    altered: Sequence[Arrival]


class Marks:
    """Folders of a run that must be listed again: by number, with whether all below them must be, too."""

    def __init__(self) -> None:
        self.found: dict[int, bool] = {}

    def add(self, folder: int | None, *, deep: bool = False) -> None:
        """Note a folder."""
        if folder is not None:
            self.found[folder] = self.found.get(folder, False) or deep


async def changed_at_source(
    changes: Sequence[Change], side: Side, ledger: RunLedger, run: int, *, sharing: bool = False
) -> Mapping[int, bool]:
    """Folders of an earlier run in which these lines of the source's feed change something.

    With `sharing` any line may mean that its entry is shared otherwise than it was.
    """
    marks = Marks()
    by_id = [change for change in changes if change.id]
    ids = {change.id for change in by_id}
    items = await ledger.earlier.known_items(run, [f"id:{one}" for one in sorted(ids)])
    known = await _folders_of_source(by_id, ids, ledger, run)
    root = await _root(changes, ledger, run)
    for change in by_id:
        item, entry = items.get(f"id:{change.id}"), change.entry
        in_place = item is not None and entry is not None and _in_place(item, change, entry)
        is_old = item is not None and entry is not None and _says_nothing_new(item.entry, entry)
        if in_place and is_old and not sharing:
            continue
        if item is not None:
            marks.add(item.folder)
        if entry is not None:
            above = known.get(change.parent_id or side.root_id or "")
            marks.add(above.id if above else None)
            if change.parent_id is None:
                marks.add(root)
        itself = known.get(change.id)
        if itself is not None and not in_place:
            marks.add(itself.id, deep=True)
    gone = [change.path for change in changes if change.path and not change.id]
    await _mark_paths(marks, gone, side, ledger, run, at_destination=False)
    return marks.found


async def changed_at_destination(
    changes: Sequence[Change], side: Side, ledger: RunLedger, run: int, *, sharing: bool = False
) -> Told:
    """Find out in which folders of a run these lines of the destination's feed change something that the run left there.

    With `sharing` that may be permissions: those of an entry that has some of its own, or about which the run has
    something to say, are to be looked at again. Nothing tells what the run itself gave from what others did meanwhile.
    """
    marks, strangers = Marks(), False
    altered: dict[str, Arrival] = {}
    can = side.connector.capabilities
    names = can.names
    by_id = [change for change in changes if change.id]
    ids = sorted({change.id for change in by_id})
    arrivals: dict[str, list[Arrival]] = {}
    for arrival in await ledger.earlier.arrived_as(ids):
        arrivals.setdefault(arrival.destination_id or "", []).append(arrival)
    keys = [arrival.source_key for some in arrivals.values() for arrival in some]
    items = await ledger.earlier.known_items(run, keys)
    wanted = sorted({*ids, *(change.parent_id for change in by_id if change.parent_id)})
    known = {
        folder.destination_id: folder
        for folder in await ledger.earlier.folders_by_destination_id(run, wanted)
    }
    root = await _root(changes, ledger, run)
    spoken_of = await _spoken_of(keys, known, ledger, run, sharing=sharing)
    for change in by_id:
        ours = arrivals.get(change.id, [])
        itself = known.get(change.id)
        _mark_shared(marks, change, [items.get(one.source_key) for one in ours], itself, spoken_of)
        for arrival in ours:
            item = items.get(arrival.source_key)
            if item is None:
                continue
            if change.entry is None or not _where_it_arrived(change, change.entry, arrival, item, names):
                marks.add(item.folder)
            elif altered_by_service(change.entry, arrival, can):
                altered[arrival.source_key] = altered_arrival(change.entry, arrival)
            elif not destination_untouched(change.entry, arrival, can.modified_resolution_ns):
                marks.add(item.folder)
        if itself is not None and not _stands_as_before(change, itself, names):
            marks.add(itself.parent)
            marks.add(itself.id, deep=True)
        if ours or itself is not None:
            continue
        if change.entry is None:
            strangers = True
        else:
            above = known.get(change.parent_id or side.root_id)
            marks.add(above.id if above else None)
            if change.parent_id is None:
                marks.add(root)
    gone = [change.path for change in changes if change.path and not change.id]
    await _mark_paths(marks, gone, side, ledger, run, at_destination=True)
    return Told(marks.found, strangers, list(altered.values()))


async def _spoken_of(
    keys: Sequence[str],
    known: Mapping[str | None, KnownFolder],
    ledger: RunLedger,
    run: int,
    *,
    sharing: bool,
) -> frozenset[str] | None:
    """Source keys of those about whose permissions the run has something to say; None: permissions do not count."""
    if not sharing:
        return None
    own = [folder.source_key for folder in known.values() if folder.source_key]
    return frozenset(await ledger.earlier.with_lines(run, sorted({*keys, *own})))


def _mark_shared(
    marks: Marks,
    change: Change,
    files: Sequence[KnownItem | None],
    folder: KnownFolder | None,
    spoken_of: frozenset[str] | None,
) -> None:
    """Note the folder that holds an entry which has permissions of its own, or had some, where they count."""
    if spoken_of is None:
        return
    is_shared = change.entry is not None and change.entry.shared is not False
    for item in files:
        if item is not None and (is_shared or item.source_key in spoken_of):
            marks.add(item.folder)
    if folder is not None and (is_shared or folder.source_key in spoken_of):
        marks.add(folder.parent)


async def _folders_of_source(
    changes: Sequence[Change], ids: set[str], ledger: RunLedger, run: int
) -> dict[str, KnownFolder]:
    wanted = sorted(ids | {change.parent_id for change in changes if change.parent_id})
    found = await ledger.earlier.folders_by_source_id(run, wanted)
    return {folder.source_id or "": folder for folder in found}


async def _root(changes: Sequence[Change], ledger: RunLedger, run: int) -> int | None:
    """The run's root folder, where a line speaks of what stands in a root."""
    if all(change.entry is None or change.parent_id is not None for change in changes):
        return None
    first = await ledger.earlier.page_of_folders(run, 1, after_id=0)
    return first[0].id if first else None


def _in_place(item: KnownItem, change: Change, entry: Entry) -> bool:
    """Whether an entry stands where it stood, under its name."""
    above = change.parent_id == item.folder_source_id or (
        item.folder_path == "/" and None in {change.parent_id, item.folder_source_id}
    )
    return above and entry.name == item.entry.name and entry.kind is item.entry.kind


def _says_nothing_new(was: Entry, now: Entry) -> bool:
    """Whether a line tells what was known, as far as anything depends on it; times count because filters do."""
    if now.kind is EntryKind.FOLDER:
        return now.internal is None
    if now.kind not in _CONTENT or now.internal is not None or tells_nothing(now):
        return False
    if (was.size, was.modified_ns) != (now.size, now.modified_ns):
        return False
    if (same := compare_hashes(was.hashes, now.hashes)) is not None:
        return same
    return was.version is not None and was.version == now.version


def _where_it_arrived(
    change: Change, entry: Entry, arrival: Arrival, item: KnownItem, names: NameRules
) -> bool:
    if entry.kind is EntryKind.FOLDER or tells_nothing(entry):
        return False
    root = item.folder_path == "/"
    above = change.parent_id == item.folder_destination_id or (
        None in {change.parent_id, item.folder_destination_id} and (root or change.parent_id is not None)
    )
    named = names.key(entry.name) == arrival.destination_path_key.rpartition("/")[2]
    return above and named


def _stands_as_before(change: Change, folder: KnownFolder, names: NameRules) -> bool:
    entry = change.entry
    if entry is None or entry.kind is not EntryKind.FOLDER:
        return False
    if folder.path == "/":
        return True  # what it is called and where it stands is for the pair's path to tell
    above = change.parent_id == folder.parent_destination_id or (
        folder.parent_path == "/" and None in {change.parent_id, folder.parent_destination_id}
    )
    return above and names.key(entry.name) == names.path_key(folder.destination_path).rpartition("/")[2]


async def _mark_paths(
    marks: Marks, gone: Sequence[str], side: Side, ledger: RunLedger, run: int, *, at_destination: bool
) -> None:
    """Note the folders in which something was removed that is known by its path only."""
    key_of = side.connector.capabilities.names.path_key
    root = key_of(side.root).rstrip("/")
    removed = {key[len(root) :] for path in gone if (key := key_of(path)).startswith(f"{root}/")}
    if not removed:
        return
    names = side.connector.capabilities.names
    found = await _folders_on_the_way(removed, names, ledger, run, at_destination=at_destination)
    for path in removed:
        above, itself = found.get(path.rpartition("/")[0]), found.get(path)
        marks.add(above)
        marks.add(itself, deep=True)


async def _folders_on_the_way(
    paths: Collection[str], names: NameRules, ledger: RunLedger, run: int, *, at_destination: bool
) -> dict[str, int]:
    """The folders of a run at these path keys and above them, by path key; the root's is empty.

    From the root downwards, all paths at once: a question for each level, whatever the number of folders of the run.
    """
    first = await ledger.earlier.page_of_folders(run, 1, after_id=0)
    level = {"": first[0].id} if first else {}
    found = dict(level)
    split = [path.split("/") for path in paths]
    for depth in range(2, max(map(len, split)) + 1):
        wanted = {"/".join(parts[:depth]) for parts in split if len(parts) >= depth}
        wanted = {path for path in wanted if path.rpartition("/")[0] in level}
        if not wanted:
            break
        level = await _step_down(level, wanted, names, ledger, at_destination=at_destination)
        found |= level
    return found


async def _step_down(
    level: Mapping[str, int],
    wanted: Collection[str],
    names: NameRules,
    ledger: RunLedger,
    *,
    at_destination: bool,
) -> dict[str, int]:
    """The folders at `wanted` path keys, which stand in those of `level`."""
    if at_destination:  # how it compares names is kept with each item
        above_of = {folder: path for path, folder in level.items()}
        places = [(level[head], name) for head, _, name in (path.rpartition("/") for path in wanted)]
        named = await ledger.earlier.folders_by_destination_key(places)
        return {f"{above_of[folder.parent or 0]}/{key}": folder.id for folder, key in named}
    parents = sorted({level[path.rpartition("/")[0]] for path in wanted})
    below = await ledger.earlier.folders_below(parents)
    return {path: folder.id for folder in below if (path := names.path_key(folder.path)) in wanted}
