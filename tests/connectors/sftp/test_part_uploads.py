from __future__ import annotations

import asyncio
import os

import pytest
from tests.connectors.sftp.surroundings import Connect, Place, entries, target
from tests.contents import GivenContent
from tests.servers.ssh import SftpServer

from mover.connectors.contract import SentPart
from mover.connectors.sftp.connector import SftpConnector
from mover.errors import Changed, Conflict, IntegrityError, NotFound, QuotaExceeded

_HOUR_NS = 3600 * 1_000_000_000
_PART = 1_000_000
_WHOLE = os.urandom(3 * _PART + 17)


def _part(number: int) -> GivenContent:
    return GivenContent(_WHOLE[(number - 1) * _PART : number * _PART])


async def _send(connector: SftpConnector, token: str, *numbers: int) -> list[SentPart]:
    sending = (
        connector.part_uploads.send(token, number, (number - 1) * _PART, _part(number)) for number in numbers
    )
    return sorted(await asyncio.gather(*sending), key=lambda part: part.number)


async def test_parts_sent_at_once_and_in_any_order_make_the_file(
    connector: SftpConnector, place: Place
) -> None:
    goal = target(place.ref, "file", modified_ns=_HOUR_NS)
    token = await connector.part_uploads.begin(goal, len(_WHOLE), _PART)

    parts = await _send(connector, token, 4, 2, 1, 3)
    assert "file" not in place.names()
    entry = await connector.part_uploads.finish(token, goal, parts, {})

    assert (place.disk / "file").read_bytes() == _WHOLE
    assert (entry.size, entry.modified_ns) == (len(_WHOLE), _HOUR_NS)
    assert entry == (await entries(connector, place.ref))["file"]
    assert place.names() == {"file"}


async def test_upload_goes_on_over_another_connection(
    connector: SftpConnector, server: SftpServer, place: Place, connect: Connect
) -> None:
    goal = target(place.ref, "file")
    token = await connector.part_uploads.begin(goal, len(_WHOLE), _PART)
    first = await _send(connector, token, 1, 3)
    await connector.close()

    other = await connect(server)
    await other.part_uploads.received(token)
    rest = await _send(other, token, 2, 3, 4)
    parts = [first[0], *rest]
    await other.part_uploads.finish(token, goal, parts, {})

    assert (place.disk / "file").read_bytes() == _WHOLE


async def test_parts_of_a_private_file_are_private(connector: SftpConnector, place: Place) -> None:
    place.write("file", b"old", mode=0o600)
    old = (await entries(connector, place.ref))["file"]
    goal = target(place.ref, "file", replaces=old)
    token = await connector.part_uploads.begin(goal, len(_WHOLE), _PART)
    assert {path.stat().st_mode & 0o777 for path in place.disk.iterdir()} == {0o600}

    parts = await _send(connector, token, 1, 2, 3, 4)
    await connector.part_uploads.finish(token, goal, parts, {})
    assert (place.disk / "file").read_bytes() == _WHOLE


async def test_size_that_is_known_only_at_the_end_is_fine(connector: SftpConnector, place: Place) -> None:
    goal = target(place.ref, "file")
    token = await connector.part_uploads.begin(goal, None, _PART)
    parts = await _send(connector, token, 1, 2, 3, 4)
    entry = await connector.part_uploads.finish(token, goal, parts, {})
    assert entry.size == len(_WHOLE)


async def test_received_parts_are_those_within_the_file(connector: SftpConnector, place: Place) -> None:
    goal = target(place.ref, "file")
    token = await connector.part_uploads.begin(goal, len(_WHOLE), _PART)
    assert list(await connector.part_uploads.received(token)) == []

    first = await _send(connector, token, 1)
    assert list(await connector.part_uploads.received(token)) == first
    with pytest.raises(RuntimeError, match="the source failed"):
        await connector.part_uploads.send(token, 2, _PART, GivenContent(_part(2).data, fails_after=600_000))
    assert list(await connector.part_uploads.received(token)) == first
    last = await _send(connector, token, 4)
    assert (await connector.part_uploads.received(token))[-1] == last[0]


async def test_missing_part_is_not_finished(connector: SftpConnector, place: Place) -> None:
    goal = target(place.ref, "file")
    token = await connector.part_uploads.begin(goal, len(_WHOLE), _PART)
    parts = await _send(connector, token, 1, 2, 3)

    with pytest.raises(IntegrityError):
        await connector.part_uploads.finish(token, goal, parts, {})
    claimed = [*parts, SentPart(number=4, size=17, receipt="")]
    with pytest.raises(IntegrityError):
        await connector.part_uploads.finish(token, goal, claimed, {})
    assert "file" not in place.names()


