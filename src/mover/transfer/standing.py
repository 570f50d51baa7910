"""What stands in one folder of the destination, by name: in memory, or in the ledger where it is too much for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Self

from mover.entries import Entry, EntryKind
from mover.errors import MoverError, NotFound
from mover.ledger.ledger import RunLedger
from mover.ledger.records import FolderTask
from mover.transfer.side import Side

_NO_IDS: Mapping[str, str] = MappingProxyType({})
_MOST_NAMESAKES = 100
_IN_MEMORY = 10_000  # entries of one folder; some 5 MB


class Standing:
    """The listing of a destination folder, taken once, when it is first asked what stands there.

    An asynchronous context manager: leaving it forgets what was kept. Of several entries with one name the first
    counts, unless it is a shortcut, or another one is asked for by its id. `failed` once listing it has raised.
    """

    def __init__(self, side: Side | None, folder: FolderTask, ledger: RunLedger) -> None:
        is_new = side is not None and side.root_is_new and folder.path == "/"
        self._side = side if folder.destination_exists and not is_new else None
        self._folder = folder
        self._ledger = ledger
        self._entries: dict[str, Entry] = {}
        self._namesakes: dict[str, list[Entry]] = {}
        self._kept = False
        self.failed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._kept:
            await self._ledger.drop_listing(self._folder)

    async def look(self) -> None:
        """List the folder, unless that was done. Raises what listing it raises."""
        if self._side is None:
            return
        side, self._side = self._side, None
        try:
            await self._list(side)
        except MoverError:
            self.failed = True
            raise

    async def _list(self, side: Side) -> None:
        key_of = side.connector.capabilities.names.key
        ref = side.ref(self._folder.destination_path, self._folder.destination_id)
        try:
            async for page in side.connector.list_folder(ref):
                for entry in page.entries:
                    self._add(key_of(entry.name), entry)
                if len(self._entries) + len(self._namesakes) > _IN_MEMORY:
                    await self._spill()
        except NotFound:
            self._entries.clear()
            self._namesakes.clear()  # removed since its parent was listed: nothing stands there
        if self._kept and self._entries:
            await self._spill()

    async def has_namesakes(self) -> bool:
        """Several entries of one name stand there."""
        await self.look()
        return bool(self._namesakes)

    def _add(self, key: str, entry: Entry) -> None:
        before = self._entries.setdefault(key, entry)
        if before is entry:
            return
        if before.kind is EntryKind.SHORTCUT and entry.kind is not EntryKind.SHORTCUT:
            self._entries[key], entry = entry, before
        same = self._namesakes.setdefault(key, [])
        if len(same) < _MOST_NAMESAKES:
            same.append(entry)

    async def _spill(self) -> None:
        if not self._kept:
            await self._ledger.drop_listing(self._folder)  # of an interrupted attempt
            self._kept = True
        await self._ledger.keep_listing(self._folder, self._entries)
        self._entries = {}
        self._namesakes = {}

    async def get(self, keys: Sequence[str], ids: Mapping[str, str] = _NO_IDS) -> dict[str, Entry]:
        """Return the entries that have these names, by name key; of namesakes that with the id in `ids`, if it is there."""
        if keys:
            await self.look()
        if self._kept:
            return await self._ledger.listed(self._folder, keys)
        entries = self._entries
        found = {key: entries[key] for key in keys if key in entries}
        for key in self._namesakes.keys() & ids.keys() & found.keys():
            found[key] = next((one for one in self._namesakes[key] if one.id == ids[key]), found[key])
        return found
