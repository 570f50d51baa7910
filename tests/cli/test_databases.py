from __future__ import annotations

import pytest
from tests import database_url as databases
from tests.database_url import on_both, on_postgresql, on_sqlite

from mover.database.schema import revisions


@on_sqlite
def test_looking_at_a_database_that_is_not_there_makes_none(mover, home):
    said = mover("db", "check", "--json")
    assert (said.code, said.json["revision"], said.json["up_to_date"]) == (0, None, False)
    assert not (home / "mover.db").exists()
    assert mover("db", "upgrade", "--json").json["before"] is None
    assert mover("db", "check", "--json").json["up_to_date"]


@pytest.mark.usefixtures("database_kind")
@on_both[1]
def test_a_database_that_is_up_to_date_stays_as_it_is(mover, database_kind, database_url, monkeypatch):
    monkeypatch.setenv("MOVER_DATABASE_URL", databases.as_administrator(database_url))
    mover("db", "upgrade")
    said = mover("db", "upgrade", "--json")
    assert (said.code, said.json["before"], said.json["revision"]) == (0, revisions()[-1], revisions()[-1])
    assert "is up to date" in mover("db", "upgrade").out
    checked = mover("db", "check")
    assert checked.code == 0
    assert {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[database_kind] in checked.out
    assert revisions()[-1] in checked.out


@on_postgresql
@pytest.mark.usefixtures("database_kind")
def test_an_empty_database_is_told_and_made_by_upgrade_alone(mover, monkeypatch):
    url = databases.empty().replace("ignored", "canary")
    monkeypatch.setenv("MOVER_DATABASE_URL", url)
    said = mover("db", "check")
    assert said.code == 2
    assert "mover db upgrade" in said.err
    refused = mover("runs", "--json")
    assert (refused.code, refused.json["error"]["reason"]) == (2, "configuration")
    made = mover("db", "upgrade")
    assert "was made" in made.out
    assert mover("runs").code == 0
    assert "canary" not in said.out + said.err + refused.err + made.out


@on_postgresql
@pytest.mark.usefixtures("database_kind")
def test_a_server_that_is_not_there_is_told_with_another_code_than_a_source(mover, monkeypatch):
    monkeypatch.setenv("MOVER_DATABASE_URL", "postgresql://mover:canary@127.0.0.1:1/mover")
    said = mover("copy", "./a", "./b", "--json")
    assert (said.code, said.json["code"], said.json["error"]["reason"]) == (2, 400, "unreachable")
    assert "canary" not in said.out + said.err
