"""`--permissions`: the map, the preview, what is said afterwards, and the reports."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.memory.directory import Directory
from tests.memory.service import MemoryService
from tests.transfer.workbench import signed_in

from mover.cli import moving
from mover.entries import AccessRole, GranteeKind
from mover.transfer.side import Side
from mover.workplace.sides import Sides

WRITE = AccessRole.WRITE


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> tuple[MemoryService, MemoryService]:
    """Two drives with people, behind whatever addresses are typed."""
    one, other = MemoryService(directory=Directory()), MemoryService(directory=Directory())
    one.add_file("/team/=plan.txt", b"plan")
    one.add_file("/team/secret.txt", b"secret")
    one.share("/team", "ann@example.org", WRITE)
    one.restrict("/team/secret.txt")

    @asynccontextmanager
    async def open_them(*_: object, **__: object) -> AsyncIterator[Sides]:
        async with signed_in(one) as source, signed_in(other) as destination:
            yield Sides(
                Side("old:/", "one", source, "/"),
                Side("new:/", "other", destination, "/"),
                None,
                None,
            )

    monkeypatch.setattr(moving, "open_sides", open_them)
    return one, other


def test_shares_go_through_a_map_and_stand_in_the_reports(mover, services, tmp_path: Path):
    _, other = services
    (tmp_path / "map.csv").write_text("Source User;Destination User\nANN@example.org;ben@example.org\n")
    said = mover("copy", "./a", "./b", "--permissions", "map.csv", "--report", "out")
    assert "permissions: 1 given" in said.out
    assert "1 permission needs a look" in said.out
    assert "would be wider" in said.out
    assert "--wider allow" in said.out
    assert said.code == 0
    assert other.shares("/team") == {(GranteeKind.PERSON, "ben@example.org"): WRITE}
    assert list(other.tree()) == ["/team/=plan.txt"]
    with (tmp_path / "out" / "permissions.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["path"], row["source"], row["destination"], row["outcome"]) for row in rows] == [
        ("/team", "ann@example.org", "ben@example.org", "given"),
        ("/team/secret.txt", "", "ben@example.org", "wider"),
    ]
    lines = [json.loads(line) for line in (tmp_path / "out" / "permissions.jsonl").read_text().splitlines()]
    assert lines[0]["source_role_as_the_service_calls_it"] == "memory write"
    assert "ben@example.org" in (tmp_path / "out" / "report.html").read_text()
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["permissions_by_state"] == {"given": 1, "wider": 1}
    assert summary["adds_up"]


def test_a_scan_shows_who_would_get_what_and_gives_nothing(mover, services):
    _, other = services
    said = mover("scan", "./a", "./b", "--permissions", "same")
    assert "ann@example.org" in said.out
    assert "would be given" in said.out
    assert other.calls["grant"] == 0
    found = mover("scan", "./a", "./b", "--permissions", "same", "--json").json
    assert {(line["state"], line["count"]) for line in found["permissions"]} == {("planned", 1), ("wider", 1)}


def test_what_is_asked_for_exactly_is_done(mover, services):
    one, other = services
    one.share_by_link("/team/=plan.txt")
    mover("copy", "./a", "./b", "--permissions", "same", "--wider", "allow", "--links")
    assert set(other.tree()) == {"/team/=plan.txt", "/team/secret.txt"}
    assert other.calls["grant"] == 2


def test_without_the_option_nothing_is_asked(mover, services):
    one, other = services
    mover("copy", "./a", "./b")
    assert one.calls["permissions_of"] == other.calls["permissions_of"] == 0
    assert set(other.tree()) == {"/team/=plan.txt", "/team/secret.txt"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        ("Source,Destination\na@b.cd,x@y.zz\n", "unknown column"),
        ("Source User,Destination User\n@old.org,ann@new.org\n", "line 2"),
        ("Source User,Destination User\na@b.cd,x@y.zz\nA@b.cd,x@y.zz\n", "stands in line 2 already"),
    ],
)
def test_map_that_cannot_be_understood_is_refused_before_anything_is_opened(
    mover, tmp_path: Path, content: str, said: str
):
    (tmp_path / "map.csv").write_text(content)
    result = mover("copy", "./nowhere", "./b", "--permissions", "map.csv")
    assert result.code == 2
    assert said in result.err
    assert not (tmp_path / "b").exists()


def test_map_that_is_not_there_and_options_without_permissions_are_refused(mover):
    assert "no.csv cannot be read" in mover("copy", "./a", "./b", "--permissions", "no.csv").err
    assert "add it" in mover("copy", "./a", "./b", "--external").err


def test_services_without_permissions_say_so(mover, tmp_path: Path):
    (tmp_path / "a").mkdir()
    said = mover("copy", "./a", "./b", "--permissions", "same")
    assert said.code == 0
    assert "permissions were left out: the source (local) has none to move" in said.out
