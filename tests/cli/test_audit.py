"""`mover audit`, and what `mover people` does about personal data."""

from __future__ import annotations

import asyncio
import json
import re
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import text

from mover.cli.workplace import workplace
from mover.serving.first_owner import first_owner

pytestmark = pytest.mark.slow

OWNER = "ann@example.org"


@pytest.fixture
def founded(home: Path, mover) -> Path:
    """An installation with an owner, and a sealed log."""

    async def furnish() -> None:
        async with workplace() as place:
            assert await first_owner(place, OWNER)

    asyncio.run(furnish())
    assert mover("audit", "seal").code == 0
    return home


def spoil(statement: str) -> None:
    async def work() -> None:
        async with workplace() as place:
            await place.database.write(lambda connection: connection.execute(text(statement)).close())

    asyncio.run(work())


@pytest.mark.promise("audit")
@pytest.mark.usefixtures("founded")
def test_the_database_is_verified_and_the_row_that_was_changed_is_named(mover):
    status = mover("audit", "status", "--json")
    key = json.loads(status.out)["public_key"]
    intact = mover("audit", "verify", "--key", key)
    spoil("UPDATE audit_events SET subject = 'organisation Another' WHERE action = 'organisation.founded'")

    found = mover("audit", "verify", "--key", key)
    told = json.loads(mover("audit", "verify", "--json").out)

    assert (status.code, intact.code, found.code) == (0, 0, 1)
    assert "the audit log is as it was sealed: 2 events in 2 chains" in intact.out
    assert "public key" not in intact.out
    assert re.search(r"event 1 \(row \d+\): it or the one before was changed, moved or put in", found.err)
    assert (told["intact"], told["problems"][0]["number"], told["key_was_given"]) == (False, 1, False)


@pytest.mark.promise("audit")
def test_a_file_is_verified_without_the_database(mover, founded: Path, tmp_path: Path):
    file = tmp_path / "audit.jsonl"
    exported = mover("audit", "export", "-o", str(file))
    again = mover("audit", "export", "-o", str(file))
    key = json.loads(mover("audit", "rotate-key", "--json").out)["public_key"]
    (founded / "mover.db").unlink(missing_ok=True)

    intact = mover("audit", "verify", str(file))
    by_another = mover("audit", "verify", str(file), "--key", key)
    file.write_bytes(file.read_bytes().replace(b"organisation.founded", b"organisation.changed"))
    changed = mover("audit", "verify", str(file))
    file.write_bytes(b"x")
    none = mover("audit", "verify", str(file))

    assert (exported.code, intact.code, by_another.code, changed.code, none.code) == (0, 0, 1, 1, 2)
    assert again.code == 2
    assert "which is not the one that was given" in by_another.err
    assert "hash is not right" in changed.err
    assert "this is no audit log that Mover exported" in none.err


@pytest.mark.promise("audit")
@pytest.mark.usefixtures("founded")
def test_what_was_copied_elsewhere_shows_an_end_that_was_cut_off(mover, tmp_path: Path):
    copies = tmp_path / "syslog"
    copies.write_text('<109>1 - host mover 1 x - {"organisation_id":"","number":9,"hash":"ff"}\n')

    found = mover("audit", "verify", "--copies", str(copies))

    assert found.code == 1
    assert "event 9 is known from a copy, and is not there" in found.err


@pytest.mark.parametrize(
    "arguments",
    [("--key", "short"), ("missing.jsonl",), ("--copies", "missing"), ("x", "--organisation", "y")],
)
def test_what_cannot_be_verified_is_said(mover, home: Path, arguments: tuple[str, ...]):  # noqa: ARG001 - a place of its own
    assert mover("audit", "verify", *arguments).code == 2


@pytest.mark.usefixtures("founded")
def test_what_is_late_is_told_by_the_exit_code(mover):
    spoil(
        "INSERT INTO audit_events (organisation_id, happened_ns, actor_kind, actor_id, actor_name, action, subject, details) "
        "VALUES ('', 1, 'system', '', 'x', 'x.y', 'z', '{}')"
    )

    late = mover("audit", "status")
    mover("audit", "seal")
    early = mover("audit", "status")

    assert (late.code, early.code) == (1, 0)
    assert "not sealed yet: 1 events" in late.out


@pytest.mark.promise("privacy")
@pytest.mark.usefixtures("founded")
def test_the_operator_exports_a_person_and_keeps_the_last_owner(mover, tmp_path: Path):
    file = tmp_path / "ann.zip"

    exported = mover("people", "export", OWNER, "-o", str(file))
    kept = mover("people", "delete", OWNER, "--yes")
    unsure = mover("people", "delete", OWNER)
    unknown = mover("people", "delete", "nobody@example.org", "--yes")

    assert exported.code == 0, exported.err
    assert "people.jsonl" in zipfile.ZipFile(file).namelist()
    assert (kept.code, unsure.code, unknown.code) == (2, 2, 2)
    assert "last owner" in kept.err
    assert OWNER in mover("people", "list").out
