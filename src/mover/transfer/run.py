"""One run of a pair, from the first look at both roots to its status code.

    roots ─► scan ──────────────► ledger ──────────► lanes ─► verified ─► finish ─► status
             folders, files       planned items      small │ large
             held ─► renames

Scan and lanes work at the same time. Whatever ends a run early (a kill, Ctrl-C, a service that is down) leaves a run in
the ledger that is not finished, and the same call goes on with it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import msgspec

from mover.connectors.contract import Connector, Remarks
from mover.database.failures import DatabaseTrouble
from mover.database.store import SoleRight
from mover.entries import ROOT, EntryKind, EntryRef
from mover.errors import (
    ApiQuotaExceeded,
    Conflict,
    InvalidConfiguration,
    MoverError,
    NotFound,
    QuotaExceeded,
    Reason,
    SignInFailed,
    TimedOut,
    Unreachable,
    UserNotFound,
)
from mover.ledger.ledger import Ledger, RunLedger
from mover.ledger.records import PairKey, Totals
from mover.ledger.states import Code, RunMode, RunStatus, code_of, status_of
from mover.ledger.tokens import UploadKeys
from mover.staging import Staging
from mover.transfer.bandwidth import Bandwidth
from mover.transfer.concurrency import task_group
from mover.transfer.confined import Confined
from mover.transfer.copy import FileMover
from mover.transfer.feeds import Feeds
from mover.transfer.finish import Finisher
from mover.transfer.granting import Granter
from mover.transfer.lanes import Lanes
from mover.transfer.locking import pair_lock
from mover.transfer.options import Options
from mover.transfer.plan import Planner, VerifyPlanner
from mover.transfer.progress import Progress
from mover.transfer.renames import Renamer
from mover.transfer.room import Room
from mover.transfer.scan import Scanner
from mover.transfer.sharing import SharingPlanner
from mover.transfer.sharing_words import said_of_permissions
from mover.transfer.shortcuts import ShortcutMaker
from mover.transfer.side import Side
from mover.transfer.tree import TreeReader
from mover.transfer.verification import Verifier
from mover.transport.retries import RetryPolicy

_LARGE_FROM = 8 << 20  # bytes
_FORGOTTEN_AT_MOST = 3  # failovers at the end of one run
_NAMED_MISSING = 5  # paths of the user's list that are named in the run's message


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """What runs need besides their two sides. One for a process.

    Attributes:
        ledger: Where runs are kept.
        staging: Open.
        staging_memory_bytes: Its memory budget.
        retries: Pauses between the attempts of one file.
        now_ns: The clock.
    """

    ledger: Ledger
    staging: Staging
    staging_memory_bytes: int
    retries: RetryPolicy = msgspec.field(default_factory=RetryPolicy)
    now_ns: Callable[[], int] = time.time_ns


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended, or was interrupted. `reason` is that of the error that ended it early, if one did.

    A run that is not finished is gone on with by the next one with the same options.
    """

    run: int
    code: Code
    totals: Totals
    seconds: float
    message: str
    reason: Reason | None = None
    finished: bool = True

    @property
    def status(self) -> RunStatus:
        """The word for the code."""
        return status_of(self.code)


