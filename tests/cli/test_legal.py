"""`mover legal`, from the question to the archive, as three people of the staff type it."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyrage  # type: ignore[import-untyped] # no stubs are published
import pytest
from tests.accounts.house import CHEAP
from tests.lawful.staff_people import Colleague, hire, let_codes_be_used_again

from mover.cli.legal import expiry
from mover.cli.workplace import workplace
from mover.errors import InvalidConfiguration
from mover.serving.first_owner import first_owner
from mover.staff.assembly import assemble

pytestmark = [pytest.mark.slow, pytest.mark.promise("P10")]

OWNER = "ann@example.org"
CASE = ("--case", "4 Js 17/26")
REASON = "Order of the district court of 3 May"


@pytest.fixture
def people(home: Path) -> list[Colleague]:  # noqa: ARG001 - sets the scene
    """Sam, Tess and Uma, of the staff of an installation with one organisation."""

    async def furnish() -> list[Colleague]:
        async with workplace() as place:
            assert await first_owner(place, OWNER)
            return await hire(place, "sam", "tess", "uma")

    return asyncio.run(furnish())


@pytest.fixture
def legal(mover, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Runs a command as somebody."""

    monkeypatch.setattr("mover.cli.legal.assemble", partial(assemble, cost=CHEAP))

    async def again() -> None:
        async with workplace() as place:
            await let_codes_be_used_again(place)

    def run(who: Colleague, *arguments: object):
        asyncio.run(again())
        for name, value in who.variables.items():
            monkeypatch.setenv(name, value)
        return mover("legal", *arguments, *who.words)

    return run


def asked(recipient: str, *more: str) -> tuple[str, ...]:
    organisation = ("--organisation", "My organisation")
    return (
        "ask",
        *CASE,
        "--reason",
        REASON,
        "--recipient",
        recipient,
        "--expires",
        "7d",
        *organisation,
        *more,
    )


def test_from_the_question_to_the_archive(people, legal, tmp_path: Path):
    sam, tess, uma = people
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    output = tmp_path / "export.tar.age"
    export = ("export", *CASE, "--output", output)

    said = legal(sam, *asked(recipient, "--person", OWNER, "--from", "2026-01-01"))
    assert (said.code, said.err) == (0, "")
    assert "4 Js 17/26  waits for 2 more to approve" in said.out
    assert f"recipients: {recipient}" in said.out

    said = legal(sam, "approve", *CASE, "--yes")
    assert said.code == 2
    assert "nobody approves what they asked for themselves" in said.err

    said = legal(tess, "approve", *CASE)
    assert said.code == 2
    assert "there is no terminal to ask at" in said.err
    assert legal(tess, "approve", *CASE, "--yes").code == 0
    said = legal(sam, *export)
    assert said.code == 2
    assert "waits for the approval of one other person" in said.err
    assert legal(uma, "approve", *CASE, "--yes").code == 0

    (listed,) = [json.loads(line) for line in legal(uma, "list", "--json").out.splitlines()]
    assert listed["approved_by"] == ["tess@staff.example", "uma@staff.example"]
    assert (listed["state"], listed["recipients"]) == ("approved", [recipient])

    assert legal(uma, *export).code == 2
    said = legal(sam, *export)
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[0] == "Nothing is held: no run in scope was under way."
    with tarfile.open(fileobj=io.BytesIO(pyrage.decrypt(output.read_bytes(), [identity]))) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
    assert manifest["asked"]["by"] == "sam@staff.example"
    assert manifest["held"]["nothing"]

    said = legal(sam, *export)
    assert said.code == 2
    assert "is there already" in said.err
    said = legal(tess, "disclose", *CASE, "--on", "2027-01-01")
    assert "disclosed: 2027-01-01T00:00:00+00:00" in said.out
    assert "refused" in legal(tess, "refuse", *CASE, "--why", "lifted").out
    said = legal(sam, *export[:-1], tmp_path / "again")
    assert said.code == 2
    assert "this request was refused" in said.err


def test_who_is_not_of_the_staff_learns_nothing(people, mover, legal, monkeypatch: pytest.MonkeyPatch):
    sam, tess, _ = people
    assert legal(sam, *asked(str(pyrage.x25519.Identity.generate().to_public()))).code == 0
    assert "--as is missing" in mover("legal", "list").err
    monkeypatch.setenv("WRONG", "wrong")
    wrong = ("--password", "@env:WRONG", "--code", "000000")
    for email in (sam.member.email, "nobody@staff.example", OWNER, "rubbish"):
        said = mover("legal", "list", "--as", email, *wrong)
        assert (said.code, said.out) == (2, "")
        assert "the address or the password is wrong" in said.err
    said = mover("legal", "list", *sam.words[:-1], tess.words[-1])
    assert (said.code, said.out) == (2, "")
    assert "that is not the code" in said.err


def test_rubbish_is_refused_in_words(people, legal):
    sam, _, _ = people
    key = pyrage.x25519.Identity.generate()
    good = str(key.to_public())
    for arguments, words in (
        (asked("age1rubbish"), "is no public key of age"),
        (asked(str(key)), "this is a private key"),
        (asked(good, "--person", "eve@example.net"), "no such person in this organisation"),
        (asked(good, "--connection", "nas"), "no such connection in this organisation"),
        (asked(good, "--pair", "12 OR 1=1"), "no such pair in this organisation"),
        (asked(good, "--from", "yesterday"), "--from: not a date"),
        (asked(good, "--from", "2026-02-01", "--until", "2026-01-01"), "the period ends before it begins"),
        (("approve", "--case", "another", "--yes"), "nobody asked for a lawful export of this case"),
        (("export", *CASE, "--output", "x", "--most", "much"), "not a size"),
    ):
        said = legal(sam, *arguments)
        assert said.code == 2, said
        assert words in said.err
        assert str(key) not in said.err + said.out
    assert legal(sam, "list").out == ""


def test_an_expiry_is_a_date_or_how_far_off_it_is():
    now = 1_800_000_000.0
    assert expiry("7d", now=lambda: now) == (1_800_000_000 + 7 * 86_400) * 10**9
    assert expiry("12 h", now=lambda: now) == (1_800_000_000 + 43_200) * 10**9
    assert expiry("2030-01-01") == 1_893_456_000 * 10**9
    with pytest.raises(InvalidConfiguration):
        expiry("soon")
