"""What runners call: take runs, report progress, end them. Every step is atomic between processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from mover.database.database import Database
from mover.errors import InvalidConfiguration
from mover.ledger.queries.problems import failed_paths
from mover.ledger.states import RunMode
from mover.migrations.given.queries import remove_keys
from mover.migrations.queries import maps, rows
from mover.migrations.queries.ending import counts_values, follow_up, tell_of_start
from mover.migrations.queries.ledger_counts import counts_of
from mover.migrations.queries.sampling import sample
from mover.migrations.queries.taking import can_be_taken, must_give_way, take, window_of
from mover.migrations.queries.throttling import lower, raise_again
from mover.migrations.queries.waiting import tell_of_waiting
from mover.migrations.records import Answer, Assignment, Counts, PairRun
from mover.migrations.refusals import NoSuchThing, Overtaken
from mover.migrations.states import ACTIVE, RunCode, RunState, Status, Wish, run_code, status_of
from mover.migrations.tables import migration_pairs, pair_runs
from mover.migrations.timetable import is_open, next_opening
from mover.transfer.grantees import GranteeMap

LOSSES = 5
"""So many runners may lose a run one after the other without any byte arriving between."""

_MOST_PATHS = (
    10_000  # of a retry; with more failures the whole pair is gone over, which skips what has arrived
)
_ACTIVE = [state.value for state in ACTIVE]
_r = pair_runs.c
_p = migration_pairs.c


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much a runner can take: `free` slots now."""

    free: int


