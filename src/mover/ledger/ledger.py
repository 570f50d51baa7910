"""The durable state of every move. What it says has been decided, begun or verified; all else can be lost."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection

from mover.database.database import Database
from mover.database.store import SoleRight
from mover.entries import Entry
from mover.ledger.archives import ArchiveLedger
from mover.ledger.batching import GroupCommit
from mover.ledger.earlier import EarlierRuns
from mover.ledger.estimates import Estimate, PastRun, Planned
from mover.ledger.grants import GrantState, GrantTally, NewGrant, ReportGrant
from mover.ledger.queries import (
    arrivals,
    counts,
    expected,
    folders,
    following,
    grants,
    items,
    listings,
    runs,
    trees,
)
from mover.ledger.queries.pages import page_of_items
from mover.ledger.records import (
    Arrival,
    FolderTask,
    Follows,
    Item,
    NewItem,
    Outcome,
    Pair,
    PairKey,
    ReportItem,
    Run,
    Tally,
    Totals,
)
from mover.ledger.sharing import SharingLedger
from mover.ledger.states import Code, ItemState, RunMode, Verification
from mover.ledger.survey import Survey, survey
from mover.ledger.tokens import UploadKeys
from mover.ledger.tree import TreeLedger
from mover.ledger.uploads import UploadLedger

T = TypeVar("T")

_SEEN = 16  # pages of listings that share a transaction
_LISTED = {"state": "listed"}
_FAILED = {"state": "failed"}


class Ledger:
    """All runs of all pairs. One object a process; several processes may use the same database.

    Args:
        database: Open, with its schema up to date.
        now_ns: The clock, nanoseconds since 1970 UTC.
    """

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns

    async def pair(self, key: PairKey) -> Pair:
        """Find a pair, or add it."""
        return await self._database.write(lambda connection: runs.pair(connection, key))

    def lock(self, pair: Pair) -> AbstractAsyncContextManager[SoleRight]:
        """Be the only one who runs this pair, for the time of a block; as `Database.lock`, which says what it raises."""
        return self._database.lock(f"pair:{pair.id}")

    async def start(
        self,
        pair: Pair,
        *,
        mode: RunMode,
        dry_run: bool,
        source_label: str,
        destination_label: str,
        fingerprint: str,
        options: Mapping[str, object],
        upload_keys: UploadKeys,
        unencrypted: Sequence[str] = (),
    ) -> RunLedger:
        """Go on with the pair's last run if it did not finish and had the same options, else start a new one.

        A side that was `unencrypted` once stays so in what is reported of the run. The caller holds the pair's lock: nobody else runs this pair now.
        """

        def work(connection: Connection) -> tuple[Run, int]:
            turn = runs.next_turn(connection, pair.id)
            latest = runs.latest_run(connection, pair.id, mode, dry_run=dry_run)
            if latest and not latest.finished and latest.fingerprint == fingerprint:
                told = tuple(dict.fromkeys((*latest.unencrypted, *unencrypted)))
                runs.reopen_run(connection, latest.id)
                runs.update_run(connection, latest.id, {"unencrypted": ",".join(told)})
                return msgspec.structs.replace(latest, resumed=True, unencrypted=told), turn
            run = runs.add_run(
                connection,
                {
                    "pair_id": pair.id,
                    "mode": mode.value,
                    "dry_run": dry_run,
                    "source_label": source_label,
                    "destination_label": destination_label,
                    "fingerprint": fingerprint,
                    "options": msgspec.json.encode(options).decode(),
                    "code": Code.RUNNING.value,
                    "finished": False,
                    "scanned": False,
                    "started_ns": self._now_ns(),
                    "active_ns": 0,
                    "message": "",
                    "unencrypted": ",".join(unencrypted),
                },
            )
            return run, turn

        run, turn = await self._database.write(work)
        return RunLedger(self._database, pair, run, turn, upload_keys=upload_keys, now_ns=self._now_ns)

    async def runs(self, limit: int = 50) -> list[Run]:
        """The newest runs first."""
        return await self._database.read(lambda connection: runs.all_runs(connection, limit))

    async def run(self, run_id: int) -> Run | None:
        """Find a run by its number."""
        return await self._database.read(lambda connection: runs.run(connection, run_id))

    async def totals(self, run_id: int) -> Totals:
        """Add up a run."""
        return Totals.of(await self.tally(run_id))

    async def tally(self, run_id: int) -> list[Tally]:
        """Count a run's items by kind and state."""
        return await self._database.read(lambda connection: counts.tally(connection, run_id))

    async def verifications(self, run_id: int) -> dict[Verification, int]:
        """Count a run's files by how their arrival was verified."""
        return await self._database.read(lambda connection: counts.verifications(connection, run_id))

    async def survey(self, run_id: int, *, most: int = 10) -> Survey:
        """Look over what a run found; lists in it have at most `most` lines."""
        return await self._database.read(lambda connection: survey(connection, run_id, most))

    async def failed_folders(self, run_id: int) -> int:
        """Count a run's folders that were not listed to their end."""
        return await self._database.read(lambda connection: folders.failed_folders(connection, run_id))

    async def report_items(
        self, run_id: int, *, states: Sequence[ItemState] | None = None, page: int = 1_000
    ) -> AsyncGenerator[ReportItem, None]:
        """Yield a run's items in the order in which they were seen; memory holds one page of them."""
        after = 0
        while True:
            found = await self._database.read(
                lambda connection, after=after: page_of_items(  # type: ignore[misc]  # mypy does not infer lambdas with defaults
                    connection, run_id, states=states, limit=page, after_id=after
                )
            )
            for item in found:
                yield item
            if len(found) < page:
                return
            after = found[-1].id

    async def grant_tally(self, run_id: int) -> list[GrantTally]:
        """Count a run's permissions by state and reason."""
        return await self._database.read(lambda connection: grants.tally(connection, run_id))

    async def report_grants(
        self, run_id: int, *, states: Sequence[GrantState] | None = None, page: int = 1_000
    ) -> AsyncGenerator[ReportGrant, None]:
        """Yield a run's permissions in the order in which they were seen; memory holds one page of them."""
        after = 0
        while True:
            found = await self._database.read(
                lambda connection, after=after: grants.page_of_lines(  # type: ignore[misc]  # as above
                    connection, run_id, states=states, limit=page, after_id=after
                )
            )
            for line in found:
                yield line
            if len(found) < page:
                return
            after = found[-1].id


