"""Small files that are read at once: one archive for all, and whatever is not in it as it should be on its own."""

from __future__ import annotations

import asyncio

import pytest
from simulators.blobs import Bytes
from simulators.faults import Answer, Corrupt
from simulators.front import RunningFront
from simulators.nodes import Drive
from tests.contract.acts import listed, read, ref_of, some_bytes
from tests.servers.box import ANN, BEN, enterprise, person

from mover.connectors.box import BoxConnector
from mover.connectors.box.together import LARGEST
from mover.connectors.contract import Connector
from mover.entries import ROOT, Entry, EntryRef
from mover.errors import Throttled
from simulators.box import Box

pytestmark = pytest.mark.servers

ASKED, FETCHED = "POST /2.0/zip_downloads", "GET /2.0/zip_downloads/{id}/content"
ALONE = "GET /2.0/files/{id}/content"
FILES = {f"file {number}": some_bytes(1000 + number, number) for number in range(10)}


def _fill(drive: Drive, folder: str = "/") -> None:
    for name, data in FILES.items():
        drive.add(drive.folder(folder), name, blob=Bytes(data))


async def _read_all(
    connector: Connector, folder: EntryRef, entries: list[Entry]
) -> list[bytes | BaseException]:
    reads = (read(connector, ref_of(folder, entry), version=entry.version) for entry in entries)
    return await asyncio.gather(*reads, return_exceptions=True)


@pytest.fixture
async def entries(box: Box, drive: Drive, connector: BoxConnector) -> list[Entry]:
    """Files as a listing has just told of them."""
    _fill(drive)
    found = await listed(connector, ROOT)
    box.tally.clear()
    return found


def _contents(entries: list[Entry]) -> list[bytes]:
    return [FILES[entry.name] for entry in entries]


async def test_files_that_are_wanted_at_once_cost_two_calls_together(
    box: Box, connector: BoxConnector, entries: list[Entry]
) -> None:
    assert await _read_all(connector, ROOT, entries) == _contents(entries)
    assert box.tally.calls == {ASKED: 1, FETCHED: 1}
    assert box.zips.at_once.total() == 0


async def test_no_token_goes_to_where_the_archive_is(
    box: Box, connector: BoxConnector, entries: list[Entry]
) -> None:
    box.tally.records = True
    await _read_all(connector, ROOT, entries)
    asked, fetched = box.tally.exchanges
    assert (asked.host, fetched.host) == ("api.box.com", "dl.boxcloud.com")
    assert "authorization" not in dict(fetched.headers)


async def test_a_file_alone_a_second_time_a_part_and_a_large_one_are_read_on_their_own(
    box: Box, drive: Drive, connector: BoxConnector
) -> None:
    _fill(drive)
    drive.add(drive.root, "large", blob=Bytes(bytes(LARGEST + 1)))
    drive.add(drive.root, "empty", blob=Bytes(b""))
    by_name = {entry.name: entry for entry in await listed(connector, ROOT)}
    box.tally.clear()
    first = by_name["file 0"]
    for _ in range(2):
        assert await _read_all(connector, ROOT, [first]) == [FILES["file 0"]]
    part = read(connector, ref_of(ROOT, by_name["file 1"]), offset=10, length=20)
    others = _read_all(connector, ROOT, [by_name["large"], by_name["empty"]])
    some, all_of_others = await asyncio.gather(part, others)
    assert some == FILES["file 1"][10:30]
    assert all_of_others == [bytes(LARGEST + 1), b""]
    assert box.tally.calls[ASKED] == 0
    assert box.tally.calls[ALONE] == 5


async def test_files_of_one_name_and_of_one_content_are_told_apart(
    box: Box, drive: Drive, connector: BoxConnector
) -> None:
    for path, data in (("/a", b"one"), ("/b", b"two"), ("/c", b"one")):
        drive.add(drive.folder(path), "same.txt", blob=Bytes(data))
    reads = []
    for folder in sorted(await listed(connector, ROOT), key=lambda entry: entry.name):
        ref = ref_of(ROOT, folder)
        [entry] = await listed(connector, ref)
        reads.append(read(connector, ref_of(ref, entry), version=entry.version))
    box.tally.clear()
    assert await asyncio.gather(*reads) == [b"one", b"two", b"one"]
    assert box.tally.calls == {ASKED: 1, FETCHED: 1}


async def test_what_changed_since_it_was_listed_is_read_as_the_version_that_was_listed(
    box: Box, drive: Drive, connector: BoxConnector, entries: list[Entry]
) -> None:
    node = drive.at("/file 3")
    assert node is not None
    drive.put(node, Bytes(b"new"))
    assert await _read_all(connector, ROOT, entries) == _contents(entries)
    assert box.tally.calls[ALONE] == 1


async def test_what_is_left_out_of_the_archive_tells_why_when_it_is_read_on_its_own(
    box: Box, drive: Drive, connector: BoxConnector, entries: list[Entry]
) -> None:
    node = drive.at("/file 3")
    assert node is not None
    node.properties["lock"] = {"is_download_prevented": True, "created_by": {"id": person(box, BEN).id}}
    found = await _read_all(connector, ROOT, entries)
    strange = [entry.name for entry, each in zip(entries, found, strict=True) if isinstance(each, Exception)]
    assert strange == ["file 3"]
    assert (box.tally.calls[ASKED], box.tally.calls[ALONE]) == (1, 1)


