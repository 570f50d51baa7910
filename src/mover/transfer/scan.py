"""The scan: folder by folder, what stands at the source is compared with the destination and planned in the ledger.

The queue of folders is in the ledger, so an interrupted scan goes on where it was. Folders are created at the
destination before they are listed, that is before any file in them can be copied. Copying does not wait for the scan.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from mover.connectors.contract import Page, is_temporary_name
from mover.database.failures import DatabaseTrouble
from mover.entries import Entry, EntryKind, join_path, parent_path
from mover.errors import AccountSuspended, ApiQuotaExceeded, MoverError, Reason, SignInFailed, Unsupported
from mover.ledger.grants import NewGrant
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Arrival, FolderTask, NewItem, Outcome
from mover.ledger.rows import fingerprint_of
from mover.ledger.states import Action, ItemState, Verification
from mover.naming import EXACT, NameRules
from mover.transfer.concurrency import task_group
from mover.transfer.confined import Confined
from mover.transfer.feeds import Feeds
from mover.transfer.heirs import NONE, Heirs, Succession
from mover.transfer.keys import short_key
from mover.transfer.known import KnownFolders
from mover.transfer.names import NameChooser
from mover.transfer.options import Options
from mover.transfer.plan import Decision, Planner, VerifyPlanner
from mover.transfer.progress import Progress
from mover.transfer.remembered import RememberedFolders
from mover.transfer.room import Room
from mover.transfer.sharing import SharingPlanner
from mover.transfer.side import Side
from mover.transfer.standing import Standing

_FOLDERS_AT_ONCE = 16
_QUEUE_SLICE = 200  # folders taken from the ledger's queue in one query

_RENAMED = "renamed to a name that the destination accepts"
_NOT_MOVED = {
    EntryKind.SHORTCUT: "a link is not followed: what it points to is moved where it stands",
    EntryKind.SPECIAL: "not a file: a device, socket or pipe, or a document that cannot be exported",
}

_TOO_LONG = Decision(
    state=ItemState.FAILED,
    reason=Reason.PATH_TOO_LONG,
    message="its path is longer than the database that Mover uses can find again",
)


class Scanner:
    """Scans the source of one run.

    Args:
        source: Where to look.
        destination: What to compare with, and where folders are created unless the run is dry; None to look at the
            source alone.
        planner: Decides what is done.
        ledger: Of this run.
        options: Of this run.
        progress: Counts what is seen.
        feeds: Are told of pages before anything is decided about them.
        room: Is told how much is planned to go to the destination.
        found: Called after each page that planned something, and at the end: copying may have work.
        resumed: The run was interrupted before.
        large_from: Files of at least this size in bytes are moved in the lane for large files; unknown sizes too.
        sharing: Plans permissions, and has begun; None where they are not moved.
        confined: What is wrong with single accounts.
        rules: What names may be where there is no destination to compare with.
    """

    def __init__(
        self,
        source: Side,
        destination: Side | None,
        ledger: RunLedger,
        options: Options,
        progress: Progress,
        planner: Planner | VerifyPlanner,
        *,
        found: Callable[[], None],
        feeds: Feeds | None = None,
        room: Room | None = None,
        resumed: bool,
        large_from: int,
        sharing: SharingPlanner | None = None,
        confined: Confined,
        rules: NameRules = EXACT,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._confined = confined
        self._source = source
        self._destination = destination
        self._ledger = ledger
        self._options = options
        self._progress = progress
        self._found = found
        self._feeds = feeds
        self._room = room
        self._resumed = resumed
        self._large_from = large_from
        self._sharing = sharing
        self._now_ns = now_ns
        self._has_ids = source.connector.capabilities.stable_ids
        self._planner = planner
        rules, root = (
            (destination.connector.capabilities.names, destination.root) if destination else (rules, "/")
        )
        self._rules = rules
        sealed = destination.names if destination else None
        self._sealed = sealed
        self._renamed = _RENAMED if sealed is None else ""  # a sealed name is no remark: all of them are
        self._names = NameChooser(source.connector.capabilities, rules, root, ledger, sealed)
        self._heirs = Heirs(source, rules, ledger, keep=not options.dry_run, sealed=sealed)
        self._known = KnownFolders(source, ledger, progress, self._renamed)
        self._remembered = RememberedFolders(ledger, rules, planner) if isinstance(planner, Planner) else None
        self._earlier = False

    async def run(self) -> None:
        """Scan to the end.

        Raises what listing the root raised; trouble with any other folder becomes the outcome of that folder.
        """
        self._earlier = await self._ledger.has_arrivals()
        slots = asyncio.Semaphore(_FOLDERS_AT_ONCE)
        after, active = 0, set[asyncio.Task[None]]()
        async with task_group() as group:
            while True:
                all_done = not active  # before asking: a folder may add others to the queue while it is read
                if await self._known.carry():
                    continue
                batch = await self._ledger.pending_folders(_QUEUE_SLICE, after_id=after)
                if not batch:
                    if all_done and after == 0:
                        break
                    if all_done:
                        after = 0  # two transactions may have kept folders in another order than that of their ids
                    elif active:
                        await asyncio.wait(active, return_when=asyncio.FIRST_COMPLETED)
                    continue
                for folder in batch:
                    await slots.acquire()
                    task = group.create_task(self._folder(folder))
                    active.add(task)
                    task.add_done_callback(active.discard)
                    task.add_done_callback(lambda _: slots.release())
                after = batch[-1].id
        await self._ledger.scanned()
        self._progress.scanning = False
        self._found()

    async def _folder(self, folder: FolderTask) -> None:
        started = self._now_ns()
        side = "destination"
        for known, is_of_source in self._confined.troubles(folder.path, folder.destination_path):
            if isinstance(known, AccountSuspended):
                await self._failed(folder, known, "source" if is_of_source else "destination", started)
                return
        try:
            created, folder = await self._make_sure(folder)
            async with Standing(self._destination, folder, self._ledger) as standing:
                side = "source"
                filled = folder.cursor is not None
                try:
                    async for page in self._known.entries(folder):
                        filled = await self._page(folder, page, standing) or filled
                except MoverError:
                    side = "destination" if standing.failed else side
                    raise
            side = "destination"
            if not filled and await self._make_without_files(folder):
                created = True
        except AccountSuspended as error:
            at_source = side == "source"
            path = folder.path if at_source else folder.destination_path
            if folder.item_id is None or not await self._confined.confines(error, path, at_source=at_source):
                raise
            await self._failed(folder, error, side, started)
            return
        except (DatabaseTrouble, SignInFailed, ApiQuotaExceeded):
            raise  # no other folder would fare better
        except MoverError as error:
            if folder.item_id is None:
                raise
            await self._failed(folder, error, side, started)
            return
        await self._ledger.folder_listed(folder)
        self._progress.folders_listed += 1
        if folder.item_id is not None and (created or self._resumed) and not self._options.dry_run:
            await self._ledger.finish(
                Outcome(
                    item_id=folder.item_id,
                    state=ItemState.CREATED if created else ItemState.UNCHANGED,
                    message=self._renamed if _name(folder.path) != _name(folder.destination_path) else "",
                    verification=Verification.EXISTS,
                    started_ns=started,
                    ended_ns=self._now_ns(),
                )
            )

    async def _make_sure(self, folder: FolderTask) -> tuple[bool, FolderTask]:
        """Create the folder at the destination if it is not there. Returns whether it is new, and the folder."""
        if folder.destination_exists or self._options.dry_run or self._destination is None:
            return False, folder
        connector = self._destination.connector
        if connector.capabilities.implicit_folders:
            return True, folder
        parent = self._destination.ref(parent_path(folder.destination_path), folder.destination_parent_id)
        made = await connector.create_folder(parent, folder.destination_path.rpartition("/")[2])
        await self._ledger.folder_stands(folder, made.id)
        return True, _standing_as(folder, made.id)

    async def _make_without_files(self, folder: FolderTask) -> bool:
        """Create a folder that gets no file where folders otherwise come into being with their first one."""
        if (
            self._destination is None
            or self._options.dry_run
            or folder.destination_exists
            or folder.path == "/"
        ):
            return False
        if not self._destination.connector.capabilities.implicit_folders:
            return False
        parent = self._destination.ref(parent_path(folder.destination_path), folder.destination_parent_id)
        await self._destination.connector.create_folder(parent, folder.destination_path.rpartition("/")[2])
        return True

    async def _failed(self, folder: FolderTask, error: MoverError, side: str, started: int) -> None:
        assert folder.item_id is not None
        await self._ledger.folder_failed(folder)
        message = f"the folder could not be moved, nor what is in it: {error}"
        state = ItemState.UNSUPPORTED if isinstance(error, Unsupported) else ItemState.FAILED
        self._progress.ended(state, 0, path=folder.path, message=str(error))
        await self._ledger.finish(
            Outcome(
                item_id=folder.item_id,
                state=state,
                reason=error.reason,
                side=side,
                message=message,
                started_ns=started,
                ended_ns=self._now_ns(),
            )
        )

    async def _page(self, folder: FolderTask, page: Page, standing: Standing) -> bool:
        """Keep what a page of a listing tells. Returns whether a file of it will come to stand in the folder."""
        new: list[NewItem] = []
        moving: list[tuple[Entry, str, str]] = []
        for entry in page.entries:
            path = join_path(folder.path, entry.name)
            key = f"id:{entry.id}" if self._has_ids and entry.id is not None else path
            if not (self._ledger.can_keep(path) and self._ledger.can_keep(key)):
                new.append(self._item(short_key(key), entry, entry.name, short_key(entry.name), _TOO_LONG))
            elif (kept_out := self._kept_out(path, entry)) is not None:
                new.append(self._item(key, entry, entry.name, entry.name, kept_out))
            else:
                moving.append((entry, path, key))
        if self._feeds is not None:
            folders = sum(entry.kind is EntryKind.FOLDER for entry, _, _ in moving)
            await self._feeds.expect(folder, folders)
        succession = NONE
        if moving:
            decided, succession = await self._decide(folder, moving, standing)
            new += decided
        lines: list[NewGrant] = []
        if self._sharing is not None:
            ours = await self._ours(new) if await standing.has_namesakes() else {}
            there = await standing.get([item.destination_key for item in new], ours)
            new, lines = await self._sharing.plan(folder, new, there, succession.grants)
        await self._ledger.add_items(folder, new, page.cursor, lines)
        self._count(folder, new)
        return any(item.action is not Action.NONE and item.entry.kind is not EntryKind.FOLDER for item in new)

    async def _ours(self, new: Sequence[NewItem]) -> dict[str, str]:
        """Ids of what earlier runs left at the destination, by name key."""
        arrivals = await self._ledger.arrivals_of([item.source_key for item in new])
        return {
            item.destination_key: there
            for item in new
            if item.source_key in arrivals and (there := arrivals[item.source_key].destination_id) is not None
        }

    def _kept_out(self, path: str, entry: Entry) -> Decision | None:
        """Decide about entries that are not moved whatever the destination has; None for all others."""
        if is_temporary_name(entry.name):
            return Decision(
                state=ItemState.EXCLUDED, message="left over by an upload of Mover that did not finish"
            )
        if entry.internal is not None:
            return Decision(state=ItemState.EXCLUDED, message=entry.internal)
        if entry.kind is EntryKind.FOLDER:
            why = None if self._options.filters.walks_into(path) else "excluded with all that is in it"
        elif self._sealed is not None and self._sealed.is_always_moved(entry.name):
            why = None
        else:
            why = self._options.filters.verdict(path, entry)
        if why is not None:
            return Decision(state=ItemState.EXCLUDED, message=why)
        if entry.kind in _NOT_MOVED:
            message = _NOT_MOVED[entry.kind] + (f" ({entry.target})" if entry.target else "")
            return Decision(state=ItemState.UNSUPPORTED, reason=Reason.UNSUPPORTED_TYPE, message=message)
        return None

    async def _decide(
        self, folder: FolderTask, moving: Sequence[tuple[Entry, str, str]], standing: Standing
    ) -> tuple[list[NewItem], Succession]:
        arrivals = await self._ledger.arrivals_of([key for _, _, key in moving]) if self._earlier else {}
        succession = await self._heirs.take_over(folder, moving, arrivals) if self._earlier else NONE
        listed = [(entry, key) for entry, _, key in moving]
        names = await self._names.choose(folder, listed, arrivals, succession.freed)
        remembered = None
        if self._remembered is not None and self._remembered.knows(folder):
            remembered = await self._remembered.decide(folder, listed, names, arrivals)
        there: Mapping[str, Entry] = {}
        if remembered is None:
            there = await standing.get(
                [chosen.key for chosen in names.values() if not chosen.problem],
                {
                    names[key].key: arrival.destination_id
                    for key, arrival in arrivals.items()
                    if arrival.destination_id is not None
                },
            )
        new = []
        known_better: list[Arrival] = []
        files = needed = 0
        for entry, _, key in moving:
            chosen = names[key]
            if chosen.problem:
                failed = Decision(state=ItemState.FAILED, reason=chosen.reason, message=chosen.problem)
                new.append(self._item(key, entry, chosen.name, chosen.key, failed))
                continue
            if not self._ledger.can_keep(
                self._rules.path_key(join_path(folder.destination_path, chosen.name))
            ):
                new.append(self._item(key, entry, chosen.name, short_key(chosen.key), _TOO_LONG))
                continue
            found = there.get(chosen.key)
            if remembered is not None:
                decision, found = remembered[key]
            else:
                path = join_path(folder.destination_path, chosen.name)
                decision = self._upon_listing(entry, found, path, arrivals.get(key))
            if decision.arrival is not None and not self._options.dry_run:
                known_better.append(decision.arrival)
            if decision.action in {Action.COPY, Action.REPLACE, Action.COMPARE}:
                files += 1
                needed += self._needed(entry, found) if decision.action is not Action.COMPARE else 0
            new.append(self._item(key, entry, chosen.name, chosen.key, decision, found))
        if self._room is not None:
            self._room.plan(len(moving), files, needed)
        if known_better:
            await self._ledger.keep_arrivals(known_better)
        new = await self._gone_on_with(new, arrivals)
        return (await self._hold(new, arrivals) if self._earlier else new), succession

    def _upon_listing(
        self, entry: Entry, found: Entry | None, path: str, arrival: Arrival | None
    ) -> Decision:
        """Decide about an entry that is to stand at this path of the destination, by what stands there now."""
        if entry.kind is EntryKind.FOLDER:
            return self._planner.folder(found)
        here = arrival is not None and arrival.destination_path_key == self._rules.path_key(path)
        decision = self._planner.file(entry, found, arrival if here else None)
        if decision.action is Action.COPY and arrival and arrival.destination_path != path:
            return Decision(state=ItemState.HELD, action=Action.RENAME)
        return decision

    def _needed(self, entry: Entry, found: Entry | None) -> int:
        """How much more room a file needs at the destination than what stands there, in bytes."""
        size = entry.size or 0
        if found is None or (self._destination is not None and self._destination.connector.versions):
            return size
        return max(size - (found.size or 0), 0)

    async def _gone_on_with(self, new: list[NewItem], arrivals: dict[str, Arrival]) -> list[NewItem]:
        """Have looked at what an earlier run with other options may have left half sent: it is no stranger's."""
        in_the_way = [
            item.source_key
            for item in new
            if item.state is ItemState.CONFLICT
            and item.entry.kind is not EntryKind.FOLDER
            and item.source_key not in arrivals
        ]
        if not in_the_way or not isinstance(self._planner, Planner):
            return new
        begun = await self._ledger.begun(in_the_way)
        return [
            msgspec.structs.replace(
                item,
                state=ItemState.PLANNED,
                action=Action.COPY,
                interrupted=True,
                reason=None,
                side=None,
                message=self._renamed if item.destination_name != item.entry.name else "",
            )
            if item.source_key in begun and item.state is ItemState.CONFLICT
            else item
            for item in new
        ]

    async def _hold(self, new: list[NewItem], arrivals: dict[str, Arrival]) -> list[NewItem]:
        """Hold back files that are new under their name while a file of the same content is known under another."""
        prints = {
            item.source_key: found
            for item in new
            if item.action is Action.COPY
            and item.source_key not in arrivals
            and (found := fingerprint_of(item.entry.size, item.entry.hashes)) is not None
        }
        if not prints:
            return new
        known = await self._ledger.known_fingerprints(list(prints.values()))
        return [
            self._held(item) if prints.get(item.source_key) in known and item.source_key in prints else item
            for item in new
        ]

    def _held(self, item: NewItem) -> NewItem:
        held = Decision(state=ItemState.HELD, action=Action.COPY)
        return self._item(item.source_key, item.entry, item.destination_name, item.destination_key, held)

    def _item(
        self, key: str, entry: Entry, name: str, name_key: str, decision: Decision, found: Entry | None = None
    ) -> NewItem:
        is_folder = entry.kind is EntryKind.FOLDER
        message = decision.message
        if name != entry.name and not message:
            message = self._renamed
        return NewItem(
            source_key=key,
            entry=entry,
            destination_name=name,
            destination_key=name_key,
            state=decision.state,
            action=decision.action,
            large=not is_folder and (entry.size is None or entry.size >= self._large_from),
            reason=decision.reason,
            side="destination" if decision.state in {ItemState.FAILED, ItemState.CONFLICT} else decision.side,
            message=message,
            verification=decision.verification,
            content_hash=decision.content_hash,
            destination_exists=is_folder and found is not None and found.kind is EntryKind.FOLDER,
            destination_id=found.id if is_folder and found is not None else None,
        )

    def _count(self, folder: FolderTask, new: Sequence[NewItem]) -> None:
        planned = False
        for item in new:
            if item.entry.kind is EntryKind.FOLDER:
                continue
            self._progress.files_seen += 1
            self._progress.bytes_seen += item.entry.size or 0
            if item.action is Action.NONE:
                path = join_path(folder.path, item.entry.name)
                self._progress.ended(item.state, item.entry.size, path=path, message=item.message)
            else:
                planned = True
        if planned:
            self._found()


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _standing_as(folder: FolderTask, destination_id: str | None) -> FolderTask:
    """The folder as it is once it was created: empty, so nothing needs to be listed there."""
    return FolderTask(
        id=folder.id,
        item_id=folder.item_id,
        path=folder.path,
        source_id=folder.source_id,
        destination_path=folder.destination_path,
        destination_id=destination_id,
        destination_parent_id=folder.destination_parent_id,
        destination_exists=folder.destination_exists,
        modified_ns=folder.modified_ns,
        cursor=folder.cursor,
        access_id=folder.access_id,
        earlier_id=folder.earlier_id,
        known=folder.known,
    )
