"""Uploads: how many calls, what survives, what happens to sessions that are lost."""

from __future__ import annotations

import pytest
from simulators.faults import Answer, DropRequest
from simulators.front import RunningFront
from tests.contents import GivenContent, hashes_of
from tests.contract import google as people
from tests.contract.acts import listed, names, read, ref_of, some_bytes, target

from mover.connectors.contract import Connector, Target
from mover.entries import EntryRef, HashName
from mover.errors import Conflict, NotFound, ServiceFault, Unreachable, Unsupported
from simulators.google import Google

pytestmark = pytest.mark.servers

MINE = EntryRef("/My Drive", "root")
MIB = 1024 * 1024


async def test_times_and_media_type_are_kept(google: Google, drive: Connector) -> None:
    place = Target(
        folder=MINE,
        name="file",
        key="k",
        modified_ns=1_234_567_890_123_456_789,
        created_ns=987_654_321_000_000_000,
        media_type="text/x-thing; charset=utf-8",
    )
    await drive.upload(place, GivenContent(b"x"))
    [entry] = await listed(drive, MINE)
    assert entry.modified_ns == 1_234_567_890_123_000_000
    assert entry.created_ns == 987_654_321_000_000_000
    assert (entry.media_type or "").startswith("text/x-thing")
    assert google.tally.calls["files.create.upload"] == 1


@pytest.mark.parametrize("media_type", ["a/b\r\nX: y", "application/vnd.google-apps.folder", "", "é/é"])
async def test_hostile_media_type_changes_nothing(google: Google, drive: Connector, media_type: str) -> None:
    place = Target(folder=MINE, name="file", key="k", media_type=media_type)
    entry = await drive.upload(place, GivenContent(b"x"))
    assert await read(drive, ref_of(MINE, entry)) == b"x"
    assert google.tally.calls["files.create.upload"] == 1


@pytest.mark.parametrize("ns", [-(2**62), 2**62, -1, 253_402_300_800_000_000_000])
async def test_time_that_google_cannot_keep_does_not_stop_a_file(drive: Connector, ns: int) -> None:
    entry = await drive.upload(target(MINE, "file", modified_ns=ns), GivenContent(b"x"))
    assert await read(drive, ref_of(MINE, entry)) == b"x"


@pytest.mark.parametrize(
    ("size", "told", "calls"),
    [
        (1, True, 1),
        (5 * MIB, True, 1),
        (5 * MIB + 1, True, 2),
        (MIB - 1, False, 1),
        (MIB, False, 1),
        (3 * MIB, False, 4),
        (3 * MIB + 5, False, 5),
    ],
)
async def test_calls_by_size(google: Google, drive: Connector, size: int, told: bool, calls: int) -> None:  # noqa: FBT001 - a parameter of the test
    await listed(drive, MINE)
    await drive.upload(target(MINE, "first"), GivenContent(b"x"))  # ids are in store by now
    google.tally.clear()
    data = some_bytes(size)
    content = GivenContent(data) if told else GivenContent(data, told_size=None)
    entry = await drive.upload(target(MINE, "file"), content)
    assert google.tally.total == calls
    assert entry.hashes[HashName.MD5] == hashes_of(data, frozenset({HashName.MD5}))[HashName.MD5]


async def test_content_that_holds_line_breaks_and_dashes_arrives_whole(drive: Connector) -> None:
    data = b"\r\n--\r\n--boundary--\r\n\r\n--mover\r\n" * 50
    entry = await drive.upload(target(MINE, "file"), GivenContent(data))
    assert await read(drive, ref_of(MINE, entry), version=entry.version) == data


async def test_ids_are_fetched_a_hundred_then_a_thousand_at_once(google: Google, drive: Connector) -> None:
    for number in range(105):
        await drive.upload(target(MINE, f"file {number}"), GivenContent(b""))
    assert google.tally.calls["files.generateIds"] == 2
    assert google.tally.total == 105 + 2 + 1


