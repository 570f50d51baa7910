"""Following an earlier run by change feeds, so that only folders in which something changed are listed.

    begin ── a run that can be followed? ──no──► cursors of both feeds ─► everything is listed
                      │ yes
             source's feed since then  ─► folders to list        too old ─► everything is listed, and a remark
             destination's feed        ─► folders to list        none, or too old ─► all folders are listed there
    end ──── destination's feed since begin: what is not our own doing ─► folders that the next run lists

A cursor of the source is taken before the first listing, or comes with the last page of all that stands there (`tree`), and
each run reads the feed from where the run before did: what a listing or the feed itself told too late is seen once more. At
the destination the run's own uploads would be told to the next run; they are read, and recognised, at the end of the run that
made them. Where each line costs a call (`described_changes`), that would be a second call for each file, and the next run
lists the destination's folders instead.

Where only the destination has a feed (files come from a disk, SFTP, S3, WebDAV), the source is listed, and the ledger
answers for what stands at the destination: see `remembered`. A cursor costs a call, and so does reading what the run did
itself; a run over a few folders saves less than that. So it is taken once the run has seen more folders, before anything
is decided about the one that shows them. What was decided before that moment may have changed unnoticed, and is listed by
the next run:

    folder's entries decided ──before the cursor──► listed by the next run, which sees the folders in it, too
                             └─after it──────────► what changes there, is told

Where the destination has no feed, its folders are listed, since a file that was removed there is to be copied again; the
source's entries are then taken from the ledger.

With permissions both feeds must tell of these, too (`Connector.sharing_changes`); else everything is read, as in a first
run. What a folder permits holds for all below it, and feeds need not say so. So the folder that holds the changed one is
listed, which shows who may see the changed one now; and a folder is known only if that is the same as it was. Both roots
are asked about in each run, with what they inherit, so that folders above them need no feed.

    line of the source's feed ─────► its folder is listed ─► who sees each folder in it, now?
    line of the destination's, ────► likewise                   │ as it was: known
      unless it has no permissions of its own, and had none     └ otherwise: listed, and so on below it

Options that were others in the last run, and people who own the roots now and did not then, lead to a full reading.
"""

from __future__ import annotations

import asyncio
import hashlib

from mover import __version__
from mover.connectors.contract import Changes
from mover.entries import EntryRef
from mover.errors import ApiQuotaExceeded, MoverError, NotFound, SignInFailed, Unsupported
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Base, FolderTask, Follows
from mover.transfer.changed import changed_at_destination, changed_at_source
from mover.transfer.options import Options
from mover.transfer.side import Side
from mover.transfer.tree import TreeReader

_ENDS_THE_RUN = (SignInFailed, ApiQuotaExceeded)
_WORTH_A_CURSOR = 8
"""Folders of a run above which a cursor of the destination is worth its calls where only the destination has a feed.

It costs two or three calls: the cursor, and what the run did itself, read at its end. The next run saves one for each
folder and makes one to read the feed. So it pays from some four folders on, if there is a next run; of fewer than twice
as many not even a first run should pay for that.
"""


