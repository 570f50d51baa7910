"""Small files that are read at once: one archive of their folder, and whatever is not in it as it should be on its own."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Mapping, Sequence

import pytest
from simulators.accounts import Person
from simulators.dropbox.service import Dropbox
from simulators.faults import Answer, Corrupt, Drop
from simulators.front import RunningFront
from tests.connectors.dropbox.acts import MIB, calls_of, content, put_many, target
from tests.contract.acts import listed, read, ref_of, some_bytes

from mover.connectors.contract import Connector
from mover.connectors.dropbox.connector import DropboxBusinessConnector, DropboxConnector
from mover.connectors.dropbox.known_folders import HEAVIEST, LARGEST
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import Changed, NotFound, Throttled

pytestmark = pytest.mark.servers

ZIP, ALONE = "files/download_zip", "files/download"
FILES = {f"file {number}": some_bytes(1000 + number, number) for number in range(10)}
DOCS = "/Docs"


def _fill(dropbox: Dropbox, person: Person, folder: str = DOCS, files: Mapping[str, bytes] = FILES) -> None:
    for name, data in files.items():
        dropbox.put(person, f"{folder}/{name}", data)


async def _seen(connector: Connector, path: str = DOCS) -> list[tuple[EntryRef, Entry]]:
    """The files of a folder, listed with all below it."""
    folder = EntryRef(path, (await connector.look_up(path)).id)
    return await _below(connector, folder)


async def _below(connector: Connector, folder: EntryRef) -> list[tuple[EntryRef, Entry]]:
    found = []
    for entry in await listed(connector, folder):
        if entry.kind is EntryKind.FOLDER:
            found += await _below(connector, ref_of(folder, entry))
        else:
            found.append((ref_of(folder, entry), entry))
    return found


async def _read_all(
    connector: Connector, files: Sequence[tuple[EntryRef, Entry]]
) -> list[bytes | BaseException]:
    reads = (read(connector, ref, version=entry.version) for ref, entry in files)
    return await asyncio.gather(*reads, return_exceptions=True)


def _contents(files: Sequence[tuple[EntryRef, Entry]]) -> list[bytes]:
    return [FILES[entry.name] for _, entry in files]


@pytest.fixture
async def files(
    simulators: RunningFront, dropbox: Dropbox, alice: Person, connector: DropboxConnector
) -> list[tuple[EntryRef, Entry]]:
    """Files as a listing has just told of them."""
    _fill(dropbox, alice)
    found = await _seen(connector)
    calls_of(simulators)
    return found


async def test_a_folder_whose_files_are_wanted_costs_one_call(
    simulators: RunningFront, connector: DropboxConnector, files: list[tuple[EntryRef, Entry]]
) -> None:
    assert await _read_all(connector, files) == _contents(files)
    assert calls_of(simulators) == {ZIP: 1}
    assert await _read_all(connector, files[:3]) == _contents(files)[:3]
    assert calls_of(simulators) == {ALONE: 3}  # each is offered once


async def test_a_large_folder_that_is_read_a_few_at_a_time_costs_a_call_or_two(
    simulators: RunningFront, dropbox: Dropbox, alice: Person, connector: DropboxConnector
) -> None:
    many = {f"file {number}": some_bytes(500, number) for number in range(400)}
    _fill(dropbox, alice, files=many)
    found = await _seen(connector)
    calls_of(simulators)
    for start in range(0, 400, 8):
        some = found[start : start + 8]
        assert await _read_all(connector, some) == [many[entry.name] for _, entry in some]
    assert calls_of(simulators) == {ZIP: 1}


async def test_small_folders_below_come_with_the_one_above(
    simulators: RunningFront, dropbox: Dropbox, alice: Person, connector: DropboxConnector
) -> None:
    for folder in ("/Docs", "/Docs/a", "/Docs/b/c"):
        _fill(dropbox, alice, folder)
    found = await _seen(connector)
    calls_of(simulators)
    assert await _read_all(connector, found) == _contents(found)
    assert calls_of(simulators) == {ZIP: 1}


async def test_what_few_are_wanted_of_is_read_on_its_own(
    simulators: RunningFront, dropbox: Dropbox, alice: Person, connector: DropboxConnector
) -> None:
    _fill(dropbox, alice, files={f"file {number}": some_bytes(20_000, number) for number in range(100)})
    found = (await _seen(connector))[::10]
    calls_of(simulators)
    await _read_all(connector, found)
    assert calls_of(simulators) == {ALONE: 10}


@pytest.mark.parametrize(
    "beside",
    [
        {"sub/large": bytes(HEAVIEST)},
        {"large": bytes(LARGEST + 1)},
        {f"sub/{number}": b"" for number in range(2000)},
    ],
)
async def test_a_folder_with_much_else_below_it_is_read_file_by_file(
    simulators: RunningFront,
    dropbox: Dropbox,
    alice: Person,
    connector: DropboxConnector,
    beside: Mapping[str, bytes],
) -> None:
    _fill(dropbox, alice, files={**beside, **FILES})
    found = [file for file in await _seen(connector) if file[1].name in FILES]
    calls_of(simulators)
    assert await _read_all(connector, found) == _contents(found)
    assert calls_of(simulators) == {ALONE: 10}


async def test_a_folder_that_is_not_known_to_the_bottom_is_read_file_by_file(
    simulators: RunningFront, dropbox: Dropbox, alice: Person, connector: DropboxConnector
) -> None:
    _fill(dropbox, alice)
    dropbox.put(alice, "/Docs/sub/unseen", b"x")
    folder = EntryRef(DOCS, (await connector.look_up(DOCS)).id)
    listing = await listed(connector, folder)
    found = [(ref_of(folder, entry), entry) for entry in listing if entry.kind is EntryKind.FILE]
    calls_of(simulators)
    assert await _read_all(connector, found) == _contents(found)
    assert calls_of(simulators) == {ALONE: 10}


async def test_what_is_not_in_the_archive_as_it_was_listed_tells_why_when_it_is_read_on_its_own(
    simulators: RunningFront,
    dropbox: Dropbox,
    alice: Person,
    connector: DropboxConnector,
    files: list[tuple[EntryRef, Entry]],
) -> None:
    place, changed = next(file for file in files if file[1].name == "file 3")
    docs = EntryRef(DOCS, (await connector.look_up(DOCS)).id)
    await connector.upload(target(docs, place.name, replaces=changed), content(b"new"))
    calls_of(simulators)
    drive = dropbox.homes[alice.id].drive
    gone = drive.at("/Docs/file 4")
    assert gone is not None
    drive.remove(gone)
    dropbox.faults.switch("zip skips a file", 1)
    found = dict(zip([entry.name for _, entry in files], await _read_all(connector, files), strict=True))
    assert calls_of(simulators) == {ZIP: 1, ALONE: 3}
    wrong = {name for name, came in found.items() if came != FILES[name]}
    assert wrong == {"file 3", "file 4"}
    assert (type(found["file 3"]), type(found["file 4"])) == (Changed, NotFound)


def _zip(**contents: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "fault",
    [
        Answer(
            409,
            {"Content-Type": "application/json"},
            b'{"error_summary": "too_large/", "error": {".tag": "too_large"}}',
        ),
        Answer(
            409,
            {"Content-Type": "application/json"},
            b'{"error": {".tag": "path", "path": {".tag": "restricted_content"}}}',
        ),
        Answer(500, {}, b""),
        Answer(200, {}, b"no archive"),
        Answer(200, {}, bytes(8 * MIB)),
        Answer(200, {}, _zip(**{"../file 0": bytes(1000), "file 1": FILES["file 2"][:1001]})),
        Drop(after=500),
        Corrupt(at=400),
    ],
)
async def test_without_an_archive_that_can_be_read_each_is_read_on_its_own(
    simulators: RunningFront,
    dropbox: Dropbox,
    connector: DropboxConnector,
    files: list[tuple[EntryRef, Entry]],
    fault: Answer | Corrupt | Drop,
) -> None:
    dropbox.faults.add(fault, path="download_zip")
    assert await _read_all(connector, files) == _contents(files)
    assert calls_of(simulators)[ALONE] >= 1


async def test_an_account_that_gets_no_archives_is_asked_for_three(
    simulators: RunningFront, dropbox: Dropbox, alice: Person, connector: DropboxConnector
) -> None:
    dropbox.faults.switch("no zips")
    for number in range(5):
        _fill(dropbox, alice, f"/{number}")
    calls_of(simulators)
    for number in range(5):
        found = await _seen(connector, f"/{number}")
        assert await _read_all(connector, found) == _contents(found)
    assert calls_of(simulators)[ZIP] == 3


async def test_who_is_told_to_come_later_shares_an_archive_then_and_nobody_calls_before(
    simulators: RunningFront,
    dropbox: Dropbox,
    connector: DropboxConnector,
    files: list[tuple[EntryRef, Entry]],
) -> None:
    dropbox.faults.add(Answer(429, {"Retry-After": "2"}, b"too_many_requests/"), path="download_zip")
    refused = await _read_all(connector, files)
    assert {type(each) for each in refused} == {Throttled}
    assert {each.retry_after_s for each in refused if isinstance(each, Throttled)} == {2.0}
    again = await _read_all(connector, files)
    assert {type(each) for each in again} == {Throttled}
    assert calls_of(simulators) == {f"POST /2/{ZIP}": 1}  # what a fault answers has no name
    dropbox.clock.advance(3)
    assert await _read_all(connector, files) == _contents(files)
    assert calls_of(simulators) == {ZIP: 1}


async def test_who_is_cancelled_while_he_waits_keeps_nobody_from_his_file(
    simulators: RunningFront, connector: DropboxConnector, files: list[tuple[EntryRef, Entry]]
) -> None:
    reads = [asyncio.ensure_future(read(connector, ref, version=entry.version)) for ref, entry in files]
    for _ in range(20):
        await asyncio.sleep(0)
    reads[0].cancel()
    assert await asyncio.gather(*reads[1:]) == _contents(files)[1:]
    assert await _read_all(connector, files[:1]) == _contents(files)[:1]
    assert calls_of(simulators) == {ZIP: 1}


async def test_a_member_reads_archives_and_an_administrator_does_not(
    simulators: RunningFront, dropbox: Dropbox, business: DropboxBusinessConnector
) -> None:
    bob = next(person for person in dropbox.team_members if person.email == "bob@example.com")
    _fill(dropbox, bob)
    await put_many(business, EntryRef("/Projects"), FILES)
    for path, calls in (("/Users/bob@example.com/Docs", {ZIP: 1}), ("/Projects", {ALONE: len(FILES)})):
        found = await _seen(business, path)
        calls_of(simulators)
        assert await _read_all(business, found) == _contents(found)
        assert calls_of(simulators) == calls