async def test_id_that_google_does_not_take_is_replaced(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    place = target(MINE, "file")
    await drive.upload(target(MINE, "first"), GivenContent(b"x"))
    simulators.inside(google.state.generated.clear)
    with pytest.raises(ServiceFault):
        await drive.upload(place, GivenContent(b"x"))
    await drive.upload(place, GivenContent(b"x"))
    assert await names(drive, MINE) == ["file", "first"]


async def test_part_goes_on_where_the_connection_broke(google: Google, drive: Connector) -> None:
    assert drive.part_uploads is not None
    place = target(MINE, "large")
    data = some_bytes(4 * MIB + 7)
    token = await drive.part_uploads.begin(place, len(data), 2 * MIB)
    first = await drive.part_uploads.send(token, 1, 0, GivenContent(data[: 2 * MIB]))
    google.faults.add(DropRequest(after=MIB), path="upload_id")
    second = GivenContent(data[2 * MIB : 4 * MIB])
    with pytest.raises(Unreachable):
        await drive.part_uploads.send(token, 2, 2 * MIB, second)
    google.tally.records = True
    parts = [first, await drive.part_uploads.send(token, 2, 2 * MIB, second)]
    sent = [exchange for exchange in google.tally.exchanges if exchange.method == "PUT" and exchange.body]
    assert sum(len(exchange.body) for exchange in sent) < 2 * MIB
    parts.append(await drive.part_uploads.send(token, 3, 4 * MIB, GivenContent(data[4 * MIB :])))
    entry = await drive.part_uploads.finish(token, place, parts, {})
    assert await read(drive, ref_of(MINE, entry), version=entry.version) == data


async def test_session_that_is_too_old_is_not_found(simulators: RunningFront, drive: Connector) -> None:
    assert drive.part_uploads is not None
    place = target(MINE, "large")
    token = await drive.part_uploads.begin(place, 2 * MIB, MIB)
    part = await drive.part_uploads.send(token, 1, 0, GivenContent(some_bytes(MIB)))
    assert part.size == MIB
    simulators.inside(lambda: simulators.world.clock.advance(8 * 24 * 3600))
    with pytest.raises(NotFound):
        await drive.part_uploads.received(token)
    with pytest.raises(NotFound):
        await drive.part_uploads.send(token, 2, MIB, GivenContent(some_bytes(MIB)))
    await drive.part_uploads.abort(token)


@pytest.mark.parametrize("token", ["", "{}", "[1]", '{"url": "https://evil.example/upload/drive/v3/files"}'])
async def test_token_that_is_none_reaches_nobody(google: Google, drive: Connector, token: str) -> None:
    assert drive.part_uploads is not None
    with pytest.raises(Exception, match=r"gone|none of its own"):
        await drive.part_uploads.received(token)
    assert google.tally.total == 0


async def test_fault_of_google_in_the_middle_is_transient(google: Google, drive: Connector) -> None:
    assert drive.part_uploads is not None
    place = target(MINE, "large")
    data = some_bytes(MIB + 1)
    token = await drive.part_uploads.begin(place, len(data), MIB)
    google.faults.add(Answer(503), method="PUT")
    with pytest.raises(ServiceFault):
        await drive.part_uploads.send(token, 1, 0, GivenContent(data[:MIB]))
    parts = [
        await drive.part_uploads.send(token, 1, 0, GivenContent(data[:MIB])),
        await drive.part_uploads.send(token, 2, MIB, GivenContent(data[MIB:])),
    ]
    entry = await drive.part_uploads.finish(token, place, parts, {})
    assert entry.size == len(data)


@pytest.mark.parametrize("path", ["/", "/Shared drives"])
async def test_nothing_is_put_where_there_is_no_drive(drive: Connector, path: str) -> None:
    folder = EntryRef(path, (await drive.look_up(path)).id)
    with pytest.raises(Unsupported):
        await drive.upload(target(folder, "file"), GivenContent(b"x"))
    with pytest.raises(Unsupported):
        await drive.create_folder(folder, "folder")


async def test_name_that_somebody_freed_can_be_used(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    first = await drive.upload(target(MINE, "file"), GivenContent(b"first"))
    tree = google.drive_of(people.ALICE)
    simulators.inside(lambda: tree.remove(tree.nodes[first.id or ""]))
    second = await drive.upload(target(MINE, "file"), GivenContent(b"second"))
    assert second.id != first.id
    assert await names(drive, MINE) == ["file"]


async def test_listing_that_lags_does_not_make_a_name_free(google: Google, drive: Connector) -> None:
    google.drive_of(people.ALICE).lag_ns = 3600 * 10**9
    await drive.upload(target(MINE, "file"), GivenContent(b"x"))
    folder = await drive.create_folder(MINE, "folder")
    assert await names(drive, MINE) == []
    with pytest.raises(Conflict):
        await drive.upload(target(MINE, "file"), GivenContent(b"y"))
    assert (await drive.create_folder(MINE, "folder")).id == folder.id


async def test_names_of_a_folder_that_is_too_large_are_asked_for_one_by_one(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    tree = google.drive_of(people.ALICE)
    simulators.inside(lambda: [google.state.add_file(tree, f"/file {number}") for number in range(1200)])
    await drive.upload(target(MINE, "new 1"), GivenContent(b"x"))
    google.tally.clear()
    await drive.upload(target(MINE, "new 2"), GivenContent(b"x"))
    assert google.tally.calls == {"files.list": 1, "files.create.upload": 1}
    with pytest.raises(Exception, match="this name"):
        await drive.upload(target(MINE, "file 7"), GivenContent(b"x"))


@pytest.mark.parametrize("status", [404, 410])
async def test_whole_file_whose_session_is_gone_is_to_be_sent_again(
    google: Google, drive: Connector, status: int
) -> None:
    data = some_bytes(6 * MIB)
    place = target(MINE, "file")
    google.faults.add(Answer(status), method="PUT", path="upload")
    with pytest.raises(ServiceFault):
        await drive.upload(place, GivenContent(data))
    await drive.upload(place, GivenContent(data))
    assert await names(drive, MINE) == ["file"]