class Work:
    """The runners' side of `pair_runs`. Knows no actor: runners work for all organisations.

    take ─► begin ─► progress, progress ... ─► end
                         └─► pause or give_way (an answer asked for it), or nothing more (it was killed: `overdue`)

    Methods that a runner calls for a run raise Overtaken when another runner has it by now, or none, or it has ended:
    then the runner stops, and reports nothing more.
    """

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns

    async def take(
        self, queue: str, runner: str, limits: Limits, *, only: int | None = None
    ) -> list[PairRun]:
        """Give waiting runs of a queue to a runner: state CHECKING, code 620. No two runners get the same one.

        The organisation with the fewest runs under way comes first; in it, the highest priority, then the oldest. Of a
        migration no more are under way at once than its limit. `runner` names this runner and no other. With `only`, no
        other run than that one is given.
        """
        if limits.free < 1:
            return []
        now_ns = self._now_ns()
        return await self._database.write(
            lambda connection: [
                rows.run_from(row) for row in take(connection, queue, runner, limits.free, now_ns, only=only)
            ]
        )

    async def assignment(self, run_id: int) -> Assignment:
        """All that is needed to run it. Raises NoSuchThing if the run is gone."""

        def work(connection: Connection) -> Assignment:
            run = _run(connection, run_id)
            pair = connection.execute(select(migration_pairs).where(_p.id == run.pair_id)).one()
            return Assignment(
                run=rows.run_from(run),
                source_connection_id=pair.source_connection_id,
                source_path=pair.source_path,
                destination_connection_id=pair.destination_connection_id,
                destination_path=pair.destination_path,
                options=rows.options_from(run.options or "{}"),
                bytes_per_s=run.bytes_per_s,
                retry_paths=_retry_paths(connection, run),
            )

        return await self._database.read(work)

    async def map_of(self, run_id: int) -> tuple[str, GranteeMap]:
        """The id and the rows of the map that the run's permissions go through; empty without one."""

        def work(connection: Connection) -> tuple[str, GranteeMap]:
            map_id = maps.map_of_run(connection, run_id)
            return (map_id, maps.grantees(connection, map_id)) if map_id else ("", GranteeMap())

        return await self._database.read(work)

    async def begin(self, run_id: int, runner: str, ledger_run_id: int) -> Answer:
        """Note which run of the ledger it is; state SCANNING. Idempotent. The first time it is told to the outbox."""
        now_ns = self._now_ns()

        def work(connection: Connection) -> Answer:
            run = _held(connection, run_id, runner)
            if run.ledger_run_id is None:
                tell_of_start(connection, run, now_ns)
            values = {
                "ledger_run_id": ledger_run_id,
                "state": RunState.SCANNING.value,
                "code": RunCode.RUNNING.value,
                "heartbeat_ns": now_ns,
            }
            connection.execute(update(pair_runs).where(_r.id == run_id).values(**values))
            _show(connection, run, Status.SCANNING, RunCode.RUNNING)
            return _answer(run, now_ns)

        return await self._database.write(work)

    async def counted(self, run_id: int) -> Counts:
        """What the run has come to so far by its ledger: what `progress` of a slice adds its own counts to."""

        def work(connection: Connection) -> Counts:
            return _counted(connection, _run(connection, run_id))

        return await self._database.read(work)

    async def progress(
        self, run_id: int, runner: str, counts: Counts, *, state: RunState = RunState.RUNNING
    ) -> Answer:
        """Heartbeat, with counts of the run as a whole; SCANNING or RUNNING.

        `counts.throttled` is how often services have pushed back since the run began: when it grows, the migration runs
        fewer pairs at once. To be called every few seconds; charts keep a point every ten.
        """
        if state not in ACTIVE:
            raise InvalidConfiguration(f"progress is made while scanning or running, not {state}")
        now_ns = self._now_ns()

        def work(connection: Connection) -> Answer:
            run = _held(connection, run_id, runner)
            moved = (
                counts.bytes_received > run.bytes_received
                or counts.files_copied > run.files_copied
                or counts.folders_seen > run.folders_seen
            )
            new = {
                **counts_values(counts),
                "state": state.value,
                "code": RunCode.RUNNING.value,
                "heartbeat_ns": now_ns,
                "losses": 0 if moved else run.losses,
                **sample(connection, run, counts, now_ns),
            }
            connection.execute(update(pair_runs).where(_r.id == run_id).values(**new))
            _show(connection, run, status_of(state, 0), RunCode.RUNNING, counts)
            if counts.throttled > run.throttled:
                lower(connection, run.migration_id, now_ns)
            else:
                raise_again(connection, run.migration_id, now_ns)
            return _answer(run, now_ns)

        answer = await self._database.write(work)
        if answer.wish is not Wish.RUN:
            return answer
        # Apart from the transaction: it looks at what others write all the time, and writes nothing itself.
        return Answer(
            Wish.RUN,
            await self._database.read(lambda connection: must_give_way(connection, run_id, now_ns)),
        )

    async def pause(self, run_id: int, runner: str) -> None:
        """The runner has stopped as it was told to; state PAUSED. With the wish to run it waits for its window.

        With the wish to cancel, which came while it stopped, the run ends.
        """
        now_ns = self._now_ns()

        def work(connection: Connection) -> bool:
            run = _held(connection, run_id, runner)
            if run.wish == Wish.CANCEL.value:
                return False
            window = window_of(run.window, rows.options_from(run.options or "{}"))
            waits = run.wish == Wish.RUN.value and window is not None and not is_open(window, now_ns)
            if run.wish == Wish.RUN.value and not waits:  # resumed meanwhile, or the window has opened
                _let_go(connection, run, RunState.QUEUED, RunCode.QUEUED, now_ns)
                return True
            opening = {"not_before_ns": next_opening(window, now_ns)} if waits and window else {}
            _let_go(connection, run, RunState.PAUSED, RunCode.QUEUED, now_ns, **opening)
            return True

        if not await self._database.write(work):
            await self.end(run_id, runner, RunCode.CANCELED)

    async def await_keys(self, run_id: int, runner: str, message: str) -> None:
        """The run cannot go on before keys are given for it (again); state PAUSED, code 630. What was given is removed.

        With the wish to cancel, which came meanwhile, the run ends.
        """
        now_ns = self._now_ns()

        def work(connection: Connection) -> bool:
            run = _held(connection, run_id, runner)
            if run.wish == Wish.CANCEL.value:
                return False
            remove_keys(connection, [run_id])
            waits = {"wish": Wish.PAUSE.value, "message": message[:2_000]}
            _let_go(connection, run, RunState.PAUSED, RunCode.KEY_NEEDED, now_ns, **waits)
            tell_of_waiting(connection, run, message, now_ns)
            return True

        if not await self._database.write(work):
            await self.end(run_id, runner, RunCode.CANCELED)

    async def give_way(self, run_id: int, runner: str) -> None:
        """The runner has stopped in order; the run is queued again (another waits, or the runner drains).

        With the wish to pause it is PAUSED, and with the wish to cancel, which came while it stopped, it ends: nobody
        takes a run that is not wished to run.
        """
        now_ns = self._now_ns()

        def work(connection: Connection) -> bool:
            run = _held(connection, run_id, runner)
            if run.wish == Wish.CANCEL.value:
                return False
            paused = run.wish == Wish.PAUSE.value
            state = RunState.PAUSED if paused else RunState.QUEUED
            _let_go(connection, run, state, RunCode.QUEUED, now_ns, given_way_ns=now_ns)
            return True

        if not await self._database.write(work):
            await self.end(run_id, runner, RunCode.CANCELED)

    async def end(
        self,
        run_id: int,
        runner: str,
        code: int,
        message: str = "",
        *,
        counts: Counts | None = None,
        failed_connection_id: str | None = None,
    ) -> PairRun | None:
        """Write how it ended, count it in the pair, queue an automatic run if the code asks for one, put notices into the outbox.

        All in one transaction. `counts` of None are added up from the ledger. Returns the automatic run, if any.
        Ending a run that has ended changes nothing and returns None.
        """
        if counts is None:
            counts = await self.counted(run_id)
        now_ns = self._now_ns()

        def work(connection: Connection) -> PairRun | None:
            run = _run(connection, run_id, lock=True)
            if run.state == RunState.ENDED.value:
                return None
            if run.runner != runner:
                raise Overtaken(f"run {run_id} is not this runner's any more")
            ended = _end(connection, run, code, message, counts_values(counts), now_ns)
            again = follow_up(connection, [ended], now_ns, failed_connection_id=failed_connection_id)
            return rows.run_from(_run(connection, again[0])) if again else None

        return await self._database.write(work)

    async def overdue(self, silent_for_ns: int, *, limit: int = 100) -> list[PairRun]:
        """Take runs away from runners that fell silent, and queue them again; returns them as they are then.

        One that was lost `LOSSES` times in a row without progress ends with 404, one that was to be canceled with 230.
        """
        now_ns = self._now_ns()
        # A sign of life from the future is one from before the clock was set back: who lives has given another.
        silent = ~_r.heartbeat_ns.between(now_ns - silent_for_ns, now_ns + silent_for_ns)
        query = select(pair_runs).where(_r.state.in_(_ACTIVE), silent).order_by(_r.id).limit(limit)
        found = await self._database.read(lambda connection: list(connection.execute(query)))
        if not found:
            return []
        # Before the transaction: it takes a second for a million items, and all who write would wait.
        counted = {run.id: await self.counted(run.id) for run in found if _loses_for_good(run)}

        def work(connection: Connection) -> list[PairRun]:
            lost = list(connection.execute(query.with_for_update()))
            for run in lost:
                _lose(connection, run, counted.get(run.id) or rows.counts_from(run), now_ns)
            return [rows.run_from(_run(connection, run.id)) for run in lost]

        return await self._database.write(work)

    async def waiting(self, queue: str | None = None) -> int:
        """How many runs could be taken now."""
        now_ns = self._now_ns()
        query = select(func.count()).select_from(pair_runs).where(can_be_taken(now_ns, queue))
        return await self._database.read(lambda connection: int(connection.execute(query).scalar_one()))


