"""What stands in one folder of the destination, by name: in memory, or in the ledger where it is too much for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from mover.entries import Entry
from mover.errors import NotFound
from mover.ledger.ledger import RunLedger
from mover.ledger.records import FolderTask
from mover.transfer.side import Side

_IN_MEMORY = 10_000  # entries of one folder; some 5 MB


class Standing:
    """The listing of a destination folder, taken once before its counterpart at the source is read.

    An asynchronous context manager: leaving it forgets what was kept. Of several entries with one name the first
    counts.
    """

    def __init__(self, side: Side | None, folder: FolderTask, ledger: RunLedger) -> None:
        is_new = side is not None and side.root_is_new and folder.path == "/"
        self._side = side if folder.destination_exists and not is_new else None
        self._folder = folder
        self._ledger = ledger
        self._entries: dict[str, Entry] = {}
        self._kept = False

    async def __aenter__(self) -> Self:
        if self._side is None:
            return self
        key_of = self._side.connector.capabilities.names.key
        ref = self._side.ref(self._folder.destination_path, self._folder.destination_id)
        try:
            async for page in self._side.connector.list_folder(ref):
                for entry in page.entries:
                    self._entries.setdefault(key_of(entry.name), entry)
                if len(self._entries) > _IN_MEMORY:
                    await self._spill()
        except NotFound:
            self._entries.clear()  # removed since its parent was listed: nothing stands there
        if self._kept and self._entries:
            await self._spill()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._kept:
            await self._ledger.drop_listing(self._folder)

    async def _spill(self) -> None:
        if not self._kept:
            await self._ledger.drop_listing(self._folder)  # of an interrupted attempt
            self._kept = True
        await self._ledger.keep_listing(self._folder, self._entries)
        self._entries = {}

    async def get(self, keys: Sequence[str]) -> dict[str, Entry]:
        """Return the entries that have these names, by name key."""
        if self._kept:
            return await self._ledger.listed(self._folder, keys)
        entries = self._entries
        return {key: entries[key] for key in keys if key in entries}
