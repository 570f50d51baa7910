"""Files that stand where another one stood at the source: saved under a new id, or renamed onto a place that became free.

What an earlier run left at the destination for the one that is gone is ours, not a stranger's: the new one takes over
the record of its arrival, and with it its place, and what Mover permitted there. Where it leaves a place of its own behind,
the two exchange their records: whatever comes to stand there next is no stranger's heir either.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from mover.entries import Entry, EntryKind, join_path, parent_path
from mover.errors import MoverError, NameRejected, NotFound
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Arrival, FolderTask
from mover.naming import NameRules
from mover.transfer.forms import SealedNames
from mover.transfer.names import accepted_name
from mover.transfer.side import Side

_ID = "id:"


class Succession(msgspec.Struct, frozen=True):
    """What entries of a folder took over.

    Attributes:
        freed: Source keys of those whose place became free.
        grants: To whom goes what was permitted for whom, by source keys, where that is not written down.
    """

    freed: frozenset[str] = frozenset()
    grants: Mapping[str, str] = MappingProxyType({})


NONE = Succession()


class Heirs:
    """Finds them for one run.

    Args:
        source: Where it is looked whether the one before is gone.
        rules: Names of the destination.
        ledger: Of the run.
        sealed: How names are sealed at the destination, if they are.
        keep: What was taken over is written down; else it only counts for what is decided now.
    """

    def __init__(
        self,
        source: Side,
        rules: NameRules,
        ledger: RunLedger,
        *,
        keep: bool,
        sealed: SealedNames | None = None,
    ) -> None:
        self._sealed = sealed
        self._source = source
        self._rules = rules
        self._ledger = ledger
        self._keep = keep
        self._namesakes = source.connector.capabilities.duplicate_names
        self._turn = asyncio.Lock()

    async def take_over(
        self, folder: FolderTask, listed: Sequence[tuple[Entry, str, str]], arrivals: dict[str, Arrival]
    ) -> Succession:
        """Put into `arrivals` what entries of a folder, given with path and source key, take over.

        Folders that are scanned at the same time come one after the other: of two files that took each other's places either
        folder would exchange what the other has exchanged.
        """
        wanted = self._places(folder, listed, arrivals)
        if not wanted or not await self._ledger.arrivals_at(list(wanted)):
            return NONE
        async with self._turn:
            keys = [key for _, _, key in listed]
            now = await self._ledger.arrivals_of(keys)  # another folder may have handed some over
            for key in keys:
                arrivals.pop(key, None)
            arrivals.update(now)
            return await self._take_over(folder, listed, arrivals)

    async def _take_over(
        self, folder: FolderTask, listed: Sequence[tuple[Entry, str, str]], arrivals: dict[str, Arrival]
    ) -> Succession:
        wanted = self._places(folder, listed, arrivals)
        held = await self._ledger.arrivals_at(list(wanted)) if wanted else {}
        before = {place: holder for place, holder in held.items() if holder != wanted[place][2]}
        if not before:
            return NONE
        known = await self._ledger.arrivals_of(list(before.values()))
        gone = await self._gone(
            folder,
            {
                holder: (known[holder], wanted[place][1])
                for place, holder in before.items()
                if holder in known
            },
            {key: path for _, path, key in listed},
        )
        taken: dict[str, Arrival] = {}
        freed: dict[str, Arrival] = {}
        for place, holder in before.items():
            if holder not in gone:
                continue
            earlier = known[holder]
            _, path, key = wanted[place]
            # The version and the time are those of another file: only the content tells whether it is the same.
            taken[key] = freed[holder] = msgspec.structs.replace(
                earlier, source_key=key, path=path, version=None, modified_ns=None
            )
        left = {
            holder: msgspec.structs.replace(behind, source_key=holder, version=None, modified_ns=None)
            for holder, arrival in freed.items()
            if holder not in taken
            and arrival.source_key not in freed
            and (behind := arrivals.get(arrival.source_key)) is not None
        }
        arrivals.update(taken)
        if not taken:
            return NONE
        if self._keep:
            await self._ledger.hand_over(freed, left)
            return Succession(frozenset(freed))
        heirs = {holder: arrival.source_key for holder, arrival in freed.items()}
        return Succession(frozenset(freed), heirs | {freed[holder].source_key: holder for holder in left})

    def _places(
        self, folder: FolderTask, listed: Sequence[tuple[Entry, str, str]], arrivals: dict[str, Arrival]
    ) -> dict[str, tuple[Entry, str, str]]:
        """Files that did not arrive at their place before, by how the destination compares that place."""
        prefix = self._rules.path_key(folder.destination_path)
        places: dict[str, tuple[Entry, str, str]] = {}
        for entry, path, key in listed:
            arrival = arrivals.get(key)
            if entry.kind is EntryKind.FOLDER or (arrival is not None and arrival.path == path):
                continue
            try:
                name = accepted_name(self._rules, self._sealed, entry, entry.name)
            except NameRejected:
                continue
            places.setdefault(join_path(prefix, self._rules.key(name)), (entry, path, key))
        return places

    async def _gone(
        self, folder: FolderTask, holders: dict[str, tuple[Arrival, str]], now: dict[str, str]
    ) -> frozenset[str]:
        """Those of the holders that are no longer where they were at the source.

        Args:
            folder: That is scanned.
            holders: What arrived for each, and the path of the entry that comes to its place.
            now: Paths of the page of the folder that is looked at.
        """
        gone: set[str] = set()
        asked: dict[str, str] = {}
        for holder, (earlier, path) in holders.items():
            if holder in now:
                is_gone: bool | None = now[holder] != earlier.path
            else:
                is_gone = await self._is_gone(holder, earlier, path)
            if is_gone:
                gone.add(holder)
            elif is_gone is None and parent_path(earlier.path) == folder.path:
                asked[holder.removeprefix(_ID)] = earlier.path
        stay = await self._staying(folder, asked) if asked else frozenset[str]()
        return frozenset(gone | {_ID + one for one in asked.keys() - stay})

    async def _is_gone(self, holder: str, earlier: Arrival, path: str) -> bool | None:
        """Whether an entry is gone from its place; None where it is known by an id, and only a listing of its folder tells."""
        by_id = holder.startswith(_ID)
        if by_id and earlier.path == path and not self._namesakes:
            return True
        source, id_ = self._source, holder.removeprefix(_ID) if by_id else None
        try:
            found = await source.connector.refresh(source.ref(earlier.path, id_))
            if not by_id:
                return False
            if join_path(parent_path(earlier.path), found.name) != earlier.path:
                return True
            if self._namesakes:
                return None  # what a path leads to may be another one of its name
            return (await source.connector.look_up(source.ref(earlier.path, None).path)).id != id_
        except NotFound:
            return True
        except MoverError:
            return False

    async def _staying(self, folder: FolderTask, asked: dict[str, str]) -> frozenset[str]:
        """Those of these ids that still stand in a folder under the path that they had; all, if it cannot be listed."""
        stay: set[str] = set()
        ref = self._source.ref(folder.path, folder.source_id)
        try:
            async with contextlib.aclosing(self._source.connector.list_folder(ref)) as pages:
                async for page in pages:
                    stay.update(
                        entry.id
                        for entry in page.entries
                        if entry.id in asked and join_path(folder.path, entry.name) == asked[entry.id]
                    )
                    if len(stay) == len(asked):
                        break
        except MoverError:
            return frozenset(asked)
        return frozenset(stay)
