"""Reading gives exactly the bytes that were asked for, or an error."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

import pytest
from tests.contents import GivenContent
from tests.contract.acts import need, put, read, ref_of, some_bytes, target

from mover.connectors.contract import Connector
from mover.entries import Entry, EntryRef
from mover.errors import Changed, IntegrityError, NotFound, Unreachable

MIB = 1024 * 1024
LARGE = some_bytes(3 * MIB + 12_345)


RANGES = [
    (0, 1),
    (0, len(LARGE)),
    (1, None),
    (MIB, MIB),
    (MIB - 1, 2),
    (len(LARGE) - 1, 1),
    (len(LARGE) - 1, None),
    (7, 0),
    (len(LARGE), None),
]


async def test_file_reads_back_as_it_was_written_in_pieces_of_at_most_a_mebibyte(
    connector: Connector, folder: EntryRef
) -> None:
    file = ref_of(folder, await put(connector, folder, "file", LARGE))
    async with aclosing(connector.read(file)) as chunks:
        pieces = [chunk async for chunk in chunks]
    assert b"".join(pieces) == LARGE
    assert max(map(len, pieces)) <= MIB


async def test_range_is_read_exactly(connector: Connector, folder: EntryRef) -> None:
    need(connector.capabilities.range_reads, "range reads")
    file = ref_of(folder, await put(connector, folder, "file", LARGE))
    for offset, length in RANGES:
        expected = LARGE[offset:] if length is None else LARGE[offset : offset + length]
        found = await read(connector, file, offset=offset, length=length)
        assert found == expected, (offset, length)


async def test_file_shorter_than_the_range_is_an_error(connector: Connector, folder: EntryRef) -> None:
    need(connector.capabilities.range_reads, "range reads")
    file = ref_of(folder, await put(connector, folder, "file", b"12345"))
    with pytest.raises((IntegrityError, Unreachable, Changed)):
        await read(connector, file, offset=2, length=100)


async def test_several_ranges_at_once(connector: Connector, folder: EntryRef) -> None:
    need(connector.capabilities.range_reads, "range reads")
    file = ref_of(folder, await put(connector, folder, "file", LARGE))
    step = len(LARGE) // 8 + 1
    parts = await asyncio.gather(
        *(
            read(connector, file, offset=start, length=min(step, len(LARGE) - start))
            for start in range(0, len(LARGE), step)
        )
    )
    assert b"".join(parts) == LARGE


async def test_reading_given_up_early_leaves_the_connector_usable(
    connector: Connector, folder: EntryRef
) -> None:
    file = ref_of(folder, await put(connector, folder, "file", LARGE))
    for _ in range(3):
        async with aclosing(connector.read(file)) as chunks:
            await anext(chunks)
    assert await read(connector, file) == LARGE


async def test_reading_cancelled_leaves_the_connector_usable(connector: Connector, folder: EntryRef) -> None:
    file = ref_of(folder, await put(connector, folder, "file", LARGE))
    started = asyncio.Event()

    async def read_and_wait() -> None:
        async with aclosing(connector.read(file)) as chunks:
            await anext(chunks)
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(read_and_wait())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await read(connector, file) == LARGE


async def test_reading_a_missing_file_is_not_found(connector: Connector, folder: EntryRef) -> None:
    with pytest.raises(NotFound) as caught:
        await read(
            connector, folder.child("missing", "e999999" if connector.capabilities.stable_ids else None)
        )
    assert (caught.value.service, caught.value.operation) == (connector.service, "read")


async def test_version_that_is_there_is_read(connector: Connector, folder: EntryRef) -> None:
    file = ref_of(folder, await put(connector, folder, "file", b"one"))
    version = (await connector.refresh(file)).version
    assert await read(connector, file, version=version) == b"one"


async def test_version_that_was_replaced_is_read_as_it_was_or_changed(
    connector: Connector, folder: EntryRef
) -> None:
    need(connector.capabilities.versioned_reads, "versioned reads")
    file = ref_of(folder, await put(connector, folder, "file", b"one"))
    seen = await connector.refresh(file)
    assert seen.version is not None
    await connector.upload(target(folder, "file", replaces=seen), GivenContent(b"three"))
    with suppress(Changed):
        assert await read(connector, file, version=seen.version) == b"one"


async def test_described_read_tells_what_the_object_itself_knows_before_the_first_bytes(
    connector: Connector, folder: EntryRef
) -> None:
    described = connector.described_reads
    need(described is not None, "reads that tell more than listings")
    assert described is not None
    moment = 1_600_000_000_000_000_000
    uploaded = await connector.upload(target(folder, "file", modified_ns=moment), GivenContent(LARGE))
    file = ref_of(folder, uploaded)
    found: list[Entry] = []
    got = bytearray()
    async with aclosing(described.read(file, version=uploaded.version, found=found.append)) as chunks:
        async for chunk in chunks:
            assert len(found) == 1
            got += chunk
    assert got == LARGE
    seen = await connector.refresh(file)
    assert (found[0].size, found[0].modified_ns, found[0].version) == (
        len(LARGE),
        seen.modified_ns,
        seen.version,
    )