async def run_pair(
    engine: Engine,
    source: Side,
    destination: Side | None,
    mode: RunMode,
    options: Options,
    progress: Progress,
    *,
    shown_options: Mapping[str, object],
    upload_keys: UploadKeys,
    started: Callable[[int, bool], Awaitable[None] | None] | None = None,
) -> RunResult:
    """Run a pair: copy, scan (`destination` may be None) or verify.

    Args:
        engine: Ledger, staging, clock.
        source: Where files are read.
        destination: Where they go, or what is compared.
        mode: What to do.
        options: How.
        progress: Filled while it works.
        shown_options: The options as the person gave them, for the ledger.
        upload_keys: What tokens of unfinished uploads are sealed with.
        started: Called with the run's number, and whether it goes on with an interrupted one, before anything is done;
            what it returns is awaited.

    Raises:
        AlreadyRunning: The pair is being run by another process.
        DatabaseTrouble: What the ledger could not keep ended it, or LockLost: another process may run the pair now.
        InvalidConfiguration: The options can never succeed, or a root is no folder.
        MoverError: A root cannot be looked at.
        CancelledError: After the run was noted as canceled; the same call goes on with it.
    """
    if mode is not RunMode.COPY:
        options = replace(options, dry_run=True)
    if options.archive and destination is None:
        options = replace(options, archive=False)  # there is nothing but the source to tell of
    if options.archive and destination is not None:
        if mode is RunMode.VERIFY:
            raise InvalidConfiguration(
                "an archive cannot be compared with a folder: look at the reconciliation report of the run that made it"
            )
        from mover.transfer.archive.archiving import check_archivable  # noqa: PLC0415 - few runs archive, and all start

        check_archivable(options, destination)
        source = replace(source, account=f"{source.account}#archive")  # to the ledger another pair
    if destination is not None and mode is RunMode.COPY:
        Verifier(destination.connector, source.connector.capabilities, options.verify).check_possible()
    if destination is not None:
        _check_takes_sealed(destination)
    source = await _with_root(source)
    if destination is not None:
        destination = await _with_destination_root(
            destination, create=mode is RunMode.COPY and not options.dry_run
        )
    pair = await engine.ledger.pair(
        PairKey(
            source.account,
            source.root,
            destination.account if destination else "",
            destination.root if destination else "",
        )
    )
    async with pair_lock(engine.ledger, pair) as right:
        run = await engine.ledger.start(
            pair,
            mode=mode,
            dry_run=options.dry_run,
            source_label=source.label,
            destination_label=destination.label if destination else "",
            fingerprint=options.fingerprint,
            options=shown_options,
            upload_keys=upload_keys,
            unencrypted=[
                name
                for name, side in (("source", source), ("destination", destination))
                if side is not None and not side.secure
            ],
        )
        if started is not None and (noted := started(run.run.id, run.run.resumed)) is not None:
            await noted
        return await _Run(engine, source, destination, mode, options, progress, run, right).execute()


