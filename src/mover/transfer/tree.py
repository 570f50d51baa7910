"""All that stands below the source's root, read at once where its service tells it so and folders would all be listed.

    begin ── told whole before? ──yes──► the cursor of the change feed that goes on from it
               │ no
             page by page into the ledger ── all told ─► likewise; the scan takes each folder from there
               │ trouble, or most of it is kept out by filters
             forgotten ─► the scan lists folder by folder

A page is kept with the cursor after it, so a process that goes on with the run goes on with the reading, too. Nothing is decided
about an entry before all is told: what changed meanwhile is told again, and only at the end is a folder known to be whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from mover.connectors.contract import TreeLine, Trees
from mover.database.failures import DatabaseTrouble
from mover.entries import EntryKind, EntryRef, parent_path
from mover.errors import ApiQuotaExceeded, MoverError, NotFound, ProtocolViolation, SignInFailed
from mover.ledger.ledger import RunLedger
from mover.transfer.options import Options
from mover.transfer.progress import Progress
from mover.transfer.side import Side

_ENDS_THE_RUN = (SignInFailed, ApiQuotaExceeded, DatabaseTrouble)
_EMPTY_AT_MOST = 100  # pages in a row without a line
_JUDGED_FROM = 10_000  # lines, before it counts how many of them are kept out


class TreeReader:
    """Reads the source of one run.

    Args:
        source: Where to read.
        ledger: Of the run.
        options: Of the run.
        progress: Is told what was found so far.
    """

    def __init__(self, source: Side, ledger: RunLedger, options: Options, progress: Progress) -> None:
        self._source = source
        self._ledger = ledger
        self._filters = options.filters
        self._progress = progress

    async def read(self) -> str | None:
        """Read all, or go on with it; returns the cursor of the change feed that goes on from it. At once if that was done.

        None: folders are to be listed one by one. Raises what ends a run: SignInFailed, ApiQuotaExceeded, DatabaseTrouble.
        Any other trouble costs no more than the calls that were made.
        """
        connector = self._source.connector
        feed = connector.changes
        if feed is None or not isinstance(feed, Trees) or not connector.capabilities.stable_ids:
            return None
        if self._filters.listed is not None:
            return None  # few folders, as a rule, of a source of any size
        reading = await self._ledger.tree.begin(self._source.root_id)
        if reading is None or reading.is_given_up or reading.feed is not None:
            return reading.feed if reading is not None else None
        try:
            after = await self._all(feed, reading.cursor)
        except _ENDS_THE_RUN:
            raise
        except MoverError:
            after = None
        if after is None:
            await self._ledger.tree.give_up()
            self._tell_nothing()
        else:
            await self._ledger.tree.complete(after)
        return after

    async def _all(self, feed: Trees, cursor: str | None) -> str | None:
        """Read to the end, and once more from the beginning if the service has lost its place."""
        try:
            return await self._pages(feed, cursor)
        except NotFound:
            await self._ledger.tree.restart(self._source.root_id)
            self._tell_nothing()
            return await self._pages(feed, None)

    async def _pages(self, feed: Trees, cursor: str | None) -> str | None:
        """Keep what is told; returns the feed's cursor, or None if the rest is not worth its calls."""
        root = EntryRef(self._source.root, self._source.root_id)
        empty = told = kept_out = 0
        async with aclosing(feed.below(root, cursor)) as pages:
            async for page in pages:
                empty = 0 if page.lines else empty + 1
                if empty > _EMPTY_AT_MOST:
                    raise ProtocolViolation("the service tells nothing, and never comes to an end")
                self._check(page.lines)
                await self._ledger.tree.keep(page.lines, page.cursor)
                self._show(page.lines)
                if page.feed is not None:
                    return page.feed
                told += len(page.lines)
                kept_out += self._kept_out(page.lines)
                if told >= _JUDGED_FROM and 4 * kept_out > 3 * told:
                    return None
        raise ProtocolViolation("the service stopped before it had told all")

    def _check(self, lines: Sequence[TreeLine]) -> None:
        for line in lines:
            if not line.place.startswith("/") or "\0" in line.place:
                raise ProtocolViolation("the service names a place that there cannot be")
            known = line.entry.id if line.entry is not None else None
            if not self._ledger.can_keep(line.place) or not self._ledger.can_keep(known or ""):
                raise ProtocolViolation("a path or an id is longer than the database can find again")

    def _show(self, lines: Sequence[TreeLine]) -> None:
        files = [line.entry for line in lines if line.entry is not None and line.entry.kind is EntryKind.FILE]
        self._progress.files_told += len(files)
        self._progress.bytes_told += sum(entry.size or 0 for entry in files)

    def _tell_nothing(self) -> None:
        self._progress.files_told = self._progress.bytes_told = 0

    def _kept_out(self, lines: Sequence[TreeLine]) -> int:
        """How many stand in folders that the scan would not walk into, as far as paths for people tell that."""
        walked = {"/": True}

        def walks(path: str) -> bool:
            way = [path]
            while way[-1] not in walked:
                way.append(parent_path(way[-1]))
            for folder in reversed(way[:-1]):
                walked[folder] = walked[parent_path(folder)] and self._filters.walks_into(folder)
            return walked[path]

        return sum(not walks(parent_path(line.path)) for line in lines)
