from __future__ import annotations

import asyncio
from pathlib import Path
from secrets import token_hex
from types import SimpleNamespace

import pytest
from sqlalchemy import insert, select
from tests.runner.stage import filled

from mover.accounts.tables import passkeys
from mover.cli import people
from mover.cli.workplace import workplace
from mover.serving.first_owner import first_owner

pytestmark = pytest.mark.slow

OWNER = "ann@example.org"
RESET = ("people", "reset-second-factor")


@pytest.fixture
def furnished(home: Path) -> Path:
    """An owner who has a passkey."""

    async def furnish() -> None:
        async with workplace() as place:
            founded = await first_owner(place, OWNER)
            assert founded
            row = filled(
                passkeys,
                id=token_hex(16),
                person_id=founded.owner.id,
                credential_id="c",
                transports="[]",
                public_key=b"k",
            )
            await place.database.write(lambda connection: connection.execute(insert(passkeys), row))

    asyncio.run(furnish())
    return home


def left() -> int:
    async def count() -> int:
        async with workplace() as place:
            return len(await place.database.read(lambda c: c.execute(select(passkeys.c.id)).all()))

    return asyncio.run(count())


@pytest.mark.usefixtures("furnished")
def test_a_lost_passkey_is_removed_and_the_command_says_so(mover):
    listed = mover("people", "list")
    assert (listed.code, listed.out.split("  ")[0]) == (0, OWNER)
    assert "passkey" in listed.out

    said = mover(*RESET, OWNER, "--yes")

    assert said.code == 0
    assert "Removed of ann@example.org: 1 passkey; 0 sessions ended." in said.out
    assert "audit log of My organisation" in said.out
    assert left() == 0
    assert "Nothing was changed" in mover(*RESET, OWNER, "--yes").out
    assert mover("people", "list", "--json").json["second_factors"] == []


@pytest.mark.usefixtures("furnished")
def test_for_machines_it_is_an_object(mover):
    said = mover(*RESET, OWNER, "--yes", "--json").json

    assert (said["email"], said["passkeys"], said["organisations"]) == (OWNER, 1, ["My organisation"])


@pytest.mark.usefixtures("furnished")
def test_without_a_terminal_it_has_to_be_meant(mover):
    said = mover(*RESET, OWNER)

    assert said.code == 2
    assert "--yes" in said.err
    assert left() == 1


@pytest.mark.usefixtures("furnished")
@pytest.mark.parametrize("answer", [True, False])
def test_on_a_terminal_it_asks(mover, monkeypatch, answer):
    terminal = SimpleNamespace(isatty=lambda: True)
    asked = []
    monkeypatch.setattr(people, "sys", SimpleNamespace(stdin=terminal, stderr=terminal))

    def confirm(text, **_):
        asked.append(text)
        return answer

    monkeypatch.setattr("typer.confirm", confirm)

    assert mover(*RESET, OWNER).code == 0

    assert asked == [f"Remove all second factors of {OWNER} and end their sessions?"]
    assert left() == (0 if answer else 1)


@pytest.mark.usefixtures("furnished")
def test_nobody_is_an_error(mover):
    said = mover(*RESET, "eve@example.org", "--yes")

    assert said.code == 2
    assert "nobody here has the mail address 'eve@example.org'" in said.err
