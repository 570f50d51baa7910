"""Single lines of metadata, for pages and programs of the staff. All raise NotFound for what is not there."""

from __future__ import annotations

from sqlalchemy import Connection

from mover.accounts.refusals import NoSuchThing
from mover.staff.metadata import Figures, MigrationLine, PairLine, RunLine
from mover.staff.queries import metadata as queries


def organisation(connection: Connection, organisation_id: str) -> Figures:
    """An organisation with figures, also one that is being deleted."""
    found = queries.figures(connection, organisation_id)
    if not found:
        raise NoSuchThing("there is no such organisation")
    return found[0]


def migration(connection: Connection, organisation_id: str, migration_id: str) -> MigrationLine:
    """A migration of an organisation."""
    found = queries.migrations_of(connection, organisation_id, migration_id)
    if not found:
        raise NoSuchThing("there is no such migration in this organisation")
    return found[0]


def pair(connection: Connection, organisation_id: str, pair_id: int) -> PairLine:
    """A pair of an organisation."""
    found = queries.pair(connection, organisation_id, pair_id)
    if found is None:
        raise NoSuchThing("there is no such pair in this organisation")
    return found


def run(connection: Connection, organisation_id: str, run_id: int) -> RunLine:
    """A run of an organisation."""
    found = queries.run(connection, organisation_id, run_id)
    if found is None:
        raise NoSuchThing("there is no such run in this organisation")
    return found
