"""A slice of a run: takes it, lets the engine work on it for a while, and leaves it in order.

    take ─► keys ─► open both sides ─► engine ────────────────────► end (its code)
                                 │ each second: counts, what is wished, whether others wait
                                 └─► no further file is begun ─► cancelled ─► pause, give way, or end (230)

The ledger is where the next slice goes on, on this runner or another one. Whatever ends a slice early (a kill, a torn
line to Temporal) is found by `Work.overdue`.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import time
from collections.abc import Callable

from mover.connections.service_rules import NotAllowed
from mover.database.failures import DatabaseTrouble
from mover.errors import (
    MoverError,
    NotFound,
    SignInFailed,
    Transient,
)
from mover.ledger.states import RunMode
from mover.migrations.given.holding import KeysElsewhere, KeysMissing
from mover.migrations.given.wanted import wanted_by
from mover.migrations.options import applies_permissions, engine_options, shown_options
from mover.migrations.records import Answer, Counts, PairRun
from mover.migrations.refusals import Overtaken
from mover.migrations.states import RunCode, RunState, Wish
from mover.migrations.work import Limits
from mover.runner.assigned import keys_of, paths_of, sealing_choice, without_own_files
from mover.runner.bench import Bench
from mover.runner.codes import code_of
from mover.runner.counting import Counting, Told
from mover.runner.records import SliceEnd
from mover.runner.slice_acts import SliceActs
from mover.transfer.locking import AlreadyRunning
from mover.transfer.progress import Progress
from mover.transfer.run import RunResult, run_pair
from mover.workplace.addresses import ConnectedPath
from mover.workplace.sealing import in_the_form
from mover.workplace.sides import open_sides
from mover.workplace.upload_keys import VaultUploadKeys

_log = logging.getLogger(__name__)

_TRIES = 4  # of signing in where a service is down, before that is the run's result


class Held(Exception):
    """The run cannot be worked on now; the caller asks again in `after_s` seconds."""

    def __init__(self, after_s: float) -> None:
        super().__init__()
        self.after_s = after_s


class Stop(enum.Enum):
    """Why a slice is to end before the run has."""

    PAUSE = enum.auto()
    CANCEL = enum.auto()
    GIVE_WAY = enum.auto()  # another organisation waits
    OVER = enum.auto()  # it has worked for long enough
    DRAIN = enum.auto()  # the runner ends
    LOST = enum.auto()  # the run is another runner's by now


class Slice:
    """One slice. Used once."""

    def __init__(
        self,
        bench: Bench,
        run: PairRun,
        *,
        attempt: int,
        beat: Callable[[Counts], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bench = bench
        self._run = run
        self._attempt = attempt
        self._beat = beat
        self._clock = clock
        self._begun: float | None = None
        self._progress = Progress()
        self._ledger_run: int | None = None
        self._counting = Counting(bench.work, run)
        self._acts = SliceActs(bench, run)
        self._accounts: tuple[str, ...] = ()
        self._pauses_before = 0

    @property
    def progress(self) -> Progress:
        """For measures."""
        return self._progress

    @property
    def waiting_since_ns(self) -> int:
        """Since when it could have been taken."""
        return max(self._run.queued_ns, self._run.not_before_ns)

    async def work(self) -> SliceEnd:
        """Work on it until it has ended, or has to stop. Raises Held."""
        if (ended := await self._ended_before()) is not None:
            return ended
        moving = asyncio.create_task(self._move())
        try:
            stop = await self._watch(moving)
        except BaseException:
            await _cancelled(moving)
            await self._give_way()
            raise
        return await self._left(moving, stop)

    async def _move(self) -> RunResult:
        work, place = self._bench.work, self._bench.place
        assignment = await work.assignment(self._run.id)
        run = self._run
        self._accounts = (assignment.source_connection_id, assignment.destination_connection_id)
        self._pauses_before = place.pacers.pauses_of(self._accounts)
        given = await self._bench.keys.open(run, wanted_by(assignment.options))
        own = place.for_organisation(run.organisation_id)
        scan_alone = run.mode is RunMode.SCAN and not assignment.destination_connection_id
        source = ConnectedPath(assignment.source_connection_id, assignment.source_path)
        destination = ConnectedPath(assignment.destination_connection_id, assignment.destination_path)
        map_id, grantees = ("", None)
        if applies_permissions(assignment.options):
            map_id, grantees = await work.map_of(run.id)
        names = {one.id: one.name for one in await own.connections.with_ids(self._accounts)}
        await self._acts.opened(assignment, names, scan_alone=scan_alone)
        async with open_sides(own, source, None if scan_alone else destination) as opened:
            formed = await in_the_form(
                own.vault,
                f"organisation:{run.organisation_id}",
                opened,
                sealing_choice(assignment.options, given),
                run.mode,
                owner=keys_of(run),
            )
            sides = formed.sides

            async def started(ledger_run_id: int, resumed: bool) -> None:  # noqa: FBT001 - the engine's call
                await self._started(ledger_run_id, resumed)
                await formed.begin()

            options = engine_options(
                without_own_files(place.settings, assignment, sides),
                run.mode,
                queued_ns=run.queued_ns,
                bytes_per_s=assignment.bytes_per_s,
                retry_paths=paths_of(assignment, sides),
                map_id=map_id,
                grantees=grantees,
                form=formed.mark,
            )
            return await run_pair(
                self._bench.engine,
                sides.source,
                sides.destination,
                run.mode,
                options,
                self._progress,
                shown_options=shown_options(assignment.options),
                upload_keys=VaultUploadKeys(own.vault, f"organisation:{run.organisation_id}"),
                started=started,
            )

    async def _started(self, ledger_run_id: int, _resumed: bool) -> None:  # noqa: FBT001 - the engine's call
        """Note which run of the ledger it is, before the engine does anything. Raises Overtaken."""
        await self._bench.work.begin(self._run.id, self._bench.runner, ledger_run_id)
        self._ledger_run = ledger_run_id
        self._begun = self._clock()

    async def _ended_before(self) -> SliceEnd | None:
        """End the run now if the engine had brought it to its end, and the runner went before it could say so."""
        found = self._ledger_run or self._run.ledger_run_id
        run = await self._bench.place.ledger.run(found) if found is not None else None
        if run is None or not run.finished:
            return None
        self._ledger_run = run.id
        await self._destroy_keys()
        await self._end(RunCode(int(run.code)), run.message)
        return SliceEnd.ENDED

    async def _watch(self, moving: asyncio.Task[RunResult]) -> Stop | None:
        """Report and look until it has ended, or is to stop; then until no file is under way. Returns why it stops."""
        stop: Stop | None = None
        patience = 0.0
        while True:
            await asyncio.wait({moving}, timeout=self._bench.pace.look_s if stop is None else 0.1)
            if moving.done():
                return stop
            answer = await self._report()
            if stop is None:
                stop = self._stop(answer)
                patience = self._clock() + self._quiet_s(stop)
                self._progress.stopping = stop is not None
            elif stop is not Stop.DRAIN and self._bench.draining.begun:
                stop = Stop.DRAIN if stop in {Stop.OVER, Stop.GIVE_WAY} else stop
            if stop is not None and (
                not self._progress.current
                or self._bench.draining.at_once
                or (self._clock() >= patience and not self._waits_for_what_goes_in_one_go(stop))
            ):
                return stop

    async def _report(self) -> Answer | None:
        """Say how far it is. None: the runner has lost the run."""
        counts = self._run.counts
        try:
            if self._ledger_run is not None:
                counts = await self._counts(exact=False)
            state = RunState.SCANNING if self._progress.scanning else RunState.RUNNING
            answer = await self._bench.work.progress(self._run.id, self._bench.runner, counts, state=state)
        except Overtaken:
            return None
        except DatabaseTrouble:  # it is busy, or away for a moment; the next time will do
            answer = Answer(Wish.RUN)
        self._beat(counts)
        return answer

    async def _counts(self, *, exact: bool) -> Counts:
        assert self._ledger_run is not None
        progress = self._progress
        told = Told(progress.files_told, progress.bytes_told) if progress.scanning and not exact else None
        return await self._counting.now(
            received=progress.bytes_received,
            throttled=self._bench.place.pacers.pauses_of(self._accounts) - self._pauses_before,
            told=told,
            exact=exact,
        )

    def _stop(self, answer: Answer | None) -> Stop | None:
        if answer is None:
            return Stop.LOST
        match answer.wish:
            case Wish.PAUSE:
                return Stop.PAUSE
            case Wish.CANCEL:
                return Stop.CANCEL
            case Wish.RUN:
                if self._bench.draining.begun:
                    return Stop.DRAIN
                if answer.give_way:
                    return Stop.GIVE_WAY
                return Stop.OVER if self._has_worked_long else None

    @property
    def _has_worked_long(self) -> bool:
        """Whether it is time for another slice: the engine's work counts, so that none ends before it has done any."""
        return self._has_worked(self._bench.pace.longest_s) and not self._holds_on

    @property
    def _holds_on(self) -> bool:
        """Whether a file is under way that would begin anew, and so never arrive if it takes longer than a slice."""
        return bool(self._progress.in_one_go) and not self._has_worked(self._bench.pace.in_one_go_s)

    def _has_worked(self, seconds: float) -> bool:
        return self._begun is not None and self._clock() - self._begun >= seconds

    def _waits_for_what_goes_in_one_go(self, stop: Stop) -> bool:
        """Nobody's wish, and no runner's end, is kept waiting for that: others who want a slot are."""
        return stop in {Stop.OVER, Stop.GIVE_WAY} and self._holds_on

    def _quiet_s(self, stop: Stop | None) -> float:
        match stop:
            case Stop.DRAIN:
                return self._bench.pace.drain_s
            case Stop.CANCEL | Stop.LOST | None:
                return 0.0
            case _:
                return self._bench.pace.quiet_s

    async def _left(self, moving: asyncio.Task[RunResult], stop: Stop | None) -> SliceEnd:
        """Leave it as it is to be left."""
        if not moving.done():
            await _cancelled(moving)
        if not moving.cancelled():
            return await self._came_to_its_end(moving)
        work, run_id, runner = self._bench.work, self._run.id, self._bench.runner
        try:
            if (ended := await self._ended_before()) is not None:  # in the moment in which it was cancelled
                return ended
            match stop:
                case Stop.PAUSE:
                    await work.pause(run_id, runner)
                    return SliceEnd.RESTING
                case Stop.CANCEL:
                    await self._end(RunCode.CANCELED, "")
                    return SliceEnd.ENDED
                case _:
                    await work.give_way(run_id, runner)
        except Overtaken:
            pass  # the next slice finds out what is to be done
        return SliceEnd.MORE

    async def _came_to_its_end(self, moving: asyncio.Task[RunResult]) -> SliceEnd:
        try:
            result = moving.result()
        except Overtaken:
            return SliceEnd.MORE
        except DatabaseTrouble:
            await self._give_way()
            raise  # nobody's file is to blame, and the run goes on when the database is back
        except KeysMissing as error:
            await self._bench.work.await_keys(self._run.id, self._bench.runner, str(error))
            return SliceEnd.RESTING
        except KeysElsewhere:
            await self._give_way()
            raise Held(1) from None
        except AlreadyRunning:
            await self._give_way()
            raise Held(5) from None
        except Transient as error:
            if self._attempt < _TRIES:
                await self._give_way()
                raise Held(max(error.retry_after_s or 0, 2.0**self._attempt)) from error
            await self._end(code_of(error), str(error), failed=error)
        except MoverError as error:
            await self._end(code_of(error), str(error), failed=error)
        except Exception as error:  # a defect, or a service's oddity: tried for ever it would help nobody
            _log.exception("unexpected error in a slice")
            await self._end(
                RunCode.GENERAL_FAILURE, f"unexpected {type(error).__name__}; the runner's log has more"
            )
        else:
            self._ledger_run = result.run
            await self._acts.gave(result.run)
            if result.finished:
                await self._destroy_keys()
            await self._end(RunCode(int(result.code)), result.message)
        return SliceEnd.ENDED

    async def _end(self, code: RunCode, message: str, *, failed: MoverError | None = None) -> None:
        counts = None
        if self._ledger_run is not None:
            counts = await self._counts(exact=True)
        await self._bench.work.end(
            self._run.id,
            self._bench.runner,
            int(code),
            message,
            counts=counts,
            failed_connection_id=await self._connection_of(failed),
        )

    async def _destroy_keys(self) -> None:
        """Destroy what the keys of sealed files followed from, before the run is told to have ended."""
        options = (await self._bench.work.assignment(self._run.id)).options
        if options.seal_to or options.crypt_to:
            await self._bench.place.vault.destroy(keys_of(self._run))

    async def _connection_of(self, error: MoverError | None) -> str | None:
        """Which of the two could not be signed in to, or is not allowed any more."""
        if not isinstance(error, (SignInFailed, NotAllowed)):
            return None
        own = self._bench.place.for_organisation(self._run.organisation_id)
        for connection in await own.connections.with_ids(self._accounts):
            if connection.name == error.service:
                return connection.id
        return None

    async def _give_way(self) -> None:
        try:
            await self._bench.work.give_way(self._run.id, self._bench.runner)
        except MoverError:
            _log.warning("a run could not be given back; it is found when it is overdue", exc_info=True)


