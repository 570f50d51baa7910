"""Shortcuts made anew at a destination: to what was moved with them, once, and never in the place of another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from simulators.faults import Answer, LoseAnswer
from simulators.front import RunningFront
from simulators.google.state import SHORTCUT_TYPE, media_type
from simulators.nodes import Drive, Node
from tests.connectors.google.test_calls import Served
from tests.contract import google as people
from tests.contract.acts import listed, need, put
from tests.simulators.google.description import check, description
from tests.transfer.workbench import Workbench, workbench

from mover.connectors.contract import MakesShortcuts
from mover.entries import EntryRef
from mover.errors import Conflict, NotFound, Unsupported
from mover.ledger.states import Code, ItemState
from mover.transfer.shortcuts import ShortcutMaker
from mover.transfer.side import Side
from simulators.google import Google

pytestmark = pytest.mark.servers

ROOTS: dict[str, Any] = {"source_root": "/My Drive/from", "destination_root": "/My Drive/to"}
CREATES: dict[str, Any] = {"method": "POST", "path": "(?<!upload)/drive/v3/files\\?"}


def _link(drive: Drive, path: str, target: Node) -> Node:
    folder, _, name = path.rpartition("/")
    node = drive.add(drive.folder(folder), name)
    node.properties |= {
        "mimeType": SHORTCUT_TYPE,
        "shortcutDetails": {"targetId": target.id, "targetMimeType": media_type(target)},
    }
    return node


@pytest.fixture
def drive(simulators: RunningFront, google: Google) -> Drive:
    """Alice's drive: shortcuts to a file, to a folder, to what stays, to what is gone."""
    drive = google.drive_of(people.ALICE)

    def fill() -> None:
        file = google.state.add_file(drive, "/from/a/file", b"content")
        stays = google.state.add_file(drive, "/stays", b"content")
        gone = google.state.add_file(drive, "/gone", b"content")
        _link(drive, "/from/b/to file", file)
        _link(drive, "/from/b/to folder", drive.folder("/from/a"))
        _link(drive, "/from/b/to what stays", stays)
        _link(drive, "/from/b/to nothing", gone)
        drive.remove(gone)

    simulators.inside(fill)
    return drive


@pytest.fixture
async def bench(
    simulators: RunningFront,
    drive: Drive,  # noqa: ARG001 - is filled before
    tmp_path: Path,
) -> AsyncIterator[Workbench]:
    source: Any = Served(people.connects(simulators, "google", people.single(simulators)))
    values = people.single(simulators, make_shortcuts=True)
    destination: Any = Served(people.connects(simulators, "google", values))
    async with workbench(tmp_path, source, destination) as made:
        yield made


def _links(drive: Drive, folder: str = "/to/b") -> dict[str, str]:
    at = drive.at(folder)
    assert at is not None
    found = [node for node in drive.children(at) if media_type(node) == SHORTCUT_TYPE]
    assert len({node.name for node in found}) == len(found)
    return {node.name: node.properties["shortcutDetails"]["targetId"] for node in found}


async def test_shortcuts_point_to_what_was_moved_with_them(
    google: Google, drive: Drive, bench: Workbench
) -> None:
    google.tally.records = True
    result = await bench.run(**ROOTS)
    assert result.code is Code.UNSUPPORTED_NOT_MOVED
    file, folder = drive.at("/to/a/file"), drive.at("/to/a")
    assert file is not None
    assert folder is not None
    assert _links(drive) == {"to file": file.id, "to folder": folder.id}
    rows = await bench.rows(result.run)
    assert {path: row["state"] for path, row in rows.items() if row["kind"] == "shortcut"} == {
        "/b/to file": ItemState.CREATED,
        "/b/to folder": ItemState.CREATED,
        "/b/to what stays": ItemState.UNSUPPORTED,
        "/b/to nothing": ItemState.UNSUPPORTED,
    }
    stays = drive.at("/stays")
    assert stays is not None
    assert stays.id in rows["/b/to what stays"]["message"]
    if (found := description()) is None:
        pytest.skip("the exchanges are not checked, since Google's description is not here")
    assert check(found, google.tally.exchanges) > 10


async def test_a_re_run_makes_none_twice_whether_it_lists_the_folder_again_or_not(
    simulators: RunningFront, google: Google, drive: Drive, bench: Workbench
) -> None:
    await bench.run(**ROOTS)
    links = _links(drive)
    again = await bench.run(**ROOTS)
    assert (await bench.files(again.run))["/b/to file"] is ItemState.ALREADY_THERE
    assert again.totals.files_moved == 0
    google.tally.clear()
    await bench.run(**ROOTS)
    assert google.tally.calls["files.list"] == 2  # where the two roots are, by their paths
    simulators.inside(lambda: google.state.add_file(drive, "/from/b/new", b"new"))
    await bench.run(**ROOTS)
    await bench.run(**ROOTS, full=True)
    assert _links(drive) == links
    assert drive.at("/to/b/new") is not None


async def test_a_target_that_comes_later_is_found_by_the_run_that_brings_it(
    simulators: RunningFront, drive: Drive, bench: Workbench
) -> None:
    await bench.run(**ROOTS)

    def move() -> None:
        stays = drive.at("/stays")
        assert stays is not None
        drive.move(stays, drive.folder("/from/a"), "came")

    simulators.inside(move)
    await bench.run(**ROOTS)
    came = drive.at("/to/a/came")
    assert came is not None
    assert _links(drive)["to what stays"] == came.id


