"""`mover staff`: the operator makes the accounts, and sees each first password once."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from tests.cli.conftest import in_database

from mover.staff.tables import staff_keys, staff_people

pytestmark = [pytest.mark.slow, pytest.mark.promise("P9")]

_PASSWORD = re.compile(r"[a-z2-7]{8}-[a-z2-7]{8}-[a-z2-7]{8}")


def test_an_account_is_made_listed_reset_and_removed(mover, home: Path) -> None:
    empty = mover("staff", "list")
    assert "there is no staff" in empty.err

    made = mover("staff", "add", "Sam@Staff.Example", "Sam Sure")
    assert made.code == 0
    assert "sam@staff.example" in made.out
    (password,) = _PASSWORD.findall(made.out)
    listed = mover("staff", "list")
    assert listed.out.split("  ")[:2] == ["sam@staff.example", "Sam Sure"]
    assert "no second factor yet" in listed.out
    assert password not in listed.out + mover("staff", "list", "--json").out
    assert all(password.encode() not in file.read_bytes() for file in home.rglob("*") if file.is_file())

    twice = mover("staff", "add", "sam@staff.example", "Somebody")
    assert twice.code != 0
    assert "of the staff already" in twice.err
    assert mover("staff", "add", "no address", "Sam").code != 0

    anew = json.loads(mover("staff", "reset", "sam@staff.example", "--yes", "--json").out)
    assert anew["password"] != password
    assert anew["first_password"] is True

    removed = mover("staff", "remove", "sam@staff.example", "--yes")
    assert "Removed sam@staff.example" in removed.out
    for command in ("remove", "reset"):
        gone = mover("staff", command, "sam@staff.example", "--yes")
        assert gone.code != 0
        assert "nobody of the staff has" in gone.err


@pytest.mark.parametrize("command", ["remove", "reset"])
def test_without_a_terminal_to_ask_at_nothing_is_changed(mover, command: str) -> None:
    mover("staff", "add", "sam@staff.example", "Sam")
    refused = mover("staff", command, "sam@staff.example")
    assert refused.code != 0
    assert "no terminal to ask at" in refused.err
    assert "sam@staff.example" in mover("staff", "list").out


def test_keys_of_the_staff_are_listed_and_ended_by_the_operator(mover, home: Path) -> None:
    mover("staff", "add", "sam@staff.example", "Sam")
    assert "have no API keys" in mover("staff", "keys").err
    assert mover("staff", "keys", "--json").out == ""
    key_id = "5" * 32
    staff_id = in_database(home, lambda connection: connection.scalar(select(staff_people.c.id)))
    row = {
        "id": key_id,
        "staff_id": staff_id,
        "name": "watching",
        "networks": "[]",
        "secret_hash": "hash",
        "created_ns": 1,
        "expires_ns": 2**62,
        "arrival_ns": 0,
    }
    in_database(home, lambda connection: connection.execute(insert(staff_keys), row).close())

    listed = mover("staff", "keys").out
    assert [part.strip() for part in listed.split("  ")][:3] == [key_id, "sam@staff.example", "watching"]
    assert "never used" in listed
    assert "hash" not in listed + mover("staff", "keys", "--json").out

    assert "opens nothing any more" in mover("staff", "revoke-key", key_id).out
    assert "revoked" in mover("staff", "keys").out
    assert json.loads(mover("staff", "keys", "--json").out)["revoked_ns"] > 0
    nowhere = mover("staff", "revoke-key", "6" * 32)
    assert nowhere.code != 0
    assert "no such API key" in nowhere.err
    mover("staff", "remove", "sam@staff.example", "--yes")
    assert "have no API keys" in mover("staff", "keys").err