async def run_slice(
    bench: Bench, run_id: int, *, attempt: int, beat: Callable[[Counts], None], made: Callable[[Slice], None]
) -> SliceEnd:
    """Take a run and work on it for a while.

    Raises Held: somebody else has it, it cannot be signed in to now, or the database is away.
    """
    if bench.draining.begun:
        raise Held(0.5)
    try:
        return await _run_slice(bench, run_id, attempt=attempt, beat=beat, made=made)
    except DatabaseTrouble as error:
        _log.warning("a slice ended for want of the database: %s", error)
        raise Held(3) from error


async def _run_slice(
    bench: Bench, run_id: int, *, attempt: int, beat: Callable[[Counts], None], made: Callable[[Slice], None]
) -> SliceEnd:
    taken = await bench.work.take(bench.queue, bench.runner, Limits(free=1), only=run_id)
    if not taken:
        return await _not_taken(bench, run_id)
    slice_ = Slice(bench, taken[0], attempt=attempt, beat=beat)
    made(slice_)
    return await slice_.work()


async def _not_taken(bench: Bench, run_id: int) -> SliceEnd:
    try:
        run = (await bench.work.assignment(run_id)).run
    except NotFound:
        return SliceEnd.ENDED
    match run.state:
        case RunState.ENDED:
            return SliceEnd.ENDED
        case RunState.QUEUED | RunState.PAUSED:
            return SliceEnd.RESTING
        case _:
            raise Held(2)


async def _cancelled(task: asyncio.Task[RunResult]) -> None:
    """Cancel it and wait until it has ended, whatever it then raises."""
    task.cancel()
    await asyncio.wait({task})
