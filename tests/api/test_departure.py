"""The end of an organisation, in every table that there is."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    String,
    Table,
    func,
    insert,
    select,
)
from tests.database_url import on_both

import mover.api.idempotency.tables
import mover.connections.tables
import mover.lawful.tables
import mover.ledger.tables
import mover.migrations.tables
import mover.notices.tables
import mover.staff.tables
import mover.vault.tables
from mover.accounts.departures import Departures
from mover.accounts.queries.organisations import mark_deleted
from mover.accounts.refusals import NoSuchThing
from mover.api.idempotency.queries import forget_organisation
from mover.database.base import metadata
from mover.database.database import Database
from mover.vault.providers import FileKeyProvider
from mover.vault.secret import Secret
from mover.vault.tables import person_keys
from mover.vault.vault import Vault
from mover.workplace.holders import expect_there
from mover.workplace.removers import REMOVERS

pytestmark = on_both

AUDIT = {table.name for table in metadata.sorted_tables if table.name.startswith("audit_")}
"""The audit log keeps a tombstone; tests/audit looks at it."""
OF_NOBODY = {
    "current_global_key",
    "sign_in_attempts",
    "staff_people",
    "staff_totp",
    "staff_sessions",
    "staff_keys",
}
"""Tables that know no organisation and none of its people: what strangers tried, which global key is in use, and the
installation's staff."""
OF_RUNNERS = {"runner_keys"}
"""Rows of these are made with those that refer to them, and stay: runners work for everybody."""

Rows = dict[str, list[dict[str, Any]]]

_numbers = itertools.count(1000)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def vault(database: Database, tmp_path: Path) -> Vault:
    return Vault(database, FileKeyProvider(tmp_path / "global.key"), expect_there=expect_there)


def _value(column: Column[Any]) -> Any:
    """Something that no other row has."""
    match column.type:
        case Boolean():
            return False
        case Integer():  # and BigInteger
            return next(_numbers)
        case JSON():
            return {}
        case LargeBinary():
            return token_hex(8).encode()
        case String(length=length):  # and Text
            return token_hex(8)[: length or 16]
        case other:
            raise AssertionError(other)


def _fill(connection: Connection, organisation_id: str) -> dict[str, Any]:
    """Put a row of an organisation into every table, each referring to those before it; returns their keys."""
    keys: dict[str, Any] = {}
    for table in metadata.sorted_tables:
        if table.name in OF_NOBODY | AUDIT:
            continue
        if table.name == "person_keys":
            _put(connection, table, keys, {"person": f"person:{keys['people']}"})
        _put(connection, table, keys, _owned(table, organisation_id, keys))
    return keys


def _owned(table: Table, organisation_id: str, keys: dict[str, Any]) -> dict[str, Any]:
    """What says whose a row is."""
    if table.name == "organisations":
        return {"id": organisation_id}
    if table.name == "pairs":
        return {"source": keys["connections"], "destination": keys["connections"]}
    owned = {
        column.name: keys["connections"] for column in table.columns if column.name.endswith("connection_id")
    }
    owned["organisation_id"] = organisation_id
    owned["person"] = f"organisation:{organisation_id}"
    owned["person_id"] = keys.get("people")
    return {name: value for name, value in owned.items() if name in table.columns}


def _put(connection: Connection, table: Table, keys: dict[str, Any], given: dict[str, Any]) -> None:
    row = {**given}
    for column in table.columns:
        if column.name in row:
            continue
        counts_itself = (
            column.primary_key and isinstance(column.type, Integer) and len(table.primary_key.columns) == 1
        )
        if column.foreign_keys:
            (reference,) = column.foreign_keys
            row[column.name] = keys[reference.column.table.name]
        elif not column.nullable and not counts_itself:
            row[column.name] = _value(column)
    made = connection.execute(insert(table).values(row)).inserted_primary_key
    assert made is not None
    keys[table.name] = made[0]


def _all(connection: Connection) -> Rows:
    return {
        table.name: sorted((dict(row) for row in connection.execute(select(table)).mappings()), key=repr)
        for table in metadata.sorted_tables
        if table.name not in AUDIT
    }


@pytest.mark.promise("P2")
async def test_of_a_deleted_organisation_no_table_has_a_row_and_others_keep_theirs(
    database: Database, vault: Vault
) -> None:
    await database.write(lambda c: _fill(c, "other") and None)
    before = await database.read(_all)
    await database.write(lambda c: _fill(c, "gone") and None)
    together = await database.read(_all)
    assert {name for name, rows in together.items() if len(rows) == len(before[name])} == OF_NOBODY
    departures = Departures(database, vault, removers=(forget_organisation, *REMOVERS))

    await vault.destroy_person("organisation:gone", along=lambda c: mark_deleted(c, "gone", 1))
    rounds = 0
    while await departures.remove_deleted(limit=2):
        rounds += 1

    assert rounds > 10  # in small steps
    after = await database.read(_all)
    assert {name: rows for name, rows in after.items() if name not in OF_RUNNERS} == {
        name: rows for name, rows in before.items() if name not in OF_RUNNERS
    }


async def test_runs_of_local_folders_go_and_those_of_others_between_the_same_stay(
    database: Database, vault: Vault
) -> None:
    """Such pairs are no connection's in the ledger: two organisations may share one."""
    ledger = mover.ledger.tables
    runs = mover.migrations.tables.pair_runs

    def fill(connection: Connection) -> list[Any]:
        made = [_fill(connection, name) for name in ("other", "gone")]
        for keys in made:
            shared = {"pair_id": made[0]["pairs"]}
            connection.execute(
                ledger.runs.update().where(ledger.runs.c.id == keys["runs"]).values(**shared)
            ).close()
        connection.execute(
            ledger.pairs.update()
            .where(ledger.pairs.c.id == made[0]["pairs"])
            .values(source="file", destination="file")
        ).close()
        return [keys["runs"] for keys in made]

    kept, _ = await database.write(fill)
    departures = Departures(database, vault, removers=(forget_organisation, *REMOVERS))
    await vault.destroy_person("organisation:gone", along=lambda c: mark_deleted(c, "gone", 1))
    while await departures.remove_deleted(limit=3):
        pass

    left = await database.read(lambda c: list(c.scalars(select(ledger.runs.c.id))))
    assert left == [kept]
    assert await database.read(lambda c: list(c.scalars(select(runs.c.ledger_run_id)))) == [kept]
    assert await database.read(lambda c: c.scalar(select(func.count()).select_from(ledger.items))) == 1


@pytest.mark.parametrize("rows_are_gone", [False, True])
async def test_who_stores_a_secret_too_late_makes_no_key(
    database: Database,
    vault: Vault,
    rows_are_gone: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    await database.write(lambda c: _fill(c, "gone") and None)
    await vault.destroy_person("organisation:gone", along=lambda c: mark_deleted(c, "gone", 1))
    while rows_are_gone and await Departures(database, vault, removers=REMOVERS).remove_deleted():
        pass

    with pytest.raises(NoSuchThing):
        await vault.store("organisation:gone", "connection:1", "password", Secret("x"))

    query = select(func.count()).select_from(person_keys).where(person_keys.c.person == "organisation:gone")
    assert await database.read(lambda c: c.scalar(query)) == 0
