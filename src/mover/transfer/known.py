"""Folders whose content is known without a listing.

Either nothing changed in them at the source since the run that this one follows, or the source has told all that stands
below its root at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from mover.connectors.contract import Page, Trees
from mover.entries import EntryKind, EntryRef
from mover.ledger.ledger import RunLedger
from mover.ledger.records import FolderTask, Tally
from mover.transfer.progress import Progress
from mover.transfer.side import Side

_AT_ONCE = 500  # folders whose items are taken over in one transaction
_PAGE = 1_000  # entries


class KnownFolders:
    """Gets the entries of folders of one run: from the ledger where they are known, else from the source.

    Args:
        source: Where folders are listed.
        ledger: Of the run.
        progress: Counts what is known.
        note: What is said of entries that have another name at the destination.
    """

    def __init__(self, source: Side, ledger: RunLedger, progress: Progress, note: str) -> None:
        self._source = source
        self._ledger = ledger
        self._progress = progress
        self._note = note

    async def carry(self) -> bool:
        """Take over some folders as they are, if neither side changed there. Returns whether there were any."""
        folders, found = await self._ledger.carry(_AT_ONCE, self._note)
        self._progress.folders_listed += folders
        self._count(found)
        return folders > 0

    async def entries(self, folder: FolderTask) -> AsyncGenerator[Page, None]:
        """What stands in a folder of the source, page by page. Raises what listing it raises."""
        if folder.known and not self._ledger.run.lists_source:
            self._count(await self._ledger.earlier.carry_kept_out(folder))
            after: int | None = 0
            while after is not None:
                found = await self._ledger.earlier.known_entries(folder, _PAGE, after_id=after)
                if found is None:
                    break  # it was removed from the ledger meanwhile
                entries, after = found
                if entries:
                    yield Page(entries)
            else:
                return
        source = self._source.ref(folder.path, folder.source_id)
        if folder.cursor is None and (place := await self._ledger.tree.place_of(folder)) is not None:
            async for page in self._told(source, place):
                yield page
            return
        async for page in self._source.connector.list_folder(source, folder.cursor):
            yield page

    async def _told(self, folder: EntryRef, place: str) -> AsyncGenerator[Page, None]:
        """What the source told of a folder when it told all at once."""
        changes = self._source.connector.changes
        at: str | None = ""
        while at is not None:
            begins = at == ""
            told, at = await self._ledger.tree.entries(place, _PAGE, after=at)
            if changes is not None and isinstance(changes, Trees):
                await changes.taken_up(folder, told, begins=begins, ends=at is None)
            if told:
                yield Page(told)

    def _count(self, tallies: Sequence[Tally]) -> None:
        for tally in tallies:
            if tally.kind is not EntryKind.FOLDER:
                self._progress.carried(tally.state, tally.count, tally.size)
