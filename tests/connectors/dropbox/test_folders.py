"""Folders that many tasks want at once: few calls, to each what became of his, and jobs that are waited for."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from simulators.dropbox.service import Dropbox
from simulators.faults import Answer
from tests.connectors.dropbox.acts import listed, make_folder, put

from mover.connectors.dropbox.api import FilesApi
from mover.connectors.dropbox.calls import Who
from mover.connectors.dropbox.connector import DropboxBusinessConnector, DropboxConnector
from mover.connectors.dropbox.folders import Folders
from mover.entries import ROOT, EntryKind, EntryRef
from mover.errors import Conflict, NameRejected, ProtocolViolation, Throttled, TimedOut, Unsupported

pytestmark = pytest.mark.servers

NAMES = [f"folder {number}" for number in range(20)]
BATCH = "files/create_folder_batch"


async def _make(connector: DropboxConnector, names: list[str]) -> list[EntryRef | BaseException]:
    return await asyncio.gather(
        *(make_folder(connector, ROOT, name) for name in names), return_exceptions=True
    )


def _folders(connector: DropboxConnector, dropbox: Dropbox) -> Folders:
    """Folders that wait by the world's clock."""

    async def sleep(seconds: float) -> None:
        dropbox.clock.advance(seconds)

    return Folders(FilesApi(connector._caller), Who(), asyncio.Lock(), sleep=sleep)


async def test_many_folders_are_made_in_one_call(connector: DropboxConnector, dropbox: Dropbox) -> None:
    dropbox.tally.clear()
    made = await _make(connector, NAMES)
    assert dropbox.tally.calls == {BATCH: 1}
    there = await listed(connector, ROOT)
    assert [ref.id for ref in made if isinstance(ref, EntryRef)] == [there[name].id for name in NAMES]
    assert {entry.kind for entry in there.values()} == {EntryKind.FOLDER}


async def test_one_folder_is_made_by_the_call_for_one(connector: DropboxConnector, dropbox: Dropbox) -> None:
    dropbox.tally.clear()
    first, second = await _make(connector, ["same", "same"])
    assert first == second
    assert dropbox.tally.calls == {"files/create_folder_v2": 1}


async def test_each_is_told_what_became_of_his_folder(connector: DropboxConnector, dropbox: Dropbox) -> None:
    await put(connector, ROOT, "file")
    standing = await make_folder(connector, ROOT, "standing")
    dropbox.tally.clear()
    new, found, file, bad = await _make(connector, ["new", "standing", "file", "desktop.ini"])
    assert isinstance(new, EntryRef)
    assert found == standing
    assert isinstance(file, Conflict)
    assert file.path == "/file"
    assert isinstance(bad, NameRejected)
    assert bad.path == "/desktop.ini"
    assert dropbox.tally.calls == {BATCH: 1, "files/get_metadata": 2}


async def test_folders_of_a_team_folder_and_of_members_are_made_apart(
    business: DropboxBusinessConnector, dropbox: Dropbox
) -> None:
    places = [EntryRef("/Projects"), EntryRef("/Users/bob@example.com")]
    for place in places:
        await business.look_up(place.path)
    dropbox.tally.clear()
    made = [make_folder(business, place, name) for place in places for name in NAMES[:5]]
    await asyncio.gather(*made)
    assert dropbox.tally.calls[BATCH] == 2
    for place in places:
        assert set(NAMES[:5]) <= set(await listed(business, place))


async def test_a_job_is_waited_for(connector: DropboxConnector, dropbox: Dropbox) -> None:
    dropbox.limits = replace(dropbox.limits, folders_at_once=3, folder_job_s=1.0)
    folders = _folders(connector, dropbox)
    dropbox.tally.clear()
    made = await asyncio.gather(*(folders.make(f"/{name}") for name in NAMES))
    assert [each.name for each in made if not hasattr(each, "tags")] == NAMES
    assert dropbox.tally.calls == {BATCH: 1, f"{BATCH}/check": 4}


async def test_a_job_that_takes_minutes_is_given_up_and_its_folders_are_found_later(
    connector: DropboxConnector, dropbox: Dropbox
) -> None:
    dropbox.limits = replace(dropbox.limits, folders_at_once=1, folder_job_s=400.0)
    folders = _folders(connector, dropbox)
    for error in await asyncio.gather(folders.make("/a"), folders.make("/b"), return_exceptions=True):
        assert isinstance(error, TimedOut)
    dropbox.clock.advance(400)
    dropbox.limits = replace(dropbox.limits, folders_at_once=100)
    made = await _make(connector, ["a", "b"])
    assert [ref.name for ref in made if isinstance(ref, EntryRef)] == ["a", "b"]
    assert set(await listed(connector, ROOT)) == {"a", "b"}


async def test_a_job_that_failed_says_why(connector: DropboxConnector, dropbox: Dropbox) -> None:
    dropbox.limits = replace(dropbox.limits, folders_at_once=1)
    dropbox.faults.switch("too many folders", 1)
    for error in await _make(connector, ["a", "b"]):
        assert isinstance(error, Unsupported)


async def test_a_throttled_batch_has_done_nothing_and_the_next_one_is_a_batch_again(
    connector: DropboxConnector, dropbox: Dropbox
) -> None:
    slowly = {"error_summary": "too_many_requests/..", "error": {"reason": {".tag": "too_many_requests"}}}
    dropbox.faults.add(Answer(429, {"Retry-After": "3"}, json.dumps(slowly).encode()), path=BATCH)
    for error in await _make(connector, NAMES):
        assert isinstance(error, Throttled)
        assert error.in_turn
        assert error.did_nothing
        assert error.retry_after_s
    dropbox.clock.advance(3)
    dropbox.tally.clear()
    await _make(connector, NAMES)
    assert dropbox.tally.calls == {BATCH: 1}


async def test_a_tree_that_somebody_else_writes_to_is_tried_again(
    connector: DropboxConnector, dropbox: Dropbox
) -> None:
    dropbox.limits = replace(dropbox.limits, write_s=0.001, lock_patience_s=0.0)
    [home] = dropbox.homes.values()
    home.is_writing = True
    for error in await _make(connector, ["a", "b"]):
        assert isinstance(error, Throttled)
        assert error.in_turn
    home.is_writing = False
    assert all(isinstance(made, EntryRef) for made in await _make(connector, ["a", "b"]))


@pytest.mark.parametrize(
    "answer",
    [
        {".tag": "complete", "entries": []},
        {".tag": "complete", "entries": [{".tag": "success"}, {".tag": "success", "metadata": {"name": 1}}]},
        {".tag": "new"},
        {},
    ],
)
async def test_rubbish_instead_of_folders_is_noticed(
    connector: DropboxConnector, dropbox: Dropbox, answer: object
) -> None:
    headers = {"Content-Type": "application/json"}
    dropbox.faults.add(Answer(200, headers, json.dumps(answer).encode()), path=BATCH)
    for error in await _make(connector, ["a", "b"]):
        assert isinstance(error, ProtocolViolation)
