"""Ends of runs: counted in the pair, told to the outbox, followed by an automatic run where the code asks for one.

All of it is one transaction with the change of the run's own row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, bindparam, exists, func, insert, select, update

from mover.ledger.states import RunMode
from mover.migrations.given.queries import remove_keys
from mover.migrations.given.wanted import wanted_by
from mover.migrations.queries.connections import names
from mover.migrations.queries.rows import options_from
from mover.migrations.queries.starting import new_run
from mover.migrations.records import MailRule
from mover.migrations.states import (
    AUTOMATIC,
    AUTOMATIC_PAUSES_S,
    AUTOMATIC_RUNS,
    MEANINGS,
    RunCode,
    RunState,
    Status,
    Trigger,
    Wish,
    run_code,
    status_of,
)
from mover.migrations.tables import COUNTS, migration_pairs, migration_runs, migrations, pair_runs
from mover.notices.events import Event
from mover.notices.outbox import put_event, put_mails

_S = 1_000_000_000
_LEFT_SOME_OUT = {
    RunCode.SOME_UPLOADS_FAILED,
    RunCode.SOME_DOWNLOADS_FAILED,
    RunCode.DOWNLOADS_AND_UPLOADS_FAILED,
    RunCode.ALL_DOWNLOADS_FAILED,
}
_p = migration_pairs.c
_r = pair_runs.c
_CONNECTION_FAILED = {RunCode.SIGN_IN_FAILED, RunCode.CONNECTION_NOT_FOUND}
_ROWS_AT_ONCE = 500

_COUNT_IN_PAIR = (
    update(migration_pairs)
    .where(_p.id == bindparam("pair"))
    .values(
        open_run=bindparam("new_open_run"),
        last_run_id=bindparam("new_last_run"),
        status=bindparam("new_status"),
        code=bindparam("new_code"),
        message=bindparam("new_message"),
        started_ns=bindparam("new_started"),
        ended_ns=bindparam("new_ended"),
        runs=_p.runs + bindparam("one"),
        first_started_ns=func.coalesce(_p.first_started_ns, bindparam("new_started")),
        active_ns=_p.active_ns + bindparam("new_active"),
        last_active_ns=bindparam("new_active"),
        total_files_copied=_p.total_files_copied + bindparam("more_files"),
        total_bytes_copied=_p.total_bytes_copied + bindparam("more_bytes"),
        **{name: bindparam(f"new_{name}") for name in COUNTS},
    )
)


def follow_up(
    connection: Connection,
    ended: Sequence[Row[Any]],
    now_ns: int,
    *,
    failed_connection_id: str | None = None,
) -> list[int]:
    """Do all that follows from runs whose rows say ENDED since a moment ago; returns the ids of automatic runs."""
    remove_keys(connection, [row.id for row in ended])
    again = {row.id: _again(connection, row, now_ns) for row in ended if _runs_again(row)}
    for start in range(0, len(ended), _ROWS_AT_ONCE):
        some = ended[start : start + _ROWS_AT_ONCE]
        before = _copied_before(connection, some)
        connection.execute(
            _COUNT_IN_PAIR,
            [_counted(row, again.get(row.id), *before.get(row.id, (0, 0))) for row in some],
        )
    _tell(connection, ended, again, now_ns, failed_connection_id)
    final = Counter(row.migration_run_id for row in ended if row.id not in again)
    for migration_run_id in sorted(final):
        _close(connection, migration_run_id, final[migration_run_id], now_ns)
    return list(again.values())


def _runs_again(row: Row[Any]) -> bool:
    failed = row.code in AUTOMATIC and row.attempt <= AUTOMATIC_RUNS and row.wish != Wish.CANCEL.value
    options = options_from(row.options or "{}")
    # A run that archives and has come to its end has left an archive: another one is not made of itself.
    done = bool(options.archive) and row.code in _LEFT_SOME_OUT
    # What a person gave was for the run that has ended, and nobody is there to give it to the next one.
    return failed and not done and not wanted_by(options)


def _again(connection: Connection, row: Row[Any], now_ns: int) -> int:
    """Queue the run once more."""
    paused = row.wish == Wish.PAUSE.value
    values = {
        **new_run(now_ns),
        **{
            name: getattr(row, name)
            for name in (
                "organisation_id",
                "migration_id",
                "migration_run_id",
                "pair_id",
                "mode",
                "retry_of",
                "queue",
                "priority",
                "window",
                "bytes_per_s",
                "wish",
            )
        },
        "state": (RunState.PAUSED if paused else RunState.QUEUED).value,
        "trigger": Trigger.AUTOMATIC.value,
        "code": RunCode.QUEUED_AGAIN.value,
        "message": f"Again after code {row.code}: {MEANINGS[run_code(row.code)]}",
        "attempt": row.attempt + 1,
        "not_before_ns": now_ns + AUTOMATIC_PAUSES_S[row.attempt - 1] * _S,
    }
    return int(connection.execute(insert(pair_runs).values(**values).returning(_r.id)).scalar_one())


def _copied_before(connection: Connection, ended: Sequence[Row[Any]]) -> dict[int, tuple[int, int]]:
    """Files and bytes of these runs that count for an earlier run already, which they went on with, by run."""
    earlier = pair_runs.alias("earlier")
    query = (
        select(
            _r.id,
            func.max(earlier.c.files_copied).label("files"),
            func.max(earlier.c.bytes_copied).label("bytes"),
        )
        .join(earlier, and_(earlier.c.ledger_run_id == _r.ledger_run_id, earlier.c.id < _r.id))
        .where(_r.id.in_([row.id for row in ended if row.ledger_run_id is not None]))
        .group_by(_r.id)
    )
    return {row.id: (row.files, row.bytes) for row in connection.execute(query)}


def _counted(row: Row[Any], again: int | None, files_before: int, bytes_before: int) -> dict[str, Any]:
    copies = row.mode == RunMode.COPY.value  # other modes count what would be copied, or was compared
    status = status_of(RunState.ENDED, row.code)
    if again is not None:
        status = Status.PAUSED if row.wish == Wish.PAUSE.value else Status.QUEUED
    return {
        "pair": row.pair_id,
        "new_open_run": None if again is None else row.migration_run_id,
        "new_last_run": row.id if again is None else again,
        "new_status": status.value,
        "new_code": row.code if again is None else RunCode.QUEUED_AGAIN.value,
        "new_message": row.message,
        "new_started": row.started_ns,
        "new_ended": row.ended_ns,
        "one": 0 if row.started_ns is None else 1,
        "new_active": row.active_ns,
        "more_files": max(0, row.files_copied - files_before) if copies else 0,
        "more_bytes": max(0, row.bytes_copied - bytes_before) if copies else 0,
        **{f"new_{name}": getattr(row, name) for name in COUNTS},
    }


def _tell(
    connection: Connection,
    ended: Sequence[Row[Any]],
    again: Mapping[int, int],
    now_ns: int,
    failed_connection_id: str | None,
) -> None:
    organisations = {row.organisation_id for row in ended}
    for organisation_id in sorted(organisations):
        mine = [row for row in ended if row.organisation_id == organisation_id]
        put_event(
            connection,
            organisation_id,
            Event.RUN_ENDED,
            [_run_data(row, again.get(row.id)) for row in mine],
            now_ns,
        )
        for row in mine:
            if row.code in _CONNECTION_FAILED:
                _tell_of_connection(connection, row, failed_connection_id, now_ns)


def _run_data(row: Row[Any], again: int | None) -> dict[str, object]:
    return {
        "run_id": row.id,
        "pair_id": row.pair_id,
        "migration_id": row.migration_id,
        "migration_run_id": row.migration_run_id,
        "mode": row.mode,
        "attempt": row.attempt,
        "status": status_of(RunState.ENDED, row.code).word,
        "code": row.code,
        "message": row.message,
        "next_run_id": again,
        "counts": {name: getattr(row, name) for name in COUNTS},
    }


def _tell_of_connection(
    connection: Connection, row: Row[Any], failed_connection_id: str | None, now_ns: int
) -> None:
    known = names(connection, row.organisation_id)
    data = {
        "connection_id": failed_connection_id,
        "connection": known.get(failed_connection_id or "", ""),
        "pair_id": row.pair_id,
        "migration_id": row.migration_id,
        "run_id": row.id,
        "code": row.code,
        "message": row.message,
    }
    put_event(connection, row.organisation_id, Event.CONNECTION_FAILED, data, now_ns)


def tell_of_start(connection: Connection, row: Row[Any], now_ns: int) -> None:
    """Put it into the outbox that a run has started."""
    data = {
        "run_id": row.id,
        "pair_id": row.pair_id,
        "migration_id": row.migration_id,
        "migration_run_id": row.migration_run_id,
        "mode": row.mode,
        "trigger": row.trigger,
        "attempt": row.attempt,
    }
    put_event(connection, row.organisation_id, Event.RUN_STARTED, data, now_ns)


def _close(connection: Connection, migration_run_id: str, pairs: int, now_ns: int) -> None:
    """Count pairs of a migration run as ended, and tell about it when they were the last."""
    left = connection.execute(
        update(migration_runs)
        .where(migration_runs.c.id == migration_run_id)
        .values(open_pairs=migration_runs.c.open_pairs - pairs)
        .returning(migration_runs.c.open_pairs)
    ).scalar_one()
    if left > 0:
        return
    run = connection.execute(
        update(migration_runs)
        .where(migration_runs.c.id == migration_run_id)
        .values(ended_ns=now_ns)
        .returning(migration_runs)
    ).one()
    migration = connection.execute(select(migrations).where(migrations.c.id == run.migration_id)).one()
    outcome = _outcome(connection, migration_run_id)
    copied = _sums(connection, migration_run_id, "files_copied", "bytes_copied")
    data = {
        "migration_id": run.migration_id,
        "migration": migration.name,
        "migration_run_id": run.id,
        "mode": run.mode,
        "trigger": run.trigger,
        "pairs": run.pairs,
        "pairs_by_status": {status.word: count for status, count in outcome.items()},
        "files_copied": copied[0],
        "bytes_copied": copied[1],
    }
    put_event(connection, run.organisation_id, Event.MIGRATION_ENDED, data, now_ns)
    rule = MailRule(migration.mail)
    bad = outcome[Status.FAILED] + outcome[Status.SOME_PROBLEMS]
    if rule is MailRule.COMPLETION or (rule is MailRule.ERRORS and bad):
        people = msgspec.json.decode(migration.mail_to, type=list[str])
        compares = run.mode == RunMode.VERIFY.value  # and copies nothing
        told = _sums(connection, migration_run_id, "files_seen", "bytes_seen") if compares else copied
        put_mails(
            connection,
            run.organisation_id,
            people,
            *_mail(migration, run, outcome, *told, now_ns),
            now_ns,
        )


def _outcome(connection: Connection, migration_run_id: str) -> Counter[Status]:
    """How many pairs ended in each status, counting the last run of each."""
    later = pair_runs.alias("later")
    is_last = ~exists().where(
        later.c.migration_run_id == migration_run_id,
        later.c.pair_id == _r.pair_id,
        later.c.id > _r.id,
        later.c.code != RunCode.ALREADY_RUNNING.value,
    )
    counted = (_r.migration_run_id == migration_run_id, _r.code != RunCode.ALREADY_RUNNING.value)
    outcome: Counter[Status] = Counter()
    for row in connection.execute(
        select(_r.code, func.count().label("number")).where(*counted, is_last).group_by(_r.code)
    ):
        outcome[status_of(RunState.ENDED, row.code)] += row.number
    return outcome


def _sums(connection: Connection, migration_run_id: str, files: str, volume: str) -> tuple[int, int]:
    """Add up two counts of all runs; one that another one of the start went on with is counted in that one."""
    later = pair_runs.alias("later")
    gone_on_with = exists().where(
        later.c.migration_run_id == migration_run_id,
        later.c.ledger_run_id == _r.ledger_run_id,
        later.c.id > _r.id,
    )
    sums = connection.execute(
        select(func.coalesce(func.sum(_r[files]), 0), func.coalesce(func.sum(_r[volume]), 0)).where(
            _r.migration_run_id == migration_run_id, ~gone_on_with
        )
    ).one()
    return int(sums[0]), int(sums[1])


def _mail(
    migration: Row[Any], run: Row[Any], outcome: Counter[Status], copied: int, volume: int, now_ns: int
) -> tuple[str, list[str]]:
    """Subject and paragraphs of the one mail about a migration run."""
    bad = outcome[Status.FAILED] + outcome[Status.SOME_PROBLEMS]
    how = f"{bad} of {run.pairs} pairs have problems" if bad else "everything ended well"
    subject = (
        f"{migration.name}: {how}" if bad or not outcome[Status.CANCELED] else f"{migration.name}: canceled"
    )
    took = timedelta(seconds=max(0, now_ns - run.started_ns) // _S)
    told = ", ".join(f"{count} {status.word}" for status, count in outcome.most_common())
    verb = {"copy": "Copied", "scan": "Seen as to be copied", "verify": "Compared"}[run.mode]
    paragraphs = [
        f"The {run.mode} of {run.pairs} pairs of the migration {migration.name!r} has ended after {took}.",
        f"Pairs: {told}.",
        f"{verb}: {copied:,} files, {volume:,} bytes.",
    ]
    if bad:
        paragraphs.append(
            "The error report of the migration says for each file what happened and what to do."
        )
    return subject, paragraphs


def end_waiting(connection: Connection, runs: Any, code: int, now_ns: int) -> int:
    """End runs that have no runner (a condition on `pair_runs`); returns how many."""
    waiting = and_(runs, _r.state.in_([RunState.QUEUED.value, RunState.PAUSED.value]))
    ended = list(
        connection.execute(
            update(pair_runs)
            .where(waiting)
            .values(
                state=RunState.ENDED.value,
                wish=Wish.CANCEL.value,
                code=code,
                message="",
                ended_ns=now_ns,
            )
            .returning(pair_runs)
        )
    )
    if ended:
        follow_up(connection, ended, now_ns)
    return len(ended)


def counts_values(counts: Any) -> dict[str, int]:
    """Columns of counts."""
    return {name: max(0, getattr(counts, name)) for name in COUNTS}