class Feeds:
    """The change feeds of one run that copies. `remarks` holds what a person should know of them.

    Args:
        source, destination: The two sides.
        ledger: Of the run.
        options: Of the run.
        tree: Reads the source at once where it tells that so.
        sharing: What permissions are decided by besides the options, where they are moved; None where they are not.
    """

    def __init__(
        self,
        source: Side,
        destination: Side,
        ledger: RunLedger,
        options: Options,
        tree: TreeReader,
        *,
        sharing: str | None = None,
    ) -> None:
        self._source = source
        self._destination = destination
        self._ledger = ledger
        self._options = options
        self._tree = tree
        self._sharing = sharing
        self._early: set[int] = set()
        self._seen = 0
        self._due: Changes | None = None  # the destination's feed, while its cursor is to be taken
        self._turn = asyncio.Lock()
        self.remarks: list[str] = []

    async def begin(self) -> None:
        """Find out what changed since the run that this one can follow. To be called before anything is listed.

        Raises what ends a run: SignInFailed, ApiQuotaExceeded. Any other trouble costs no more than a listing.
        """
        source, destination = self._feed(self._source), self._feed(self._destination)
        if source is None:
            await self._begin_at_destination(destination)
            return
        if destination is None and self._sharing is not None:
            return
        if await self._ledger.earlier.is_begun():
            return
        basis = self._basis()
        base = None
        if not self._options.full:
            base = await self._ledger.earlier.base(basis, last=self._sharing is not None)
        follows = await self._following(base, basis, source, destination) if base is not None else None
        if follows is None:
            there = await self._cursor(destination, self._destination) if destination else None
            cursor = await self._tree.read() or await self._cursor(source, self._source)
            if cursor is None:
                return
            follows = Follows(basis=basis, source_cursor=cursor, destination_cursor=there)
        await self._ledger.follow(follows)

    async def expect(self, folder: FolderTask, below: int) -> None:
        """Take the destination's cursor if it is due and worth it. To be called before anything is decided about a page.

        `below` is the number of folders that the page shows. Raises what ends a run, as `begin`.
        """
        if self._due is not None:
            async with self._turn:
                await self._take(self._due, folder, below)

    async def end(self, *, moved: bool) -> None:
        """See to it that the next run knows what others did at the destination since this one began.

        `moved`: this run changed something there itself, so that its own doing is to be told from that of others.
        """
        cursor, feed = self._ledger.run.destination_cursor, self._feed(self._destination)
        if cursor is None or not moved:
            return
        reached = None
        if feed is not None and self._destination.connector.capabilities.described_changes:
            reached = await self._read_destination(feed, cursor, self._ledger.run.id)
        await self._ledger.reached(reached)

    def _basis(self) -> str:
        """Equal for runs that decide the same about the same entries, of the same two folders."""
        sides = [(side.who, side.root_id) for side in (self._source, self._destination)]
        parts = (self._options.basis, __version__, sides, self._sharing)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]

    async def _begin_at_destination(self, feed: Changes | None) -> None:
        """As `begin`, where the source tells no changes."""
        earlier, can = self._ledger.earlier, self._destination.connector.capabilities
        if feed is None or self._sharing is not None or not can.described_changes:
            return
        if self._ledger.run.destination_cursor is not None:
            return  # the run goes on with what it knew
        if await earlier.is_begun():
            self._seen = await earlier.number_of_folders()
        else:
            self._seen = 1
            if not self._options.full and await self._following_at_destination(feed):
                return
        self._due = feed

    async def _take(self, feed: Changes | None, folder: FolderTask, below: int) -> None:
        if feed is None:
            return  # the cursor was taken for another folder meanwhile
        self._seen += below
        if self._seen <= _WORTH_A_CURSOR:
            self._early.add(folder.id)
            return
        cursor = await self._cursor(feed, self._destination)
        if cursor is not None:
            await self._ledger.earlier.mark_begun(self._early)
            await self._ledger.follow(Follows(basis=self._basis(), destination_cursor=cursor))
        self._due = None

    async def _following_at_destination(self, feed: Changes) -> bool:
        basis = self._basis()
        base = await self._ledger.earlier.base(basis, source_is_listed=True)
        if base is None or base.destination_cursor is None:
            return False
        cursor = await self._read_destination(feed, base.destination_cursor, base.run)
        if cursor is None:
            return False
        await self._ledger.earlier.mark_unsettled(base.run)
        await self._ledger.follow(Follows(basis=basis, base=base.run, destination_cursor=cursor))
        return True

    async def _following(
        self, base: Base, basis: str, source: Changes, destination: Changes | None
    ) -> Follows | None:
        cursor = await self._read_source(source, base)
        if cursor is None:
            return None
        there = None
        if destination is not None:
            if base.destination_cursor is not None:
                there = await self._read_destination(destination, base.destination_cursor, base.run)
            carries = there is not None
            there = there or await self._cursor(destination, self._destination)
        else:
            carries = False
        if self._sharing is not None:
            if not carries:
                return None
            await self._ledger.earlier.mark_unsettled_sharing(base.run)
        await self._ledger.earlier.mark_unsettled(base.run)
        return Follows(
            basis=basis,
            base=base.run,
            carries=carries,
            source_from=base.source_cursor,
            source_cursor=cursor,
            destination_cursor=there,
        )

    async def _read_source(self, feed: Changes, base: Base) -> str | None:
        """Note what the source's feed tells; returns the cursor after it. None: it cannot be read from there any more."""
        for start in dict.fromkeys((base.source_from, base.source_cursor)):
            if start is None:
                continue
            after = base.source_cursor or start
            try:
                async for changes, cursor in feed.since(start):
                    found = await changed_at_source(
                        changes, self._source, self._ledger, base.run, sharing=self._sharing is not None
                    )
                    await self._ledger.earlier.mark_changed(found)
                    after = cursor
                return after
            except NotFound:
                continue
            except _ENDS_THE_RUN:
                raise
            except MoverError as error:
                self.remarks.append(f"the source's changes could not be read, so all was listed: {error}")
                return None
        self.remarks.append("the source's change feed no longer reaches back to the last run: all was listed")
        return None

    async def _read_destination(self, feed: Changes, start: str, run: int) -> str | None:
        """Note what the destination's feed tells of what a run left there; returns the cursor after it, or None."""
        after, strangers = start, False
        try:
            async for changes, cursor in feed.since(start):
                told = await changed_at_destination(
                    changes, self._destination, self._ledger, run, sharing=self._sharing is not None
                )
                await self._ledger.earlier.mark_changed(told.folders)
                if told.altered:
                    await self._ledger.keep_arrivals(told.altered)
                strangers |= told.strangers
                after = cursor
        except NotFound:
            self.remarks.append(
                "the destination's change feed no longer reaches back: its folders are listed"
            )
            return None
        except _ENDS_THE_RUN:
            raise
        except MoverError as error:
            self.remarks.append(
                f"the destination's changes could not be read, so its folders are listed: {error}"
            )
            return None
        if strangers:
            await self._ledger.earlier.mark_with_strangers(run)
        return after

    async def _cursor(self, feed: Changes, side: Side) -> str | None:
        try:
            return await feed.cursor(EntryRef(side.root, side.root_id))
        except (Unsupported, NotFound):
            return None
        except _ENDS_THE_RUN:
            raise
        except MoverError as error:
            self.remarks.append(f"{side.label} has no change feed for the next run: {error}")
            return None

    def _feed(self, side: Side) -> Changes | None:
        return side.feed(sharing=self._sharing is not None)
