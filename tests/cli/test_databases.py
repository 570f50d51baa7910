from __future__ import annotations

import stat

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


@on_sqlite
def test_a_backup_is_a_database_of_its_own_for_its_owner_alone(mover, home, tmp_path):
    mover("db", "upgrade")
    copy = tmp_path / "copy.db"
    said = mover("db", "backup", copy, "--json")
    assert (said.code, said.json["size_bytes"]) == (0, copy.stat().st_size)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert not list(tmp_path.glob("copy.db-*"))  # one file is all of it
    (home / "mover.db").unlink()
    assert mover("db", "check", "--json").json["revision"] is None
    copy.rename(home / "mover.db")
    assert mover("db", "check", "--json").json["up_to_date"]


@on_sqlite
def test_a_backup_overwrites_nothing_and_of_nothing_there_is_none(mover, tmp_path):
    missing = mover("db", "backup", tmp_path / "copy.db")
    assert (missing.code, "there is no database" in missing.err) == (2, True)
    mover("db", "upgrade")
    (tmp_path / "copy.db").write_text("precious")
    refused = mover("db", "backup", tmp_path / "copy.db")
    assert (refused.code, "already" in refused.err) == (2, True)
    assert (tmp_path / "copy.db").read_text() == "precious"
    assert mover("db", "backup", tmp_path / "nowhere" / "copy.db").code == 2


@on_postgresql
@pytest.mark.usefixtures("database_kind")
def test_a_server_is_backed_up_by_its_own_means(mover, tmp_path, monkeypatch):
    monkeypatch.setenv("MOVER_DATABASE_URL", databases.empty())
    said = mover("db", "backup", tmp_path / "copy.db")
    assert (said.code, "pg_dump" in said.err) == (2, True)
    assert not (tmp_path / "copy.db").exists()
