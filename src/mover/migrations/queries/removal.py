"""Removing all migrations of an organisation that was deleted, with what the ledger knows of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Table, delete, exists, select, union, update

from mover.accounts.actor import ActorKind
from mover.accounts.records import Person
from mover.connections.tables import connections
from mover.database.removal import Step, remove_in_order, step
from mover.ledger.queries.removal import steps_for
from mover.migrations.given.tables import given_boxes, given_keys
from mover.migrations.queries.connections import holder
from mover.migrations.states import RunCode, RunState
from mover.migrations.tables import (
    migration_pairs,
    migration_runs,
    migrations,
    pair_import_rows,
    pair_imports,
    pair_runs,
    run_samples,
    saved_views,
    schedules,
    signing_keys,
    user_map_changes,
    user_map_rows,
    user_maps,
)


def remove_organisation(connection: Connection, organisation_id: str, limit: int) -> int:
    """Remove at most `limit` rows of an organisation; returns how many. A `Remover` of the accounts.

    Runs that are under way are ended first: their runners find that they have lost them, and stop. The connections have
    to be there still: the ledger knows pairs by them.
    """
    under_way = (pair_runs.c.organisation_id == organisation_id, pair_runs.c.state != RunState.ENDED.value)
    connection.execute(
        update(pair_runs)
        .where(*under_way)
        .values(state=RunState.ENDED.value, code=RunCode.CANCELED.value, runner="")
    )
    return remove_in_order(connection, _steps(organisation_id), limit)


def forget_person(connection: Connection, person: Person, instead: str) -> None:
    """Remove a person's views; runs and changes of maps that they made say the pseudonym. A `PersonRemover`."""
    connection.execute(delete(saved_views).where(saved_views.c.person_id == person.id))
    connection.execute(
        update(user_map_changes)
        .where(
            user_map_changes.c.actor_kind == ActorKind.PERSON.value, user_map_changes.c.actor_id == person.id
        )
        .values(actor_name=instead)
    )
    connection.execute(
        update(migration_runs).where(migration_runs.c.started_by == person.email).values(started_by=instead)
    )


def _steps(organisation_id: str) -> Iterator[Step]:
    for keys in (given_keys, given_boxes):
        yield step(keys, keys.c.organisation_id == organisation_id)
    # Nothing new begins meanwhile.
    yield step(schedules, schedules.c.organisation_id == organisation_id)
    accounts = _accounts(organisation_id).subquery()
    own_runs = select(pair_runs.c.ledger_run_id).where(
        pair_runs.c.organisation_id == organisation_id, pair_runs.c.ledger_run_id.is_not(None)
    )
    yield from steps_for(select(accounts.c.id), own_runs)
    yield _below(run_samples, "pair_run_id", pair_runs, organisation_id)
    yield _below(pair_import_rows, "import_id", pair_imports, organisation_id)
    yield _below(user_map_rows, "map_id", user_maps, organisation_id)
    yield _below(user_map_changes, "map_id", user_maps, organisation_id)
    for table in (
        pair_runs,
        migration_runs,
        pair_imports,
        user_maps,
        saved_views,
        signing_keys,
        migration_pairs,
        migrations,
    ):
        yield step(table, table.c.organisation_id == organisation_id)


def _accounts(organisation_id: str) -> CompoundSelect[Any]:
    """The organisation's connections, and those that pairs still name after they were removed; nobody else's."""
    named = (migration_pairs.c.source_connection_id, migration_pairs.c.destination_connection_id)
    return union(
        select(connections.c.id).where(connections.c.person == holder(organisation_id)),
        *(
            select(column).where(
                migration_pairs.c.organisation_id == organisation_id,
                ~exists().where(connections.c.id == column, connections.c.person != holder(organisation_id)),
            )
            for column in named
        ),
    )


def _below(table: Table, reference: str, above: Table, organisation_id: str) -> Step:
    """Rows that belong to rows of the organisation."""
    ids = select(above.c.id).where(above.c.organisation_id == organisation_id).scalar_subquery()
    return step(table, table.c[reference].in_(ids))
