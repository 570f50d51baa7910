"""Large files: chunks that cannot be sent twice, sessions that end, commits that take a while."""

from __future__ import annotations

import pytest
from simulators.blobs import content
from simulators.faults import LoseAnswer
from simulators.front import RunningFront
from simulators.nodes import Drive
from tests.contents import GivenContent, hashes_of
from tests.contract.acts import read, some_bytes, target
from tests.servers.box import CHUNK, connected

from mover.connectors.box import BoxConnector
from mover.connectors.contract import SentPart, Target
from mover.entries import ROOT, Entry, HashName
from mover.errors import NotFound, ProtocolViolation, ServiceFault, Unreachable, Unsupported
from simulators.box import Box

pytestmark = pytest.mark.servers

PART = 3 * CHUNK
DATA = some_bytes(2 * PART + CHUNK + 1)
PUT = "PUT /api/2.0/files/upload_sessions/{session}"
SHA1 = hashes_of(DATA, [HashName.SHA1])


async def send(connector: BoxConnector, token: str, number: int) -> SentPart:
    offset = (number - 1) * PART
    return await connector.part_uploads.send(
        token, number, offset, GivenContent(DATA[offset : offset + PART])
    )


async def send_all(connector: BoxConnector, place: Target) -> tuple[str, list[SentPart]]:
    token = await connector.part_uploads.begin(place, len(DATA), PART)
    return token, [await send(connector, token, number) for number in (1, 2, 3)]


async def whole(connector: BoxConnector, place: Target) -> Entry:
    token, parts = await send_all(connector, place)
    return await connector.part_uploads.finish(token, place, parts, SHA1)


async def test_a_large_file_costs_a_call_for_each_chunk_and_two(
    box: Box, drive: Drive, connector: BoxConnector
) -> None:
    entry = await whole(connector, target(ROOT, "large", modified_ns=10**18))
    assert (entry.size, entry.hashes, entry.modified_ns) == (len(DATA), SHA1, 10**18)
    node = drive.at("/large")
    assert node is not None
    assert content(node.version.blob) == DATA
    assert box.tally.calls[PUT] == 8
    assert box.tally.total == 8 + 2


@pytest.mark.parametrize("status", [409, 416])
async def test_a_chunk_whose_answer_was_lost_is_found_there(
    box: Box, connector: BoxConnector, status: int
) -> None:
    if status == 409:
        box.faults.switch("overlap is 409")
    place = target(ROOT, "large")
    token = await connector.part_uploads.begin(place, len(DATA), PART)
    box.faults.add(LoseAnswer(), method="PUT", skip=1)
    with pytest.raises(Unreachable):
        await send(connector, token, 1)
    parts = [await send(connector, token, number) for number in (1, 2, 3)]
    assert box.tally.statuses[status] == 1  # the second of them is known to be there by then
    assert box.tally.calls[PUT] == 2 + 1 + 6
    entry = await connector.part_uploads.finish(token, place, parts, SHA1)
    assert await read(connector, ROOT.child("large", entry.id)) == DATA


async def test_other_bytes_at_the_place_of_a_chunk_end_the_upload_unless_nothing_else_was_sent(
    connector: BoxConnector,
) -> None:
    place = target(ROOT, "large")
    token = await connector.part_uploads.begin(place, len(DATA), PART)
    await send(connector, token, 2)
    await connector.part_uploads.send(token, 1, 0, GivenContent(bytes(PART)))
    with pytest.raises(NotFound):
        await send(connector, token, 1)
    with pytest.raises(NotFound):
        await connector.part_uploads.received(token)


@pytest.mark.parametrize("oddity", ["commit takes a while", "parts mismatch"])
async def test_a_commit_that_takes_a_while_is_asked_for_again(
    box: Box, connector: BoxConnector, oddity: str
) -> None:
    place = target(ROOT, "large")
    token, parts = await send_all(connector, place)
    box.faults.switch(oddity, 1)
    with pytest.raises(ServiceFault) as caught:
        await connector.part_uploads.finish(token, place, parts, SHA1)
    assert caught.value.retry_after_s == (3 if oddity == "commit takes a while" else None)
    assert (await connector.part_uploads.finish(token, place, parts, SHA1)).size == len(DATA)


@pytest.mark.parametrize("replaces", [False, True])
async def test_a_commit_whose_answer_was_lost_is_found_done(
    box: Box, drive: Drive, connector: BoxConnector, *, replaces: bool
) -> None:
    seen = await connector.upload(target(ROOT, "large"), GivenContent(b"old")) if replaces else None
    place = target(ROOT, "large", replaces=seen)
    token, parts = await send_all(connector, place)
    box.faults.add(LoseAnswer(), path="/commit$")
    with pytest.raises(Unreachable):
        await connector.part_uploads.finish(token, place, parts, SHA1)
    entry = await connector.part_uploads.finish(token, place, parts, SHA1)
    node = drive.at("/large")
    assert node is not None
    assert (entry.id, entry.size) == (f"file-{node.id}", len(DATA))
    assert len(node.versions) == 1 + replaces


async def test_a_version_that_changes_nothing_is_taken_as_done(drive: Drive, connector: BoxConnector) -> None:
    first = await whole(connector, target(ROOT, "large"))
    again = await whole(connector, target(ROOT, "large", replaces=first))
    assert (again.id, again.hashes) == (first.id, SHA1)
    node = drive.at("/large")
    assert node is not None
    assert len(node.versions) == 1


async def test_a_session_ends_after_a_week(simulators: RunningFront, connector: BoxConnector) -> None:
    token, _ = await send_all(connector, target(ROOT, "large"))
    simulators.world.clock.advance(6 * 24 * 3600)
    async with connected(simulators) as later:
        assert len(await later.part_uploads.received(token)) == 3
        simulators.world.clock.advance(24 * 3600 + 1)
    async with connected(simulators) as later:
        with pytest.raises(NotFound):
            await later.part_uploads.received(token)


async def test_chunks_that_do_not_fit_and_files_too_small_are_sent_whole(
    box: Box, connector: BoxConnector
) -> None:
    place = target(ROOT, "large")
    with pytest.raises(Unsupported):
        await connector.part_uploads.begin(place, len(DATA), PART + 1)
    assert not box.organisation.sessions
    with pytest.raises(Unsupported):
        await connector.part_uploads.begin(place, 10, PART)
    with pytest.raises(Unsupported):
        await connector.part_uploads.begin(place, None, PART)


async def test_no_token_is_shown_to_addresses_that_are_not_boxs(box: Box, connector: BoxConnector) -> None:
    box.faults.switch("other hosts")
    with pytest.raises(ProtocolViolation):
        await connector.part_uploads.begin(target(ROOT, "large"), len(DATA), PART)
    box.faults.clear()
    token = await connector.part_uploads.begin(target(ROOT, "large"), len(DATA), PART)
    with pytest.raises(ProtocolViolation):
        await send(connector, token.replace("upload.box.com", "box.com.example"), 1)
    with pytest.raises(NotFound):
        await send(connector, "rubbish", 1)


async def test_receipts_that_cannot_be_read_begin_the_upload_anew(connector: BoxConnector) -> None:
    place = target(ROOT, "large")
    token, parts = await send_all(connector, place)
    with pytest.raises(NotFound):
        await connector.part_uploads.finish(token, place, [SentPart(1, 1, "rubbish"), *parts[1:]], SHA1)
