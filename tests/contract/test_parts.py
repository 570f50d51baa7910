"""Uploads in parts survive a crash and become visible whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest
from tests.contents import GivenContent, hashes_of
from tests.contract.acts import (
    WAIT_S,
    StalledContent,
    listed,
    names,
    need,
    part_size,
    part_uploads,
    put,
    read,
    ref_of,
    some_bytes,
    target,
)
from tests.contract.services import Service

from mover.connectors.contract import Connector, PartUploads, SentPart, Setting, Target
from mover.entries import EntryRef, HashName
from mover.errors import Changed, Conflict, IntegrityError, MoverError, NotFound

PARTS = 3
LAST = 12_345


class Upload:
    """A file of three parts, the last one short, on its way."""

    def __init__(self, connector: Connector, place: Target) -> None:
        self.uploads: PartUploads = part_uploads(connector)
        self.place = place
        rules = connector.capabilities.parts
        assert rules is not None
        self.needs = rules.needs
        self.part_size = part_size(connector)
        self.data = some_bytes((PARTS - 1) * self.part_size + LAST, seed=7)
        self.token = ""

    async def begin(self) -> str:
        self.token = await self.uploads.begin(self.place, len(self.data), self.part_size)
        return self.token

    def part(self, number: int) -> bytes:
        return self.data[(number - 1) * self.part_size : number * self.part_size]

    async def send(self, number: int, data: bytes | None = None) -> SentPart:
        content = self.part(number) if data is None else data
        given = GivenContent(content, hashes=hashes_of(content, _PART_HASHES))
        return await self.uploads.send(self.token, number, (number - 1) * self.part_size, given)

    def needed(self) -> Mapping[HashName, str]:
        """The hash of the whole file without which this service finishes nothing."""
        return hashes_of(self.data, frozenset({self.needs} if self.needs else ()))

    async def send_all(self) -> list[SentPart]:
        return [await self.send(number) for number in range(1, PARTS + 1)]


_PART_HASHES = frozenset({HashName.MD5, HashName.SHA256, HashName.CRC32, HashName.CRC32C, HashName.CRC64NVME})
_ALL_HASHES = frozenset(HashName) - {HashName.S3_ETAG}


@pytest.fixture
def upload(
    connector: Connector,
    folder: EntryRef,
    request: pytest.FixtureRequest,
    lacking: dict[tuple[str, str], str],
) -> Upload:
    if connector.part_uploads is None:
        lacking[request.node.callspec.params["service"], "upload"] = "uploads in parts"
    return Upload(connector, target(folder, "file"))


@pytest.fixture
async def other(service: Service) -> AsyncIterator[Connector]:
    """A second connector, as after a restart."""
    made = service.connect()
    await made.sign_in()
    yield made
    await made.close()


async def test_rules_are_given_exactly_with_the_operations(connector: Connector) -> None:
    assert (connector.capabilities.parts is None) == (connector.part_uploads is None)


async def test_parts_in_order_make_the_file(connector: Connector, folder: EntryRef, upload: Upload) -> None:
    await upload.begin()
    parts = await upload.send_all()
    assert [(part.number, part.size) for part in parts] == [
        (1, upload.part_size),
        (2, upload.part_size),
        (3, LAST),
    ]
    entry = await upload.uploads.finish(upload.token, upload.place, parts, upload.needed())
    assert (entry.name, entry.size) == ("file", len(upload.data))
    assert await read(connector, ref_of(folder, entry)) == upload.data
    assert [found.name for found in await listed(connector, folder)] == ["file"]


async def test_nothing_is_visible_before_the_upload_is_finished(
    connector: Connector, folder: EntryRef, upload: Upload
) -> None:
    await upload.begin()
    await upload.send_all()
    assert await names(connector, folder) == []
    await upload.uploads.abort(upload.token)


async def test_parts_in_any_order_and_at_once(connector: Connector, folder: EntryRef, upload: Upload) -> None:
    assert connector.part_uploads is None or connector.capabilities.parts is not None
    need(connector.capabilities.parts is not None and connector.capabilities.parts.parallel, "parallel parts")
    await upload.begin()
    sent = await asyncio.gather(*(upload.send(number) for number in (3, 1, 2)))
    parts = sorted(sent, key=lambda part: part.number)
    entry = await upload.uploads.finish(upload.token, upload.place, parts, upload.needed())
    assert await read(connector, ref_of(folder, entry)) == upload.data


async def test_upload_goes_on_after_a_restart(other: Connector, folder: EntryRef, upload: Upload) -> None:
    await upload.begin()
    kept = [await upload.send(1), await upload.send(2)]
    upload.uploads = part_uploads(other)
    received = await upload.uploads.received(upload.token, kept)
    assert received is None or {part.number for part in received} >= {1, 2}
    parts = [*kept, await upload.send(3)]
    entry = await upload.uploads.finish(upload.token, upload.place, parts, upload.needed())
    assert await read(other, ref_of(folder, entry)) == upload.data


async def test_received_parts_can_be_told_by_the_service_alone(
    other: Connector, folder: EntryRef, upload: Upload
) -> None:
    await upload.begin()
    await upload.send(1)
    upload.uploads = part_uploads(other)
    received = await upload.uploads.received(upload.token)
    need(received is not None, "telling which parts it has")
    assert received is not None
    assert [(part.number, part.size) for part in received] == [(1, upload.part_size)]
    parts = [*received, await upload.send(2), await upload.send(3)]
    entry = await upload.uploads.finish(upload.token, upload.place, parts, upload.needed())
    assert await read(other, ref_of(folder, entry)) == upload.data


async def test_part_sent_again_replaces_itself(
    connector: Connector, folder: EntryRef, upload: Upload
) -> None:
    await upload.begin()
    await upload.send(1, some_bytes(upload.part_size, seed=99))
    parts = await upload.send_all()
    entry = await upload.uploads.finish(upload.token, upload.place, parts, upload.needed())
    assert await read(connector, ref_of(folder, entry)) == upload.data


async def test_part_that_breaks_off_can_be_sent_again(
    connector: Connector, folder: EntryRef, upload: Upload
) -> None:
    await upload.begin()
    first = await upload.send(1)
    broken = GivenContent(
        upload.part(2), fails_after=upload.part_size // 2, failure=OSError("the source failed")
    )
    with pytest.raises(OSError, match="the source failed"):
        await upload.uploads.send(upload.token, 2, upload.part_size, broken)
    parts = [first, await upload.send(2), await upload.send(3)]
    entry = await upload.uploads.finish(upload.token, upload.place, parts, upload.needed())
    assert await read(connector, ref_of(folder, entry)) == upload.data


async def test_part_that_is_cancelled_can_be_sent_again(
    connector: Connector, folder: EntryRef, upload: Upload
) -> None:
    await upload.begin()
    first = await upload.send(1)
    stalled = StalledContent(upload.part(2))
    task = asyncio.create_task(upload.uploads.send(upload.token, 2, upload.part_size, stalled))
    async with asyncio.timeout(WAIT_S):
        await stalled.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    parts = [first, await upload.send(2), await upload.send(3)]
    entry = await upload.uploads.finish(upload.token, upload.place, parts, upload.needed())
    assert await read(connector, ref_of(folder, entry)) == upload.data


async def test_hashes_of_the_finished_file_are_true(
    connector: Connector, folder: EntryRef, upload: Upload
) -> None:
    await upload.begin()
    parts = await upload.send_all()
    announced = hashes_of(upload.data, _ALL_HASHES)
    entry = await upload.uploads.finish(upload.token, upload.place, parts, announced)
    true = dict(hashes_of(upload.data, frozenset(HashName), s3_part_size=upload.part_size))
    assert all(true[name] == value for name, value in entry.hashes.items())
    listed_entry = await connector.refresh(ref_of(folder, entry))
    assert all(true[name] == value for name, value in listed_entry.hashes.items())


async def test_without_the_hash_that_is_needed_nothing_is_finished(
    connector: Connector, folder: EntryRef, upload: Upload
) -> None:
    need(upload.needs is not None, "that it needs a hash of the whole file")
    await upload.begin()
    parts = await upload.send_all()
    with pytest.raises(NotFound):
        await upload.uploads.finish(upload.token, upload.place, parts, {})
    assert await names(connector, folder) == []


async def test_finished_file_has_its_time(connector: Connector, folder: EntryRef, upload: Upload) -> None:
    can = connector.capabilities
    need(can.modified is Setting.AT_UPLOAD, "times set at upload")
    modified_ns = 1_600_000_000_123_456_789
    upload.place = target(folder, "file", modified_ns=modified_ns)
    await upload.begin()
    parts = await upload.send_all()
    entry = await upload.uploads.finish(upload.token, upload.place, parts, upload.needed())
    seen = await connector.refresh(ref_of(folder, entry))
    assert seen.modified_ns is not None
    assert abs(seen.modified_ns - modified_ns) < (can.modified_resolution_ns or 1_000_000_000)


async def test_finishing_again_returns_the_file_or_says_that_the_upload_is_gone(
    connector: Connector, folder: EntryRef, upload: Upload
) -> None:
    await upload.begin()
    parts = await upload.send_all()
    entry = await upload.uploads.finish(upload.token, upload.place, parts, upload.needed())
    try:
        again = await upload.uploads.finish(upload.token, upload.place, parts, upload.needed())
    except NotFound:
        pass
    else:
        assert (again.name, again.id, again.size) == (entry.name, entry.id, entry.size)
    assert await read(connector, ref_of(folder, entry)) == upload.data
    assert await names(connector, folder) == ["file"]


async def test_aborted_upload_is_gone_and_aborting_again_is_no_error(
    connector: Connector, folder: EntryRef, upload: Upload
) -> None:
    await upload.begin()
    await upload.send(1)
    await upload.uploads.abort(upload.token)
    await upload.uploads.abort(upload.token)
    with pytest.raises(NotFound):
        await upload.uploads.received(upload.token)
    with pytest.raises(NotFound):
        await upload.send(2)
    assert await listed(connector, folder) == []


@pytest.mark.promise("P4")
async def test_beginning_over_a_file_is_a_conflict_at_the_latest_at_the_end(
    connector: Connector, folder: EntryRef, upload: Upload
) -> None:
    file = ref_of(folder, await put(connector, folder, "file", b"kept"))
    with pytest.raises(Conflict):
        await _whole(upload)
    assert await read(connector, file) == b"kept"


async def test_file_that_appeared_meanwhile_is_not_replaced(
    connector: Connector, folder: EntryRef, upload: Upload
) -> None:
    need(connector.capabilities.exclusive_create, "exclusive creation")
    await upload.begin()
    parts = await upload.send_all()
    file = ref_of(folder, await put(connector, folder, "file", b"kept"))
    with pytest.raises(Conflict):
        await upload.uploads.finish(upload.token, upload.place, parts, upload.needed())
    assert await read(connector, file) == b"kept"
    await upload.uploads.abort(upload.token)


async def test_parts_replace_the_file_that_was_seen(
    service: Service, connector: Connector, folder: EntryRef
) -> None:
    need(service.parts_replace, "replacing by uploads in parts")
    seen = await connector.refresh(ref_of(folder, await put(connector, folder, "file", b"first")))
    upload = Upload(connector, target(folder, "file", replaces=seen))
    await _whole(upload)
    assert await read(connector, ref_of(folder, seen)) == upload.data
    assert await names(connector, folder) == ["file"]


async def test_parts_do_not_replace_what_somebody_changed_meanwhile(
    service: Service, connector: Connector, folder: EntryRef
) -> None:
    need(service.parts_replace, "replacing by uploads in parts")
    seen = await connector.refresh(ref_of(folder, await put(connector, folder, "file", b"first")))
    upload = Upload(connector, target(folder, "file", replaces=seen))
    await upload.begin()
    parts = [await upload.send(number) for number in range(1, PARTS)]
    await connector.upload(target(folder, "file", replaces=seen), GivenContent(b"somebody's"))
    with pytest.raises(Changed):
        await upload.uploads.finish(
            upload.token, upload.place, [*parts, await upload.send(PARTS)], upload.needed()
        )
    assert await read(connector, ref_of(folder, seen)) == b"somebody's"
    await upload.uploads.abort(upload.token)


async def test_part_shorter_than_announced_is_an_error(
    connector: Connector, folder: EntryRef, upload: Upload
) -> None:
    await upload.begin()
    short = GivenContent(upload.part(1)[:-1], told_size=upload.part_size)
    with pytest.raises(MoverError):
        await upload.uploads.send(upload.token, 1, 0, short)
    await upload.uploads.abort(upload.token)
    assert await names(connector, folder) == []


async def test_damaged_part_is_noticed_or_does_not_have_the_announced_receipt(
    connector: Connector, folder: EntryRef, upload: Upload
) -> None:
    await upload.begin()
    good = await upload.send(1)
    damaged = bytes([upload.data[0] ^ 1]) + upload.part(1)[1:]
    given = GivenContent(damaged, hashes=hashes_of(upload.part(1), _PART_HASHES))
    try:
        sent = await upload.uploads.send(upload.token, 1, 0, given)
    except IntegrityError:
        pass
    else:
        need(sent.receipt != good.receipt, "receipts that follow from the content")
    await upload.uploads.abort(upload.token)
    assert await names(connector, folder) == []


async def test_beginning_again_with_the_same_key_starts_from_nothing(
    connector: Connector, folder: EntryRef, upload: Upload
) -> None:
    first = await upload.begin()
    await upload.send(1, some_bytes(upload.part_size, seed=99))
    await upload.begin()
    parts = await upload.send_all()
    entry = await upload.uploads.finish(upload.token, upload.place, parts, upload.needed())
    assert await read(connector, ref_of(folder, entry)) == upload.data
    await upload.uploads.abort(first)
    assert [found.name for found in await listed(connector, folder)] == ["file"]


async def _whole(upload: Upload) -> None:
    await upload.begin()
    parts = await upload.send_all()
    try:
        await upload.uploads.finish(upload.token, upload.place, parts, upload.needed())
    except MoverError:
        await upload.uploads.abort(upload.token)
        raise