class _Run:
    """One run under way."""

    def __init__(
        self,
        engine: Engine,
        source: Side,
        destination: Side | None,
        mode: RunMode,
        options: Options,
        progress: Progress,
        ledger: RunLedger,
        right: SoleRight,
    ) -> None:
        self._engine = engine
        self._source = source
        self._destination = destination
        self._mode = mode
        self._options = options
        self._progress = progress
        self._ledger = ledger
        self._right = right
        self._confined = Confined(source, destination)
        self._began_ns = engine.now_ns()

    async def execute(self) -> RunResult:
        """Do everything, and write down how it ended, whatever happens."""
        try:
            troubles = [*await self._work(), *self._remarks()]
            missing = await self._missing()
        except asyncio.CancelledError:
            if not self._right.lost:  # else the run may be another process's by now
                await self._close(Code.CANCELED, finished=False)
            raise
        except DatabaseTrouble:
            raise  # there is nowhere to write it down; the run stays as it is, and the same call goes on with it
        except MoverError as error:
            return await self._close(
                _code_of_error(error), finished=False, message=str(error), reason=error.reason
            )
        except BaseException as error:
            await self._close(
                Code.GENERAL_FAILURE, finished=False, message=f"unexpected {type(error).__name__}"
            )
            raise
        if missing:
            shown = ", ".join(missing[:_NAMED_MISSING]) + (", ..." if len(missing) > _NAMED_MISSING else "")
            troubles = [f"{len(missing)} listed paths are not at the source: {shown}", *troubles]
        code = await self._final_code(missing=len(missing))
        return await self._close(code, finished=True, message="; ".join(troubles))

    async def _what_changed(self, *, sharing: str | None) -> Feeds | None:
        """Follow an earlier run where this one can; else read the source's whole tree where its service tells it so."""
        feeds, tree = None, TreeReader(self._source, self._ledger, self._options, self._progress)
        if self._destination is not None and self._mode is RunMode.COPY and not self._options.dry_run:
            feeds = Feeds(self._source, self._destination, self._ledger, self._options, tree, sharing=sharing)
            await feeds.begin()
        if self._ledger.run.base_id is None:
            await tree.read()
        return feeds

    async def _work(self) -> list[str]:
        destination = self._destination
        if self._options.archive and destination is not None:
            return await self._archive(destination)
        sharing = self._sharing()
        looked = await sharing.look() if sharing is not None else None
        feeds = await self._what_changed(sharing=looked)
        await self._ledger.add_root(
            source_id=self._source.root_id,
            destination_id=destination.root_id if destination else None,
            destination_exists=_stands(destination),
        )
        if sharing is not None:
            await sharing.begin()
        lanes = self._lanes()
        room = await self._room()
        scanner = Scanner(
            self._source,
            destination,
            self._ledger,
            self._options,
            self._progress,
            self._planner(),
            found=lanes.found if lanes else lambda: None,
            feeds=feeds,
            room=room,
            resumed=self._ledger.run.resumed,
            large_from=_LARGE_FROM,
            sharing=sharing,
            confined=self._confined,
            now_ns=self._engine.now_ns,
        )
        if lanes is None or destination is None:
            await scanner.run()
            await self._ledger.flush()
            if room is not None:
                await room.measure()
            await self._estimate(destination)
            said = await self._said_of_permissions()
            if room is None:
                return said
            return [room.shortage, *said] if room.shortage else said
        async with task_group() as group:
            group.create_task(_when_enough_is_known(room, lanes))
            if room is not None:
                group.create_task(room.watch())
            await scanner.run()
            if room is not None:
                room.complete()
            if self._mode is RunMode.COPY:
                await Renamer(
                    self._source, destination, self._ledger, self._progress, now_ns=self._engine.now_ns
                ).settle()
            lanes.complete()
        await self._ledger.flush()
        await self._take_up_again()
        if self._mode is not RunMode.COPY:
            return []
        finisher = Finisher(destination, self._ledger)
        await finisher.run()
        await ShortcutMaker(destination, self._ledger, now_ns=self._engine.now_ns).run()
        if sharing is not None and destination.connector.permissions is not None:
            await Granter(destination, self._ledger, self._progress).run()
        troubles = [*finisher.troubles, *await self._said_of_permissions()]
        if feeds is None:
            return troubles
        totals = await self._ledger.totals()
        await feeds.end(moved=totals.files_moved + totals.folders_created > 0)
        return [*troubles, *feeds.remarks]

    async def _estimate(self, destination: Side | None) -> None:
        """Keep what the move that was looked at will cost. To be called when all else was asked for: that is counted."""
        if destination is None or self._mode is RunMode.VERIFY:
            return
        from mover.transfer.costing import Asked, Costing  # noqa: PLC0415 - only for runs that look

        costing = Costing(
            self._source,
            destination,
            self._options,
            memory_bytes=self._engine.staging_memory_bytes,
            large_from=_LARGE_FROM,
        )
        asked = Asked(
            source=self._source.connector.calls,
            destination=destination.connector.calls,
            listed=self._progress.folders_listed,
            resumed=self._ledger.run.resumed,
        )
        planned = await self._ledger.planned(costing.bounds, costing.lengths)
        await self._ledger.keep_estimate(costing.estimate(planned, asked, await self._ledger.past_runs()))

    async def _archive(self, destination: Side) -> list[str]:
        """Scan to the end, then put all into an archive."""
        from mover.archives.names import ARCHIVED  # noqa: PLC0415 - few runs archive, and all start
        from mover.transfer.archive.archiving import Archiver  # noqa: PLC0415 - likewise

        archiver = Archiver(
            self._source,
            destination,
            self._ledger,
            self._engine.staging,
            self._options,
            self._progress,
            staging_memory_bytes=self._engine.staging_memory_bytes,
            retries=self._engine.retries,
            large_from=_LARGE_FROM,
            now_ns=self._engine.now_ns,
        )
        await self._ledger.add_root(
            source_id=self._source.root_id, destination_exists=True, destination_path=archiver.prefix
        )
        can = replace(self._source.connector.capabilities, own_kind=None, max_file_size=None)
        await Scanner(
            self._source,
            None,
            self._ledger,
            self._options,
            self._progress,
            Planner(can, can, self._options.conflict),
            found=lambda: None,
            resumed=False,
            large_from=_LARGE_FROM,
            confined=self._confined,
            rules=ARCHIVED,
            now_ns=self._engine.now_ns,
        ).run()
        await self._ledger.flush()
        if self._options.dry_run:
            return [await archiver.forecast()]
        return await archiver.run()

    async def _take_up_again(self) -> None:
        """Move what is without an outcome though nothing is left to do: a standby took over that lacked the last commits."""
        for _ in range(_FORGOTTEN_AT_MOST):
            if not await self._ledger.take_up_again():
                return
            lanes = self._lanes()
            assert lanes is not None
            lanes.complete()
            await lanes.run()
            await self._ledger.flush()

    async def _room(self) -> Room | None:
        """The room at the destination; None where nothing is compared with what might go there."""
        if self._destination is None or self._mode is RunMode.VERIFY:
            return None
        if self._ledger.run.resumed:
            return Room(self._destination, needed=await self._ledger.open_bytes())
        return Room(self._destination, scanned=await self._ledger.scanned_bytes())

    def _sharing(self) -> SharingPlanner | None:
        """What plans permissions, where that is wanted and both services have any."""
        if self._options.sharing is None or self._mode is RunMode.VERIFY:
            return None
        sides = [side for side in (self._source, self._destination) if side is not None]
        if any(side.connector.permissions is None for side in sides):
            return None
        return SharingPlanner(
            self._source,
            self._destination,
            self._ledger,
            self._options.sharing,
            dry_run=self._options.dry_run,
        )

    async def _said_of_permissions(self) -> list[str]:
        """What a person should know of permissions, for the run's message."""
        if self._options.sharing is None or self._mode is RunMode.VERIFY:
            return []
        for name, side in (("source", self._source), ("destination", self._destination)):
            if side is not None and side.connector.permissions is None:
                return [f"permissions were left out: the {name} ({side.connector.service}) has none to move"]
        return said_of_permissions(await self._ledger.sharing.tally(), dry_run=self._options.dry_run)

    def _planner(self) -> Planner | VerifyPlanner:
        source = self._source.connector.capabilities
        target = self._destination.connector.capabilities if self._destination else source
        if self._mode is RunMode.VERIFY:
            sealed = self._source.form is not None and self._source.form.sealed
            return VerifyPlanner(source, target, self._options.verify, sealed=sealed)
        return Planner(source, target, self._options.conflict)

    def _lanes(self) -> Lanes | None:
        """What moves files; None where nothing is read or sent."""
        if self._destination is None or (self._options.dry_run and self._mode is not RunMode.VERIFY):
            return None
        mover = FileMover(
            self._source,
            self._destination,
            self._ledger,
            self._engine.staging,
            self._options,
            self._progress,
            Bandwidth(self._options.bytes_per_s),
            staging_memory_bytes=self._engine.staging_memory_bytes,
        )
        return Lanes(
            mover,
            self._ledger,
            self._options,
            self._progress,
            retries=self._engine.retries,
            confined=self._confined,
            now_ns=self._engine.now_ns,
        )

    def _remarks(self) -> list[str]:
        """What a person should know of what was read, though no file failed of it."""
        source = self._source.connector
        found = list(source.remarks) if isinstance(source, Remarks) else []
        if source.capabilities.one_moment and self._ledger.run.resumed and self._mode is RunMode.COPY:
            found.append(
                "the run was interrupted, so its files are of more than one moment; run again for one"
            )
        return found

    async def _missing(self) -> list[str]:
        """Paths of the user's list at which nothing was seen."""
        listed = sorted(self._options.filters.listed_paths)
        seen = await self._ledger.seen_paths(listed) if listed else set[str]()
        return [path for path in listed if path not in seen and path != "/"]

    async def _final_code(self, *, missing: int) -> Code:
        totals = await self._ledger.totals()
        failures = await self._ledger.failures()
        failed = sum(failures.values())
        downloads = sum(count for (side, _), count in failures.items() if side == "source")
        would_move = totals.files_open if self._options.dry_run else 0
        return code_of(
            moved=totals.files_moved + totals.folders_created + would_move,
            download_failures=downloads + missing,
            upload_failures=failed - downloads,
            unsupported=totals.files_problem
            + totals.folders_problem
            - failed
            + await self._ledger.sharing.problems(),
            refused=await self._ledger.refusals(),
            quota=any(reason == Reason.QUOTA for _, reason in failures),
        )

    async def _close(
        self, code: Code, *, finished: bool, message: str = "", reason: Reason | None = None
    ) -> RunResult:
        active_ns = max(0, self._engine.now_ns() - self._began_ns)  # a clock may be set back
        await self._ledger.close(code, finished=finished, active_ns=active_ns, message=message)
        return RunResult(
            run=self._ledger.run.id,
            code=code,
            totals=await self._ledger.totals(),
            seconds=active_ns / 1e9,
            message=message,
            reason=reason,
            finished=finished,
        )