async def test_upload_that_is_gone_is_not_found(connector: SftpConnector, place: Place) -> None:
    goal = target(place.ref, "file")
    token = await connector.part_uploads.begin(goal, len(_WHOLE), _PART)
    await connector.part_uploads.abort(token)
    await connector.part_uploads.abort(token)

    assert place.names() == set()
    with pytest.raises(NotFound):
        await connector.part_uploads.received(token)
    with pytest.raises(NotFound):
        await _send(connector, token, 1)
    with pytest.raises(NotFound):
        await connector.part_uploads.finish(
            token, goal, [SentPart(number=1, size=len(_WHOLE), receipt="")], {}
        )


async def test_finish_whose_answer_was_lost_finds_the_file(connector: SftpConnector, place: Place) -> None:
    goal = target(place.ref, "file", modified_ns=_HOUR_NS)
    token = await connector.part_uploads.begin(goal, len(_WHOLE), _PART)
    parts = await _send(connector, token, 1, 2, 3, 4)

    first = await connector.part_uploads.finish(token, goal, parts, {})
    assert await connector.part_uploads.finish(token, goal, parts, {}) == first


@pytest.mark.parametrize("modified_ns", [None, _HOUR_NS])
async def test_file_of_another_that_happens_to_have_the_size_is_not_taken_for_the_finished_one(
    connector: SftpConnector, place: Place, modified_ns: int | None
) -> None:
    goal = target(place.ref, "file", modified_ns=modified_ns)
    token = await connector.part_uploads.begin(goal, len(_WHOLE), _PART)
    parts = await _send(connector, token, 1, 2, 3, 4)
    await connector.part_uploads.abort(token)
    place.write("file", bytes(len(_WHOLE)))

    with pytest.raises(NotFound):
        await connector.part_uploads.finish(token, goal, parts, {})


async def test_conflict_is_told_at_the_beginning_and_at_the_end(
    connector: SftpConnector, place: Place
) -> None:
    goal = target(place.ref, "file")
    token = await connector.part_uploads.begin(goal, len(_WHOLE), _PART)
    parts = await _send(connector, token, 1, 2, 3, 4)
    place.write("file", b"somebody was faster")

    with pytest.raises(Conflict):
        await connector.part_uploads.finish(token, goal, parts, {})
    with pytest.raises(Conflict):
        await connector.part_uploads.begin(goal, len(_WHOLE), _PART)
    assert (place.disk / "file").read_bytes() == b"somebody was faster"


async def test_replaced_file_keeps_its_permissions_and_a_changed_one_is_left(
    connector: SftpConnector, place: Place
) -> None:
    path = place.write("file", b"old", mode=0o640)
    goal = target(place.ref, "file", replaces=(await entries(connector, place.ref))["file"])
    token = await connector.part_uploads.begin(goal, len(_WHOLE), _PART)
    parts = await _send(connector, token, 1, 2, 3, 4)

    os.utime(path, (1, 1))
    with pytest.raises(Changed):
        await connector.part_uploads.finish(token, goal, parts, {})

    goal = target(place.ref, "file", replaces=(await entries(connector, place.ref))["file"])
    await connector.part_uploads.finish(token, goal, parts, {})
    assert path.read_bytes() == _WHOLE
    assert path.stat().st_mode & 0o777 == 0o640


async def test_file_larger_than_the_disk_is_refused_at_the_beginning(
    connector: SftpConnector, place: Place
) -> None:
    with pytest.raises(QuotaExceeded):
        await connector.part_uploads.begin(target(place.ref, "file"), 1 << 60, 1 << 32)
    assert place.names() == set()


async def test_part_whose_source_fails_can_be_sent_again(connector: SftpConnector, place: Place) -> None:
    goal = target(place.ref, "file")
    token = await connector.part_uploads.begin(goal, len(_WHOLE), _PART)
    failing = GivenContent(_part(1).data, fails_after=500_000)
    with pytest.raises(RuntimeError, match="the source failed"):
        await connector.part_uploads.send(token, 1, 0, failing)

    parts = await _send(connector, token, 1, 2, 3, 4)
    await connector.part_uploads.finish(token, goal, parts, {})
    assert (place.disk / "file").read_bytes() == _WHOLE


async def test_rubbish_as_token_is_not_found(connector: SftpConnector) -> None:
    for token in ("", "rubbish", "{}", '{"temporary": 7}'):
        with pytest.raises(NotFound):
            await connector.part_uploads.received(token)