async def test_a_file_that_is_gone_keeps_no_other_from_being_read(
    drive: Drive, connector: BoxConnector, entries: list[Entry]
) -> None:
    node = drive.at("/file 3")
    assert node is not None
    drive.remove(node)
    found = await _read_all(connector, ROOT, entries)
    wrong = {entry.name for entry, each in zip(entries, found, strict=True) if each != FILES[entry.name]}
    assert wrong == {"file 3"}


@pytest.mark.parametrize(
    "fault",
    [
        Answer(429, {}, b""),
        Answer(404, {}, b""),
        Answer(200, {}, b"no archive"),
        Answer(200, {}, bytes(8 * 1024 * 1024)),
        Corrupt(),
    ],
)
async def test_without_an_archive_that_can_be_read_each_is_read_on_its_own(
    box: Box, connector: BoxConnector, entries: list[Entry], fault: Answer | Corrupt
) -> None:
    box.faults.add(fault, path=r"zip_downloads/.*/content")
    assert await _read_all(connector, ROOT, entries) == _contents(entries)
    assert box.tally.calls[ALONE] >= 1


async def test_an_account_that_gets_no_archives_is_asked_for_three(
    box: Box, drive: Drive, connector: BoxConnector
) -> None:
    box.faults.switch("no zips")
    for number in range(5):
        _fill(drive, f"/{number}")
    box.tally.clear()
    for folder in await listed(connector, ROOT):
        ref = ref_of(ROOT, folder)
        entries = await listed(connector, ref)
        assert await _read_all(connector, ref, entries) == _contents(entries)
    assert box.tally.calls[ASKED] == 3


async def test_who_is_told_to_come_later_shares_an_archive_then(
    box: Box, connector: BoxConnector, entries: list[Entry]
) -> None:
    box.faults.add(Answer(429, {"Retry-After": "0"}, b""), path="zip_downloads$")
    assert all(isinstance(each, Throttled) for each in await _read_all(connector, ROOT, entries))
    box.tally.clear()
    assert await _read_all(connector, ROOT, entries) == _contents(entries)
    assert box.tally.calls == {ASKED: 1, FETCHED: 1}


async def test_where_all_is_read_in_order_the_next_files_come_along(
    box: Box, drive: Drive, connector: BoxConnector
) -> None:
    many = {f"file {number:03}": some_bytes(500, number) for number in range(400)}
    for name, data in many.items():
        drive.add(drive.root, name, blob=Bytes(data))
    entries = await listed(connector, ROOT)
    box.tally.clear()
    for start in range(0, 400, 8):
        some = entries[start : start + 8]
        assert await _read_all(connector, ROOT, some) == [many[entry.name] for entry in some]
    assert set(box.tally.calls) == {ASKED, FETCHED}
    assert box.tally.calls[ASKED] <= 5
    assert box.zips.at_once.total() == 0


async def test_files_here_and_there_bring_no_others(box: Box, drive: Drive, connector: BoxConnector) -> None:
    for number in range(200):
        drive.add(drive.root, f"file {number:03}", blob=Bytes(some_bytes(500, number)))
    entries = (await listed(connector, ROOT))[::10]
    box.tally.clear()
    for start in (0, 10):
        await _read_all(connector, ROOT, entries[start : start + 10])
    assert box.tally.calls == {ASKED: 2, FETCHED: 2}


async def test_no_call_leaves_within_a_pause_that_an_archive_was_told_of(
    box: Box, connector: BoxConnector, entries: list[Entry]
) -> None:
    box.faults.add(Answer(429, {"Retry-After": "60"}, b""), path="zip_downloads$")
    assert all(isinstance(each, Throttled) for each in await _read_all(connector, ROOT, entries))
    calls = connector.calls
    with pytest.raises(Throttled) as refused:
        await connector.refresh(ref_of(ROOT, entries[0]))
    assert 50 < (refused.value.retry_after_s or 0) <= 60
    assert connector.calls == calls


async def test_an_archive_elsewhere_is_not_fetched(
    box: Box, connector: BoxConnector, entries: list[Entry]
) -> None:
    body = b'{"download_url": "https://dl.boxcloud.com.example/x"}'
    box.faults.add(Answer(202, {"Content-Type": "application/json"}, body), path="zip_downloads$")
    assert await _read_all(connector, ROOT, entries) == _contents(entries)
    assert box.tally.calls[FETCHED] == 0


async def test_files_of_two_users_are_in_two_archives(simulators: RunningFront, box: Box) -> None:
    for email in (ANN, BEN):
        _fill(box.organisation.drive(email))
    async with enterprise(simulators) as connector:
        reads = []
        for email in (ANN, BEN):
            folder = EntryRef(f"/Users/{email}", (await connector.look_up(f"/Users/{email}")).id)
            reads += [
                read(connector, ref_of(folder, entry), version=entry.version)
                for entry in await listed(connector, folder)
            ]
        box.tally.clear()
        assert sorted(await asyncio.gather(*reads)) == sorted([*FILES.values(), *FILES.values()])
    assert box.tally.calls == {ASKED: 2, FETCHED: 2}