def _loses_for_good(run: Row[Any]) -> bool:
    return bool(run.wish == Wish.CANCEL.value or run.losses + 1 >= LOSSES)


def _lose(connection: Connection, run: Row[Any], counts: Counts, now_ns: int) -> None:
    """Take a run away from its runner; `counts` are for one that ends by it."""
    if _loses_for_good(run):
        code = RunCode.CANCELED if run.wish == Wish.CANCEL.value else RunCode.RUNNER_STOPPED
        message = "" if code is RunCode.CANCELED else f"{LOSSES} runners in a row fell silent"
        ended = _end(connection, run, code, message, counts_values(counts), now_ns)
        follow_up(connection, [ended], now_ns)
        return
    state = RunState.PAUSED if run.wish == Wish.PAUSE.value else RunState.QUEUED
    _let_go(connection, run, state, RunCode.QUEUED_AGAIN, now_ns, losses=run.losses + 1)


def _run(connection: Connection, run_id: int, *, lock: bool = False) -> Row[Any]:
    query = select(pair_runs).where(_r.id == run_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None and lock:  # by a runner that has it, or had
        raise Overtaken(f"run {run_id} was removed meanwhile")
    if row is None:
        raise NoSuchThing(f"there is no run {run_id}")
    return row


def _held(connection: Connection, run_id: int, runner: str) -> Row[Any]:
    """Find a run that this runner has, and keep others from changing it."""
    row = _run(connection, run_id, lock=True)
    if row.runner != runner or row.state not in _ACTIVE:
        raise Overtaken(f"run {run_id} is not this runner's any more")
    return row


def _answer(run: Row[Any], now_ns: int) -> Answer:
    wish = Wish(run.wish)
    if wish is not Wish.RUN:
        return Answer(wish)
    window = window_of(run.window, rows.options_from(run.options or "{}"))
    if window is not None and not is_open(window, now_ns):
        return Answer(Wish.PAUSE)
    return Answer(Wish.RUN)


def _show(
    connection: Connection, run: Row[Any], status: Status, code: int, counts: Counts | None = None
) -> None:
    """Let the pair show where its run stands."""
    connection.execute(
        update(migration_pairs)
        .where(_p.id == run.pair_id, _p.last_run_id == run.id)
        .values(status=status.value, code=code, **(counts_values(counts) if counts else {}))
    )


def _active_ns(run: Row[Any], until_ns: int) -> int:
    return int(run.active_ns) + (max(0, until_ns - run.taken_ns) if run.taken_ns is not None else 0)


def _let_go(
    connection: Connection, run: Row[Any], state: RunState, code: RunCode, now_ns: int, **values: Any
) -> None:
    """Let a run wait, without a runner."""
    connection.execute(
        update(pair_runs)
        .where(_r.id == run.id)
        .values(
            state=state.value,
            code=code.value,
            runner="",
            taken_ns=None,
            active_ns=_active_ns(run, min(now_ns, run.heartbeat_ns) if "losses" in values else now_ns),
            **values,
        )
    )
    _show(connection, run, status_of(state, 0), code)


def _end(
    connection: Connection, run: Row[Any], code: int, message: str, counts: dict[str, int], now_ns: int
) -> Row[Any]:
    return connection.execute(
        update(pair_runs)
        .where(_r.id == run.id)
        .values(
            **counts,
            state=RunState.ENDED.value,
            code=run_code(code).value,
            message=message[:2_000],
            runner="",
            taken_ns=None,
            ended_ns=now_ns,
            active_ns=_active_ns(run, now_ns),
        )
        .returning(pair_runs)
    ).one()


def _counted(connection: Connection, run: Row[Any]) -> Counts:
    before = rows.counts_from(run)
    if run.ledger_run_id is None:
        return before
    return counts_of(connection, run.ledger_run_id, before, dry_run=run.mode == RunMode.SCAN.value)


def _retry_paths(connection: Connection, run: Row[Any]) -> tuple[str, ...] | None:
    """The paths that failed in the run that is retried; None if it has to be gone over as a whole."""
    if run.retry_of is None:
        return None
    query = select(_r.ledger_run_id).where(_r.id == run.retry_of, _r.pair_id == run.pair_id)
    ledger_run_id = connection.execute(query).scalar_one_or_none()
    if ledger_run_id is None:
        return None
    found = failed_paths(connection, ledger_run_id, _MOST_PATHS + 1)
    return tuple(found) if found and len(found) <= _MOST_PATHS else None
