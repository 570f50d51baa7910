"""Runs as people start, steer and watch them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from secrets import token_hex
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from mover.accounts.actor import Actor, ActorKind, Permission
from mover.accounts.audit import Auditor
from mover.database.database import Database
from mover.entries import EntryKind
from mover.errors import InvalidConfiguration, advice_for
from mover.ledger.estimates import Estimate
from mover.ledger.queries import counts as ledger_counts
from mover.ledger.queries import runs as ledger_runs
from mover.ledger.queries.items import placed_items
from mover.ledger.queries.pages import count_items, page_of_items
from mover.ledger.queries.problems import problems_by_reason
from mover.ledger.queries.slicing import slices
from mover.ledger.records import ReportItem
from mover.ledger.rows import report_item_from
from mover.ledger.states import ItemState, RunMode
from mover.ledger.tables import items as ledger_items
from mover.migrations.acts import Act, note
from mover.migrations.cursors import check_limit, cursor_for, read_cursor
from mover.migrations.given.handing import Handed, Handing
from mover.migrations.given.queries import runs_with_options
from mover.migrations.given.wanted import GivenKeys
from mover.migrations.queries import rows
from mover.migrations.queries.ending import end_waiting
from mover.migrations.queries.found import found
from mover.migrations.queries.sampling import samples
from mover.migrations.queries.selecting import selected
from mover.migrations.queries.starting import Start, queue_runs
from mover.migrations.records import Page, PairRun, Problem, Sample, StartResult
from mover.migrations.selection import Selection
from mover.migrations.states import ACTIVE, RunCode, RunState, Status, Trigger, Wish
from mover.migrations.tables import migration_pairs, migrations, pair_runs

_COUNTED = 10_000
_r = pair_runs.c
_p = migration_pairs.c
_ACTIVE = [state.value for state in ACTIVE]


class Runs:
    """Starts need RUN, looking needs READ. After what changes something the caller tells `Orchestration.nudge`."""

    def __init__(
        self,
        database: Database,
        auditor: Auditor,
        handing: Handing,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._auditor = auditor
        self._handing = handing
        self._now_ns = now_ns

    async def start(
        self,
        actor: Actor,
        selection: Selection,
        mode: RunMode = RunMode.COPY,
        *,
        trigger: Trigger | None = None,
        keys: GivenKeys | None = None,
    ) -> StartResult:
        """Queue a run of each pair, unless one is under way. `trigger` defaults to API for keys, BY_HAND for people.

        `keys` are for those runs whose options ask for them, and are kept for the runners' eyes only. A run that asks for
        more than was given waits for it. Raises InvalidConfiguration: nobody could use them; NotPossible: no runner is
        there to take them. Then nothing is queued.
        """
        actor.require(Permission.RUN)
        return await self._start(actor, selection, mode, trigger, keys, failed_only=False)

    async def retry_failed(
        self, actor: Actor, selection: Selection, *, keys: GivenKeys | None = None
    ) -> StartResult:
        """Queue a run of those pairs whose last run had failures, for the items that failed alone.

        Where the last run did not see everything, or more than 10,000 items failed, the whole pair is gone over, which
        passes over what has arrived. `keys` as for `start`.
        """
        actor.require(Permission.RUN)
        return await self._start(actor, selection, RunMode.COPY, None, keys, failed_only=True)

    async def give_keys(self, actor: Actor, selection: Selection, keys: GivenKeys) -> int:
        """Give keys to the runs that wait for them, which then go on. Returns how many.

        Those that have what they need are left as they are. Raises InvalidConfiguration, NotPossible as `start` does.
        """
        actor.require(Permission.RUN)
        handed = await self._handing.prepare(keys)

        def work(connection: Connection, runs: ColumnElement[bool], now_ns: int) -> int:
            waiting = and_(runs, _r.state.in_([RunState.QUEUED.value, RunState.PAUSED.value]))
            # Their rows first, so that none of them is taken, or ended, meanwhile.
            connection.execute(select(_r.id).where(waiting).order_by(_r.id).with_for_update())
            some = [row for row in runs_with_options(connection, waiting) if not row.has_keys]
            given = handed.put(connection, some, now_ns)
            stopped = {row.id for row in some if row.code == RunCode.KEY_NEEDED.value}
            go_on = [run_id for run_id in given if run_id in stopped]
            if go_on:
                of_them = _r.id.in_(go_on)
                _show(connection, of_them, Status.QUEUED, code=RunCode.QUEUED.value)
                values = {
                    "state": RunState.QUEUED.value,
                    "wish": Wish.RUN.value,
                    "code": RunCode.QUEUED.value,
                    "message": "",
                }
                connection.execute(update(pair_runs).where(of_them).values(**values))
            return len(given)

        return await self._steer(actor, selection, Act.RUN_KEYS_GIVEN, work)

    async def pause(self, actor: Actor, selection: Selection) -> int:
        """Wish that runs pause; queued ones do at once. Returns how many."""
        actor.require(Permission.RUN)

        def work(connection: Connection, runs: ColumnElement[bool], _now_ns: int) -> int:
            queued = and_(runs, _r.state == RunState.QUEUED.value)
            _show(connection, queued, Status.PAUSED)
            waits = {"state": RunState.PAUSED.value, "wish": Wish.PAUSE.value}
            paused = connection.execute(update(pair_runs).where(queued).values(**waits)).rowcount
            # One that waits for its window is paused in earnest from now on.
            asked = and_(runs, _r.state.in_([*_ACTIVE, RunState.PAUSED.value]), _r.wish == Wish.RUN.value)
            return paused + _wish(connection, asked, Wish.PAUSE)

        return await self._steer(actor, selection, Act.RUNS_PAUSED, work)

    async def resume(self, actor: Actor, selection: Selection) -> int:
        """Let paused runs go on, and take back wishes to pause. Returns how many."""
        actor.require(Permission.RUN)

        def work(connection: Connection, runs: ColumnElement[bool], _now_ns: int) -> int:
            paused = and_(runs, _r.state == RunState.PAUSED.value, _r.wish == Wish.PAUSE.value)
            _show(connection, paused, Status.QUEUED)
            waits = {
                "state": RunState.QUEUED.value,
                "wish": Wish.RUN.value,
                "code": RunCode.QUEUED.value,
            }
            resumed = connection.execute(update(pair_runs).where(paused).values(**waits)).rowcount
            asked = and_(runs, _r.state.in_(_ACTIVE), _r.wish == Wish.PAUSE.value)
            return resumed + _wish(connection, asked, Wish.RUN)

        return await self._steer(actor, selection, Act.RUNS_RESUMED, work)

    async def cancel(self, actor: Actor, selection: Selection) -> int:
        """Wish that runs end; those without a runner do at once, with 230, or 490 when the system does it. Returns how many."""
        actor.require(Permission.RUN)
        code = RunCode.ENDED_BY_ADMINISTRATOR if actor.kind is ActorKind.SYSTEM else RunCode.CANCELED

        def work(connection: Connection, runs: ColumnElement[bool], now_ns: int) -> int:
            ended = end_waiting(connection, runs, code, now_ns)
            asked = and_(runs, _r.state.in_(_ACTIVE), _r.wish != Wish.CANCEL.value)
            return ended + _wish(connection, asked, Wish.CANCEL)

        return await self._steer(actor, selection, Act.RUNS_CANCELED, work)

    async def get(self, actor: Actor, run_id: int) -> PairRun:
        """Find one."""
        actor.require(Permission.READ)
        return await self._database.read(
            lambda connection: rows.run_from(
                found(connection, pair_runs, "run", actor.organisation_id, run_id)
            )
        )

    async def scans(self, actor: Actor, run_ids: Sequence[int]) -> frozenset[int]:
        """Tell which of these runs, of the actor's organisation, only looked."""
        actor.require(Permission.READ)

        def work(connection: Connection) -> frozenset[int]:
            of_ours = (_r.organisation_id == actor.organisation_id, _r.mode == RunMode.SCAN.value)
            return frozenset(
                run_id
                for some in slices(run_ids)
                for run_id in connection.scalars(select(_r.id).where(*of_ours, _r.id.in_(some)))
            )

        return await self._database.read(work) if run_ids else frozenset()

    async def page(
        self,
        actor: Actor,
        *,
        pair_id: int | None = None,
        migration_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[PairRun]:
        """Runs of a pair, a migration or the organisation, newest first."""
        actor.require(Permission.READ)
        check_limit(limit)
        question = ("runs", actor.organisation_id, pair_id, migration_id)
        after = read_cursor(question, cursor, int)
        belongs = [_r.organisation_id == actor.organisation_id]
        if pair_id is not None:
            belongs.append(_r.pair_id == pair_id)
        if migration_id is not None:
            belongs.append(_r.migration_id == migration_id)

        def work(connection: Connection) -> Page[PairRun]:
            if pair_id is not None:
                found(connection, migration_pairs, "pair", actor.organisation_id, pair_id)
            if migration_id is not None:
                found(connection, migrations, "migration", actor.organisation_id, migration_id)
            query = select(pair_runs).where(*belongs)
            if after:
                query = query.where(_r.id < after[0])
            page = connection.execute(query.order_by(_r.id.desc()).limit(limit + 1)).all()
            total = connection.execute(
                select(func.count()).select_from(pair_runs).where(*belongs)
            ).scalar_one()
            return Page(
                tuple(rows.run_from(row) for row in page[:limit]),
                cursor_for(question, page[limit - 1].id) if len(page) > limit else None,
                total,
            )

        return await self._database.read(work)

    async def items(
        self,
        actor: Actor,
        run_id: int,
        *,
        states: tuple[ItemState, ...] | None = None,
        reason: str | None = None,
        text: str = "",
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[ReportItem]:
        """Items of a run in the order in which they were seen. `total` is counted up to 10,000."""
        actor.require(Permission.READ)
        check_limit(limit)
        question = ("items", run_id, states, reason, text)
        after = read_cursor(question, cursor, int)

        def work(connection: Connection) -> Page[ReportItem]:
            ledger_run_id = _ledger_run(connection, actor, run_id)
            if ledger_run_id is None or states == ():
                return Page((), None, 0)
            page = page_of_items(
                connection,
                ledger_run_id,
                states=states,
                reason=reason,
                text=text[:1_000],
                after_id=after[0] if after else 0,
                limit=limit + 1,
            )
            total = count_items(
                connection, ledger_run_id, states=states, reason=reason, text=text[:1_000], most=_COUNTED
            )
            return Page(
                tuple(page[:limit]),
                cursor_for(question, page[limit - 1].id) if len(page) > limit else None,
                total,
            )

        return await self._database.read(work)

    async def problems(self, actor: Actor, run_id: int) -> list[Problem]:
        """What went wrong, by reason, the most frequent first."""
        actor.require(Permission.READ)

        def work(connection: Connection) -> list[Problem]:
            ledger_run_id = _ledger_run(connection, actor, run_id)
            if ledger_run_id is None:
                return []
            groups = problems_by_reason(connection, ledger_run_id)
            query = placed_items().where(ledger_items.c.id.in_([group.first for group in groups]))
            examples = {row.id: report_item_from(row) for row in connection.execute(query)}
            return [_problem(group, examples[group.first]) for group in groups]

        return await self._database.read(work)

    async def outcomes(self, actor: Actor, run_id: int) -> dict[ItemState, int]:
        """How many files are in each state; states without any are left out."""
        actor.require(Permission.READ)

        def work(connection: Connection) -> dict[ItemState, int]:
            ledger_run_id = _ledger_run(connection, actor, run_id)
            counted: dict[ItemState, int] = {}
            for tally in ledger_counts.tally(connection, ledger_run_id) if ledger_run_id else []:
                if tally.kind is not EntryKind.FOLDER:
                    counted[tally.state] = counted.get(tally.state, 0) + tally.count
            return counted

        return await self._database.read(work)

    async def estimate(self, actor: Actor, run_id: int) -> Estimate | None:
        """What the move will cost, where the run only looked and came to its end."""
        actor.require(Permission.READ)

        def work(connection: Connection) -> Estimate | None:
            ledger_run_id = _ledger_run(connection, actor, run_id)
            run = ledger_runs.run(connection, ledger_run_id) if ledger_run_id else None
            return run.estimate if run else None

        return await self._database.read(work)

    async def throughput(self, actor: Actor, run_id: int) -> list[Sample]:
        """Files and bytes over time, at most some 360 points."""
        actor.require(Permission.READ)

        def work(connection: Connection) -> list[Sample]:
            found(connection, pair_runs, "run", actor.organisation_id, run_id)
            return samples(connection, run_id)

        return await self._database.read(work)

    async def _start(
        self,
        actor: Actor,
        selection: Selection,
        mode: RunMode,
        trigger: Trigger | None,
        keys: GivenKeys | None,
        *,
        failed_only: bool,
    ) -> StartResult:
        handed = await self._handing.prepare(keys) if keys is not None else None
        now_ns = self._now_ns()
        by_itself = Trigger.API if actor.kind is ActorKind.API_KEY else Trigger.BY_HAND
        start = Start(
            id=token_hex(16),
            organisation_id=actor.organisation_id,
            migration_id=selection.migration_id,
            mode=mode,
            trigger=trigger or by_itself,
            started_by=actor.name,
            failed_only=failed_only,
        )

        def work(connection: Connection) -> StartResult:
            _lock_migration(connection, actor, selection.migration_id)
            some = list(selected(connection, actor.organisation_id, selection, now_ns=now_ns))
            if failed_only:
                bad = [Status.FAILED.value, Status.SOME_PROBLEMS.value]
                some = [and_(one, _p.status.in_(bad)) for one in some]
            started, running = queue_runs(connection, start, some, now_ns)
            keys_given = _hand(connection, handed, start.id, now_ns) if handed and started else None
            if started:
                note(
                    self._auditor,
                    connection,
                    actor,
                    Act.RUNS_RETRIED if failed_only else Act.RUNS_STARTED,
                    selection.migration_id,
                    now_ns=now_ns,
                    runs=started,
                    mode=mode.value,
                    keys_given=keys_given,
                )
            return StartResult(
                migration_run_id=start.id if started else None, started=started, already_running=running
            )

        return await self._database.write(work)

    async def _steer(
        self,
        actor: Actor,
        selection: Selection,
        act: Act,
        work: Callable[[Connection, ColumnElement[bool], int], int],
    ) -> int:
        now_ns = self._now_ns()

        def steer(connection: Connection) -> int:
            found(connection, migrations, "migration", actor.organisation_id, selection.migration_id)
            # The ids first: what steering changes may be what the filter asks for.
            ids: list[int] = []
            for some in selected(connection, actor.organisation_id, selection, now_ns=now_ns):
                open_runs = and_(some, _p.open_run.is_not(None), _p.last_run_id.is_not(None))
                ids += connection.scalars(select(_p.last_run_id).where(open_runs)).all()
            steered = sum(
                work(connection, _r.id.in_(ids[start : start + 500]), now_ns)
                for start in range(0, len(ids), 500)
            )
            if steered:
                migration_id = selection.migration_id
                note(self._auditor, connection, actor, act, migration_id, now_ns=now_ns, runs=steered)
            return steered

        return await self._database.write(steer)


def _hand(connection: Connection, handed: Handed, migration_run_id: str, now_ns: int) -> int:
    """Hand keys to the runs that were just queued; returns how many get them. Raises InvalidConfiguration if none does."""
    queued = runs_with_options(connection, _r.migration_run_id == migration_run_id)
    given = handed.put(connection, queued, now_ns)
    if not given:
        raise InvalidConfiguration(
            "a key was given, and none of these pairs is set to use it (or they need more than was given), so nothing was "
            "started; see the pairs' options"
        )
    return len(given)


def _lock_migration(connection: Connection, actor: Actor, migration_id: str) -> None:
    """Find the migration, and keep it from being removed until the pairs are queued."""
    found(connection, migrations, "migration", actor.organisation_id, migration_id)
    query = select(migrations.c.id).where(migrations.c.id == migration_id, migrations.c.removed_ns.is_(None))
    connection.execute(query.with_for_update()).one_or_none()
    found(connection, migrations, "migration", actor.organisation_id, migration_id)


def _wish(connection: Connection, runs: ColumnElement[bool], wish: Wish) -> int:
    return connection.execute(update(pair_runs).where(runs).values(wish=wish.value)).rowcount


def _show(connection: Connection, runs: ColumnElement[bool], status: Status, **also: int) -> None:
    connection.execute(
        update(migration_pairs)
        .where(_p.last_run_id.in_(select(_r.id).where(runs)))
        .values(status=status.value, **also)
    )


def _ledger_run(connection: Connection, actor: Actor, run_id: int) -> int | None:
    row = found(connection, pair_runs, "run", actor.organisation_id, run_id)
    ledger_run_id: int | None = row.ledger_run_id
    return ledger_run_id


def _problem(group: Any, example: ReportItem) -> Problem:
    reason = group.reason or group.state
    return Problem(
        reason=reason,
        state=group.state,
        count=group.number,
        advice=advice_for(reason),
        example=example.path,
        message=example.message,
    )
