"""What the in-memory service does beyond the contract, and that its faults strike as told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest
from tests.contents import GivenContent, hashes_of
from tests.memory.connector import MemoryConnector
from tests.memory.contents import Pattern
from tests.memory.made_up import MadeUpConnector
from tests.memory.service import CASELESS_DRIVE, DRIVE, MemoryService

from mover.connectors.contract import Target
from mover.entries import ROOT, EntryKind, EntryRef, HashName
from mover.errors import Changed, Conflict, NotFound, QuotaExceeded, Throttled, Unreachable


async def signed_in(service: MemoryService) -> MemoryConnector:
    connector = service.connector()
    await connector.sign_in()
    return connector


async def read(connector: MemoryConnector, ref: EntryRef, version: str | None = None) -> bytes:
    async with aclosing(connector.read(ref, version=version)) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def collect(chunks: AsyncIterator[bytes], into: bytearray) -> None:
    async for chunk in chunks:
        into += chunk


async def test_two_entries_of_one_name_are_told_apart_by_id() -> None:
    service = MemoryService(replace(DRIVE, duplicate_names=True))
    first, second = service.add_file("/a", b"first"), service.add_file("/a", b"second")
    connector = await signed_in(service)
    [page] = [page async for page in connector.list_folder(ROOT)]
    assert [entry.id for entry in page.entries] == [first.id, second.id]
    assert await read(connector, EntryRef("/a", second.id)) == b"second"
    assert (await connector.look_up("/a")).id == first.id
    assert service.files() == [("/a", b"first"), ("/a", b"second")]


async def test_caseless_drive_takes_names_for_one_that_differ_in_case() -> None:
    service = MemoryService(CASELESS_DRIVE)
    service.add_file("/Report.txt")
    connector = await signed_in(service)
    with pytest.raises(Conflict):
        await connector.upload(Target(folder=ROOT, name="report.TXT", key="k"), GivenContent(b""))


async def test_id_stays_when_the_owner_moves_an_entry() -> None:
    service = MemoryService()
    entry = service.add_file("/a/b", b"x")
    service.move("/a/b", "/c/d")
    connector = await signed_in(service)
    assert (await connector.look_up("/c/d")).id == entry.id
    assert await read(connector, EntryRef("/a/b", entry.id)) == b"x"


async def test_path_without_id_is_counted_as_a_look_up_behind_the_scenes() -> None:
    service = MemoryService()
    entry = service.add_file("/a", b"x")
    connector = await signed_in(service)
    await read(connector, EntryRef("/a", entry.id))
    assert service.calls["resolve_path"] == 0
    await read(connector, EntryRef("/a"))
    assert service.calls["resolve_path"] == 1


async def test_native_document_has_no_size_and_is_made_at_each_reading() -> None:
    service = MemoryService()
    made = iter([b"one", b"another"])
    entry = service.add_native("/doc", lambda: next(made))
    assert (entry.kind, entry.size, entry.hashes) == (EntryKind.NATIVE, None, {})
    connector = await signed_in(service)
    assert [await read(connector, EntryRef("/doc", entry.id)) for _ in range(2)] == [b"one", b"another"]


async def test_change_feed_tells_of_changed_moved_and_removed_entries() -> None:
    service = MemoryService()
    kept, gone = service.add_file("/kept", b"1"), service.add_file("/gone", b"1")
    connector = await signed_in(service)
    assert connector.changes is not None
    cursor = await connector.changes.cursor()
    service.change_file("/kept", b"22")
    service.remove("/gone")
    lines = {change.id: change async for page, _ in connector.changes.since(cursor) for change in page}
    assert lines.keys() == {kept.id, gone.id}
    assert gone.id is not None
    assert lines[gone.id].entry is None
    service.forget_changes()
    with pytest.raises(NotFound):
        await anext(connector.changes.since(cursor))


async def test_fault_strikes_as_often_as_told_and_then_no_more() -> None:
    service = MemoryService()
    service.add_file("/a", b"x")
    fault = service.faults.add(
        "look_up", "/a", times=2, skip=1, error=Throttled("slow down", retry_after_s=3)
    )
    connector = await signed_in(service)
    outcomes = []
    for _ in range(4):
        try:
            await connector.look_up("/a")
            outcomes.append("ok")
        except Throttled as error:
            outcomes.append(f"{error.service} {error.operation} {error.path} {error.retry_after_s}")
    assert outcomes == ["ok", "memory look_up /a 3", "memory look_up /a 3", "ok"]
    assert fault.struck == 2


async def test_stream_breaks_is_cut_and_is_damaged_as_told() -> None:
    service = MemoryService()
    ref = EntryRef("/a", service.add_file("/a", bytes(300_000)).id)
    connector = await signed_in(service)
    service.faults.add("read", error=Unreachable("broken"), after_bytes=100_000)
    got = bytearray()
    with pytest.raises(Unreachable):
        await collect(connector.read(ref), got)
    assert len(got) == 100_000
    service.faults.add("read", truncate_to=7)
    assert len(await read(connector, ref)) == 7
    service.faults.add("read", corrupt_at=200_000)
    assert [at for at, byte in enumerate(await read(connector, ref)) if byte] == [200_000]
    assert await read(connector, ref) == bytes(300_000)


async def test_lost_answer_leaves_the_work_done() -> None:
    service = MemoryService()
    service.faults.add("upload", error=Unreachable("broken"), lose_answer=True)
    connector = await signed_in(service)
    with pytest.raises(Unreachable):
        await connector.upload(Target(folder=ROOT, name="a", key="k"), GivenContent(b"x"))
    assert service.tree() == {"/a": b"x"}


async def test_stalled_call_waits_and_can_be_cancelled() -> None:
    service = MemoryService()
    service.add_file("/a", b"x")
    fault = service.faults.add("look_up", stall=asyncio.Event())
    connector = await signed_in(service)
    task = asyncio.create_task(connector.look_up("/a"))
    async with asyncio.timeout(10):
        await fault.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await connector.look_up("/a")).name == "a"


async def test_change_in_the_middle_of_reading_a_version_is_noticed() -> None:
    service = MemoryService()
    entry = service.add_file("/a", bytes(300_000))
    connector = await signed_in(service)

    async def read_and_change() -> AsyncIterator[bytes]:
        async with aclosing(connector.read(EntryRef("/a", entry.id), version=entry.version)) as chunks:
            async for chunk in chunks:
                yield chunk
                service.change_file("/a", b"new")

    with pytest.raises(Changed):
        _ = [chunk async for chunk in read_and_change()]


async def test_full_account_takes_no_more() -> None:
    service = MemoryService(free_bytes=10)
    connector = await signed_in(service)
    await connector.upload(Target(folder=ROOT, name="a", key="a"), GivenContent(bytes(6)))
    assert connector.quota is not None
    assert await connector.quota.free_bytes() == 4
    with pytest.raises(QuotaExceeded):
        await connector.upload(Target(folder=ROOT, name="b", key="b"), GivenContent(bytes(6), told_size=None))
    assert list(service.tree()) == ["/a"]


async def test_content_that_is_not_kept_is_hashed_all_the_same() -> None:
    service = MemoryService(keeps_content=False)
    connector = await signed_in(service)
    entry = await connector.upload(Target(folder=ROOT, name="a", key="a"), GivenContent(b"hello"))
    assert entry.hashes == hashes_of(b"hello", [HashName.QUICKXOR])
    assert entry.size == 5


def test_pattern_is_the_same_in_whatever_pieces_it_is_read() -> None:
    pattern = Pattern(200_001, seed=3)
    whole = pattern.read(0, 300_000)
    assert len(whole) == 200_001
    assert b"".join(pattern.read(at, 777) for at in range(0, 200_001, 777)) == whole
    assert Pattern(200_001, seed=4).read(0, 10) != whole[:10]


async def test_most_at_once_counts_calls_that_overlap() -> None:
    service = MemoryService()
    connector = await signed_in(service)
    await asyncio.gather(*(connector.look_up("/") for _ in range(5)))
    assert service.most_at_once["look_up"] == 5
    assert service.calls["look_up"] == 5


async def test_made_up_account_lists_all_its_files_in_pages() -> None:
    connector = MadeUpConnector(2500, files_in_folder=2000)
    folders = [entry async for page in connector.list_folder(ROOT) for entry in page.entries]
    files = [
        (ROOT.child(folder.name, folder.id).child(entry.name, entry.id), entry)
        for folder in folders
        async for page in connector.list_folder(ROOT.child(folder.name, folder.id))
        for entry in page.entries
    ]
    assert (len(folders), len(files)) == (2, 2500)
    ref, entry = files[2345]
    assert await connector.refresh(ref) == entry == await connector.look_up(ref.path)
    async with aclosing(connector.read(ref)) as chunks:
        assert sum([len(chunk) async for chunk in chunks]) == entry.size == 2345
    with pytest.raises(NotFound):
        await connector.look_up("/folder-0000000/file-000002345.bin")
