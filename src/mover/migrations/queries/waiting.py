"""Runs that wait for their keys: told to the outbox, and by mail once for all that were started together."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, exists, select, update

from mover.accounts.tables import memberships, people
from mover.migrations.records import MailRule
from mover.migrations.states import RunCode, RunState, Trigger
from mover.migrations.tables import migration_runs, migrations, pair_runs
from mover.notices.events import Event
from mover.notices.outbox import put_event, put_mails

_r = pair_runs.c


def tell_of_waiting(connection: Connection, row: Row[Any], message: str, now_ns: int) -> None:
    """Put it into the outbox that a run goes on only when somebody gives its key.

    Mail goes to who started it and to those whom the migration's mail goes to, unless another run of the same start waits
    for its key already: thousands of pairs are one mail. `row` is the run as it was before it waited.
    """
    data = {
        "run_id": row.id,
        "pair_id": row.pair_id,
        "migration_id": row.migration_id,
        "migration_run_id": row.migration_run_id,
        "code": RunCode.KEY_NEEDED.value,
        "message": message,
    }
    put_event(connection, row.organisation_id, Event.RUN_WAITS_FOR_KEY, data, now_ns)
    # Held until this transaction ends, so that of two runs which begin to wait at once the second sees the first.
    started = connection.execute(
        update(migration_runs)
        .where(migration_runs.c.id == row.migration_run_id)
        .values(open_pairs=migration_runs.c.open_pairs)
        .returning(migration_runs)
    ).one()
    if _others_wait(connection, row):
        return
    migration = connection.execute(select(migrations).where(migrations.c.id == row.migration_id)).one()
    wanted = MailRule(migration.mail) is not MailRule.NEVER
    told = msgspec.json.decode(migration.mail_to, type=list[str]) if wanted else []
    put_mails(
        connection,
        row.organisation_id,
        [*_who_started(connection, started), *told],
        f"{migration.name}: a run waits for its key",
        [
            f"A run of the migration {migration.name!r} goes on only when its key is given: {message}.",
            "What has been moved stays, and nothing is lost while it waits.",
            "The page below takes the key for all runs of this migration that wait for one.",
        ],
        now_ns,
        page=f"/migrations/{row.migration_id}/keys",
        page_label="Give the key",
    )


def _others_wait(connection: Connection, row: Row[Any]) -> bool:
    others = exists().where(
        _r.migration_run_id == row.migration_run_id,
        _r.id != row.id,
        _r.state == RunState.PAUSED.value,
        _r.code == RunCode.KEY_NEEDED.value,
    )
    return bool(connection.execute(select(others)).scalar_one())


def _who_started(connection: Connection, started: Row[Any]) -> list[str]:
    """The person who did it by hand, by the address that is kept; nobody for a schedule and for an API key."""
    if started.trigger != Trigger.BY_HAND.value:
        return []
    return list(
        connection.execute(
            select(people.c.id)
            .join(memberships, memberships.c.person_id == people.c.id)
            .where(
                people.c.email == started.started_by, memberships.c.organisation_id == started.organisation_id
            )
        ).scalars()
    )