class RunLedger:
    """The ledger of one run under way. Made by `Ledger.start`.

    Methods return when what they write is on disk. Outcomes and parts of many tasks share transactions.

    A process that has lost the pair's lock may not know it yet (its connection broke, and another one was quicker). So
    each transaction sees first whether the turn that began with `Ledger.start` is over: then nothing is written, and
    every method that writes raises LockLost. What the other one does with the same items is never overwritten.
    """

    def __init__(
        self,
        database: Database,
        pair: Pair,
        run: Run,
        turn: int,
        *,
        upload_keys: UploadKeys,
        now_ns: Callable[[], int],
    ) -> None:
        self._database = database
        self.pair = pair
        self.run = run
        self._turn = turn
        self._now_ns = now_ns
        self._outcomes = GroupCommit[Outcome](self._write_outcomes)
        self._seen = GroupCommit[Callable[[Connection], None]](self._write_seen, most=_SEEN)
        self.sharing = SharingLedger(database, pair, run, self._write)
        self.tree = TreeLedger(database, pair, run, self._write)
        self.uploads = UploadLedger(database, pair, self._write, self._expect_turn, upload_keys)
        self.archives = ArchiveLedger(database, pair, run, self._write, now_ns)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        """Write in one transaction, if it is still this process's turn. Raises LockLost."""

        def in_turn(connection: Connection) -> T:
            self._expect_turn(connection)
            return work(connection)

        return await self._database.write(in_turn)

    def _expect_turn(self, connection: Connection) -> None:
        runs.expect_turn(connection, self.pair.id, self._turn)

    async def _write_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        await self._write(lambda connection: items.finish_items(connection, self.pair.id, outcomes))

    async def _write_seen(self, steps: Sequence[Callable[[Connection], None]]) -> None:
        def work(connection: Connection) -> None:
            for step in steps:
                step(connection)

        await self._write(work)

    def can_keep(self, key: str) -> bool:
        """Whether the database can find something by a text of that length."""
        return self._database.can_look_up(key)

    # Following an earlier run.

    @property
    def earlier(self) -> EarlierRuns:
        """What earlier runs of the pair know that lets this one follow them."""
        return EarlierRuns(self._database, self._write, self.pair.id, self.run, now_ns=self._now_ns)

    async def follow(self, follows: Follows) -> None:
        """Note which run this one follows, if any, and what it keeps for the next one."""
        await self._write(lambda connection: following.follow(connection, self.run.id, follows))
        self.run = msgspec.structs.replace(
            self.run,
            base_id=follows.base,
            carries=follows.carries,
            source_cursor=follows.source_cursor,
            destination_cursor=follows.destination_cursor,
        )

    async def reached(self, destination_cursor: str | None) -> None:
        """Note up to which cursor the changes at the destination are known; None: they are not."""
        values = {"destination_cursor": destination_cursor}
        await self._write(lambda connection: runs.update_run(connection, self.run.id, values))

    # The scan: folders and what stands in them. What it finds in several folders shares transactions.

    async def add_root(
        self,
        *,
        source_id: str | None,
        destination_id: str | None = None,
        destination_exists: bool,
        destination_path: str = "/",
    ) -> None:
        """Queue the root folder, unless it was queued before."""
        await self._write(
            lambda connection: following.add_root(
                connection,
                self.run.id,
                base_id=self.run.base_id,
                source_id=source_id,
                destination_id=destination_id,
                destination_exists=destination_exists,
                destination_path=destination_path,
            )
        )

    async def carry(self, limit: int, note: str) -> tuple[int, list[Tally]]:
        """As `EarlierRuns.carry`, when all that was given is kept."""
        await self._seen.flush()
        return await self.earlier.carry(limit, note)

    async def pending_folders(self, limit: int, *, after_id: int) -> list[FolderTask]:
        """Folders that wait to be listed, with ids above `after_id`, ascending."""
        return await self._database.read(
            lambda connection: folders.pending_folders(
                connection, self.run.id, limit, after_id, known=not self.run.carries
            )
        )

    async def add_items(
        self,
        folder: FolderTask,
        new: Sequence[NewItem],
        cursor: str | None,
        lines: Sequence[NewGrant] = (),
    ) -> None:
        """Keep one page of a listing, and how far the listing has come. Entries that are known already stay as they are.

        `lines` are permissions of these entries.
        """
        now_ns = self._now_ns()
        await self._seen.put(
            lambda connection: items.add_items(
                connection,
                self.run.id,
                folder,
                new,
                cursor,
                now_ns,
                lines,
                carries=self.run.carries,
                by_destination=self.run.lists_source,
            )
        )

    async def folder_stands(self, folder: FolderTask, destination_id: str | None) -> None:
        """Note that the folder exists at the destination."""
        values = {"destination_exists": True, "destination_id": destination_id}
        await self._seen.put(lambda connection: folders.update_folder(connection, folder.id, values))

    async def folder_listed(self, folder: FolderTask) -> None:
        """Have it noted, within a moment, that all of the folder's entries are kept."""

        def step(connection: Connection) -> None:
            folders.update_folder(connection, folder.id, _LISTED)
            if self.tree.is_complete:
                trees.drop_folder(connection, self.run.id, folder)

        await self._seen.add(step)

    async def folder_failed(self, folder: FolderTask) -> None:
        """Note that the folder could not be listed in this attempt of the run."""
        await self._seen.put(lambda connection: folders.update_folder(connection, folder.id, _FAILED))

    async def seen_paths(self, paths: Sequence[str]) -> set[str]:
        """Those of these paths at which the run has seen an entry."""
        return await self._database.read(lambda connection: counts.seen_paths(connection, self.run.id, paths))

    async def scanned(self) -> None:
        """Note that the whole source has been seen."""
        await self._seen.flush()

        def work(connection: Connection) -> None:
            runs.update_run(connection, self.run.id, {"scanned": True})
            if self.tree.is_complete:
                trees.drop(connection, self.run.id)

        await self._write(work)

    async def arrivals_of(self, source_keys: Sequence[str]) -> dict[str, Arrival]:
        """Earlier arrivals of these entries, by source key."""
        return await self._database.read(
            lambda connection: arrivals.arrivals_of(connection, self.pair.id, source_keys)
        )

    async def has_arrivals(self) -> bool:
        """Whether the pair has ever moved anything."""
        return await self._database.read(lambda connection: arrivals.has_arrivals(connection, self.pair.id))

    async def names_held(
        self, folder: FolderTask, destination_keys: Sequence[str], destination_path_keys: Sequence[str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Who holds these names in a folder of the destination: in this run, and by earlier arrivals."""
        return await self._database.read(
            lambda connection: (
                items.names_taken(connection, folder.id, destination_keys),
                arrivals.arrivals_at(connection, self.pair.id, destination_path_keys),
            )
        )

    async def begun(self, source_keys: Sequence[str]) -> set[str]:
        """Those of these entries that an earlier run, not gone on with, began to send to where nothing stood."""
        return await self._database.read(
            lambda connection: items.begun(connection, self.run.id, self.pair.id, source_keys)
        )

    async def arrivals_at(self, destination_path_keys: Sequence[str]) -> dict[str, str]:
        """Source keys of earlier arrivals at these places of the destination, by path key."""
        return await self._database.read(
            lambda connection: arrivals.arrivals_at(connection, self.pair.id, destination_path_keys)
        )

    async def hand_over(self, taken: Mapping[str, Arrival], left: Mapping[str, Arrival]) -> None:
        """Let entries have the arrivals of others that are gone from their places at the source.

        What was permitted on what stands there goes with it.

        Args:
            taken: By the source keys of the others.
            left: What these get for it, likewise: the arrivals that those had who took theirs.
        """

        def work(connection: Connection) -> None:
            arrivals.forget_arrivals(connection, self.pair.id, sorted(taken))
            arrivals.keep_arrivals(connection, self.pair.id, [*taken.values(), *left.values()])
            heirs = {key: arrival.source_key for key, arrival in taken.items()}
            heirs |= {taken[key].source_key: key for key in left}
            grants.pass_on(connection, self.pair.id, heirs)

        await self._write(work)

    async def known_fingerprints(self, fingerprints: Sequence[str]) -> set[str]:
        """Those of these contents that some earlier arrival has."""
        return await self._database.read(
            lambda connection: arrivals.known_fingerprints(connection, self.pair.id, fingerprints)
        )

    async def keep_listing(self, folder: FolderTask, entries: Mapping[str, Entry]) -> None:
        """Keep entries of a folder of the destination that is too large for memory, by name key.

        Those whose key cannot be kept are passed over: nothing of ours goes by such a name either.
        """
        kept = {key: entry for key, entry in entries.items() if self.can_keep(key)}
        if kept:
            await self._write(lambda connection: listings.keep_listing(connection, folder.id, kept))

    async def listed(self, folder: FolderTask, keys: Sequence[str]) -> dict[str, Entry]:
        """Those entries of a kept listing that have these keys."""
        return await self._database.read(lambda connection: listings.listed(connection, folder.id, keys))

    async def drop_listing(self, folder: FolderTask) -> None:
        """Forget a kept listing."""
        await self._write(lambda connection: listings.drop_listing(connection, folder.id))

    # Renames.

    async def held_items(self, limit: int) -> list[Item]:
        """Items that wait for the end of the scan."""
        return await self._database.read(lambda connection: items.held_items(connection, self.run.id, limit))

    async def shortcuts(self, limit: int, *, after_id: int) -> list[Item]:
        """Shortcuts of the run that were not moved and tell what they point to, ascending by number."""
        return await self._database.read(
            lambda connection: items.shortcuts(connection, self.run.id, limit, after_id)
        )

    async def renamed_candidates(self, fingerprints: Sequence[str]) -> dict[str, Arrival]:
        """Arrivals with these contents whose source entry is gone."""
        return await self._database.read(
            lambda connection: arrivals.renamed_candidates(
                connection, self.run.id, self.pair.id, fingerprints
            )
        )

    async def plan_items(self, item_ids: Sequence[int]) -> None:
        """Let held items be copied."""
        await self._write(lambda connection: items.plan_items(connection, item_ids))

    async def forget_arrival(self, source_key: str) -> None:
        """Drop the arrival of an entry that goes by another key now."""
        await self._write(lambda connection: arrivals.forget_arrivals(connection, self.pair.id, [source_key]))

    # Copying.

    async def claim(self, *, large: bool, limit: int) -> list[Item]:
        """Take planned files for sending, oldest first. Their state says `sending` before this returns."""
        return await self._write(
            lambda connection: items.claim(connection, self.run.id, large=large, limit=limit)
        )

    async def finish(self, outcome: Outcome) -> None:
        """Have it written, within a moment and together with others, how an item ended.

        Until then its state says `sending`: after a crash in that moment it is looked at, not sent again.
        """
        await self._outcomes.add(outcome)

    async def take_up_again(self) -> int:
        """Plan all files that have no final state, to be looked for before they are sent; returns how many there are."""
        return await self._write(lambda connection: items.take_up_again(connection, self.run.id))

    async def open_bytes(self) -> int:
        """Sizes of all files that are planned and have not arrived, where their folder need not be listed again."""
        return await self._database.read(lambda connection: items.open_bytes(connection, self.run.id))

    async def scanned_bytes(self) -> int:
        """Sizes of the files that the pair's last run found missing, if it was a scan with the same options; else 0."""
        return await self._database.read(lambda connection: items.scanned_bytes(connection, self.run))

    # What it will cost.

    async def planned(self, bounds: Sequence[int], lengths: Sequence[int]) -> Planned:
        """What this run planned, in groups: see `FileGroup` for `bounds` and `lengths`, in bytes."""
        await self.flush()
        return await self._database.read(
            lambda connection: Planned(
                files=tuple(expected.planned_files(connection, self.run.id, bounds, lengths)),
                folders=expected.planned_folders(connection, self.run.id),
                grants=expected.planned_grants(connection, self.run.id),
            )
        )

    async def past_runs(self) -> list[PastRun]:
        """What the last copies of the pair achieved; where there are none, those between the same accounts."""
        return await self._database.read(lambda connection: expected.past_runs(connection, self.pair))

    async def keep_estimate(self, estimate: Estimate) -> None:
        """Keep what the move will cost."""
        values = {"estimate": msgspec.json.encode(estimate).decode()}
        await self._write(lambda connection: runs.update_run(connection, self.run.id, values))

    # The end.

    async def flush(self) -> None:
        """Return when all that was given is kept."""
        await self._outcomes.flush()
        await self.uploads.flush()
        await self._seen.flush()

    async def folders_with_unsettled(self, limit: int, *, after_id: int) -> list[FolderTask]:
        """Folders into which files arrived whose version at the destination is not known yet."""
        return await self._database.read(
            lambda connection: folders.folders_with_unsettled(
                connection, self.run.id, self.pair.id, limit, after_id
            )
        )

    async def unsettled_arrivals(self, destination_path_keys: Sequence[str]) -> list[Arrival]:
        """Those arrivals, by path at the destination."""
        return await self._database.read(
            lambda connection: arrivals.unsettled_arrivals(connection, self.pair.id, destination_path_keys)
        )

    async def keep_arrivals(self, known: Sequence[Arrival]) -> None:
        """Overwrite arrivals with what is known better now."""
        await self._write(lambda connection: arrivals.keep_arrivals(connection, self.pair.id, known))

    async def folders_to_date(self, limit: int, *, before_id: int) -> list[FolderTask]:
        """Folders whose modified time is to be set, each before the one that holds it."""
        return await self._database.read(
            lambda connection: folders.folders_to_date(connection, self.run.id, limit, before_id)
        )

    async def totals(self) -> Totals:
        """Add up."""
        return Totals.of(await self._database.read(lambda connection: counts.tally(connection, self.run.id)))

    async def failures(self) -> dict[tuple[str | None, str | None], int]:
        """Failures and conflicts by side and reason."""
        return await self._problems(ItemState.FAILED, ItemState.CONFLICT)

    async def refusals(self) -> int:
        """Number of entries that the destination does not support."""
        found = await self._problems(ItemState.UNSUPPORTED)
        return sum(count for (side, _), count in found.items() if side == "destination")

    async def _problems(self, *states: ItemState) -> dict[tuple[str | None, str | None], int]:
        return await self._database.read(
            lambda connection: counts.problems_by_side(connection, self.run.id, states)
        )

    async def close(self, code: Code, *, finished: bool, active_ns: int, message: str = "") -> None:
        """Write how the run ended; `active_ns` is the time spent since it was started or gone on with."""
        await self.flush()
        if finished:
            await self.uploads.end()
        values: dict[str, Any] = {
            "code": code.value,
            "finished": finished,
            "ended_ns": self._now_ns(),
            "active_ns": self.run.active_ns + active_ns,
            "message": message,
        }
        await self._write(lambda connection: runs.update_run(connection, self.run.id, values))