async def _when_enough_is_known(room: Room | None, lanes: Lanes) -> None:
    """Move files once it is clear that they fit, as far as that can be clear before."""
    if room is not None:
        await room.enough_known.wait()
    await lanes.run()


def _check_takes_sealed(destination: Side) -> None:
    """Raise InvalidConfiguration if sealed files are to go where only files of one kind can."""
    own, names = destination.connector.capabilities.own_kind, destination.names
    if own is not None and names is not None:
        raise InvalidConfiguration(
            f"{destination.label} takes only {own.what}, so it cannot hold {names.what}"
        )


def _stands(destination: Side | None) -> bool:
    return destination is not None and destination.root_stands


def _code_of_error(error: MoverError) -> Code:
    match error:
        case SignInFailed():
            return Code.SIGN_IN_FAILED
        case ApiQuotaExceeded():
            return Code.API_QUOTA
        case UserNotFound():
            return Code.USER_NOT_FOUND
        case QuotaExceeded():
            return Code.DESTINATION_QUOTA
        case Unreachable() | TimedOut():
            return Code.SOURCE_UNREACHABLE
        case _:
            return Code.GENERAL_FAILURE


async def _with_root(side: Side) -> Side:
    """Look at a root, unless that was done. Raises InvalidConfiguration if it is no folder, NotFound if it is not there."""
    if side.root_stands:
        return side
    entry = await side.connector.look_up(side.root)
    if entry.kind is not EntryKind.FOLDER:
        raise InvalidConfiguration(f"{side.label} is not a folder")
    return replace(side, root_id=entry.id, root_stands=True)


async def _with_destination_root(side: Side, *, create: bool) -> Side:
    """Look at the root of the destination, and create it with the folders above it if that is asked for."""
    try:
        return await _with_root(side)
    except NotFound:
        if not create:
            return side
    made = await _make_folders(side.connector, side.root)
    return replace(side, root_id=made.id, root_stands=True, root_is_new=True)


async def _make_folders(connector: Connector, path: str) -> EntryRef:
    """Create a folder and those above it that are missing; returns its address."""
    if path == "/":
        return EntryRef("/", (await connector.look_up("/")).id)
    head, _, name = path.rpartition("/")
    try:
        parent = EntryRef(head or "/", (await connector.look_up(head or "/")).id) if head else ROOT
    except NotFound:
        parent = await _make_folders(connector, head)
    try:
        made = await connector.create_folder(parent, name)
    except Conflict as error:
        raise InvalidConfiguration(f"{path} cannot be a folder: something else stands there") from error
    return parent.child(name, made.id)