async def test_a_lost_answer_makes_one_and_a_refusal_is_told_and_tried_again(
    google: Google, drive: Drive, bench: Workbench
) -> None:
    await bench.run(**ROOTS)
    google.faults.add(LoseAnswer(), times=1, **CREATES)
    for name in ("to file", "to folder"):
        link = drive.at(f"/to/b/{name}")
        assert link is not None
        drive.remove(link)
    await bench.run(**ROOTS, full=True)
    assert set(_links(drive)) == {"to file", "to folder"}


async def test_what_google_refuses_fails_no_file(google: Google, drive: Drive, bench: Workbench) -> None:
    body = b'{"error": {"code": 403, "message": "no", "errors": [{"reason": "insufficientFilePermissions"}]}}'
    google.faults.add(Answer(403, {}, body), skip=3, times=9, **CREATES)  # after the folders
    result = await bench.run(**ROOTS)
    rows = await bench.rows(result.run)
    refused = rows["/b/to file"]
    assert (refused["state"], refused["reason"]) == (ItemState.UNSUPPORTED, "permission_denied")
    assert rows["/a/file"]["state"] == ItemState.COPIED
    google.faults.clear()
    await bench.run(**ROOTS)
    assert set(_links(drive)) == {"to file", "to folder"}


async def test_a_shortcut_of_somebody_that_points_elsewhere_is_left_alone(
    simulators: RunningFront, drive: Drive, bench: Workbench
) -> None:
    stays = drive.at("/stays")
    assert stays is not None
    simulators.inside(lambda: _link(drive, "/to/b/to file", stays))
    result = await bench.run(**ROOTS)
    row = (await bench.rows(result.run))["/b/to file"]
    assert (row["state"], row["reason"]) == (ItemState.UNSUPPORTED, "conflict")
    assert _links(drive)["to file"] == stays.id


async def test_none_is_made_unless_that_is_asked_for(
    simulators: RunningFront, drive: Drive, tmp_path: Path
) -> None:
    account: Any = Served(people.connects(simulators, "google", people.single(simulators)))
    async with workbench(tmp_path, account, account) as bench:
        await bench.run(**ROOTS)
    assert _links(drive) == {}


async def test_between_users_of_a_domain(simulators: RunningFront, google: Google, tmp_path: Path) -> None:
    bobs, carols = google.drive_of(people.BOB), google.drive_of(people.CAROL)

    def fill() -> None:
        file = google.state.add_file(bobs, "/file", b"content")
        _link(bobs, "/link", file)

    simulators.inside(fill)
    values = people.administrator(simulators, make_shortcuts=True)
    domain: Any = Served(people.connects(simulators, "google-admin", values))
    async with workbench(tmp_path, domain, domain) as bench:
        result = await bench.run(
            source_root=f"/Users/{people.BOB}", destination_root=f"/Users/{people.CAROL}"
        )
    assert result.code is Code.SUCCESS
    file = carols.at("/file")
    assert file is not None
    assert _links(carols, "/") == {"link": file.id}


async def test_a_drive_is_no_target_and_what_is_gone_is_not_found(
    simulators: RunningFront,
    google: Google,  # noqa: ARG001 - has the people
) -> None:
    connector = people.connects(simulators, "google", people.single(simulators, make_shortcuts=True))()
    await connector.sign_in()
    try:
        need(isinstance(connector, MakesShortcuts), "shortcuts")
        assert isinstance(connector, MakesShortcuts)
        mine = EntryRef("/My Drive", "root")
        with pytest.raises(Unsupported):
            await connector.make_shortcut(mine, "x", mine)
        with pytest.raises(NotFound):
            await connector.make_shortcut(mine, "x", EntryRef("/My Drive/gone", "1gone"))
        file = await put(connector, mine, "file", b"x")
        other = await put(connector, mine, "other", b"x")
        assert await connector.make_shortcut(mine, "x", EntryRef("/My Drive/file", file.id))
        assert not await connector.make_shortcut(mine, "x", EntryRef("/My Drive/file", file.id))
        assert (await connector.look_up("/My Drive/x")).version == file.id
        with pytest.raises(Conflict):
            await connector.make_shortcut(mine, "x", EntryRef("/My Drive/other", other.id))
        assert [entry.name for entry in await listed(connector, mine)].count("x") == 1
    finally:
        await connector.close()


async def test_a_pair_that_seals_names_makes_none() -> None:
    class Destination:
        makes_shortcuts = True

        async def make_shortcut(self, folder: EntryRef, name: str, target: EntryRef) -> bool:
            raise AssertionError((folder, name, target))

    class Ledger:
        async def shortcuts(self, limit: int, *, after_id: int) -> list[Any]:
            raise AssertionError((limit, after_id))

    assert isinstance(Destination(), MakesShortcuts)
    connector: Any = Destination()
    ledger: Any = Ledger()
    seals: Any = object()
    await ShortcutMaker(Side("to", "to", connector, "/", names=seals), ledger).run()
    with pytest.raises(AssertionError):
        await ShortcutMaker(Side("to", "to", connector, "/"), ledger).run()
