"""Uploads make a file whole or not at all, never over another one, and replace only what was seen."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from tests.contents import GivenContent, hashes_of
from tests.contract.acts import (
    WAIT_S,
    StalledContent,
    listed,
    names,
    need,
    need_folders_in_folders,
    put,
    put_many,
    read,
    ref_of,
    sized,
    some_bytes,
    target,
)
from tests.contract.services import Service

from mover.connectors.contract import Connector, is_temporary_name
from mover.entries import EntryKind, EntryRef, HashName
from mover.errors import Changed, Conflict, IntegrityError, MoverError, NotFound

DATA = some_bytes(1_500_000)
ALL_HASHES = frozenset(HashName) - {HashName.S3_ETAG}


class SourceFailedError(Exception):
    """Reading the source failed."""


async def test_uploaded_file_is_described_and_reads_back(connector: Connector, folder: EntryRef) -> None:
    entry = await put(connector, folder, "file", DATA)
    assert (entry.name, entry.kind) == ("file", EntryKind.FILE)
    assert entry.size in {None, len(DATA)}
    assert await read(connector, ref_of(folder, entry)) == DATA
    assert await names(connector, folder) == ["file"]


async def test_sizes_around_limits_of_pieces_and_none(connector: Connector, folder: EntryRef) -> None:
    for size in (0, 1, 65_536, 262_145):
        entry = await put(connector, folder, f"file {size}", DATA[:size])
        assert (await connector.refresh(ref_of(folder, entry))).size == sized(connector, size)
        assert await read(connector, ref_of(folder, entry)) == DATA[:size], size


async def test_content_of_unknown_size(connector: Connector, folder: EntryRef) -> None:
    need(connector.capabilities.unknown_sizes, "content of unknown size")
    for size in (0, 100, len(DATA)):
        content = GivenContent(DATA[:size], told_size=None)
        entry = await connector.upload(target(folder, f"file {size}"), content)
        assert await read(connector, ref_of(folder, entry)) == DATA[:size], size


async def test_content_that_can_be_read_once_only(connector: Connector, folder: EntryRef) -> None:
    entry = await connector.upload(target(folder, "file"), GivenContent(DATA, repeatable=False))
    assert await read(connector, ref_of(folder, entry)) == DATA


async def test_returned_hashes_are_those_of_the_content(connector: Connector, folder: EntryRef) -> None:
    content = GivenContent(DATA, hashes=hashes_of(DATA, ALL_HASHES))
    entry = await connector.upload(target(folder, "file"), content)
    assert connector.capabilities.returned_hashes - {HashName.S3_ETAG} <= entry.hashes.keys()
    true = hashes_of(DATA, ALL_HASHES)
    assert {name: value for name, value in entry.hashes.items() if name in true} == {
        name: true[name] for name in entry.hashes if name in true
    }


async def test_listed_hashes_are_those_of_the_content(connector: Connector, folder: EntryRef) -> None:
    await connector.upload(target(folder, "file"), GivenContent(DATA, hashes=hashes_of(DATA, ALL_HASHES)))
    [entry] = await listed(connector, folder)
    assert connector.capabilities.listed_hashes <= entry.hashes.keys()
    true = hashes_of(DATA, ALL_HASHES)
    assert all(true.get(name, value) == value for name, value in entry.hashes.items())


async def test_damage_on_the_way_is_noticed_or_shown_by_the_returned_hashes(
    connector: Connector, folder: EntryRef
) -> None:
    announced = hashes_of(DATA, ALL_HASHES)
    damaged = GivenContent(DATA[:-1] + bytes([DATA[-1] ^ 1]), hashes=announced)
    try:
        entry = await connector.upload(target(folder, "file"), damaged)
    except IntegrityError:
        assert await names(connector, folder) == []
    else:
        assert all(announced.get(name) != value for name, value in entry.hashes.items())


@pytest.mark.promise("P4")
async def test_creating_over_a_file_is_a_conflict_and_changes_nothing(
    connector: Connector, folder: EntryRef
) -> None:
    file = ref_of(folder, await put(connector, folder, "file", b"kept"))
    with pytest.raises(Conflict):
        await put(connector, folder, "file", b"other")
    assert await read(connector, file) == b"kept"
    assert await names(connector, folder) == ["file"]


@pytest.mark.promise("P4")
async def test_creating_over_a_folder_is_a_conflict(connector: Connector, folder: EntryRef) -> None:
    need(not connector.capabilities.implicit_folders, "that a folder is an entry like others")
    need_folders_in_folders(connector)
    inner = ref_of(folder, await connector.create_folder(folder, "inner"))
    await put(connector, inner, "kept", b"kept")
    with pytest.raises(Conflict):
        await put(connector, folder, "inner", b"other")
    assert await names(connector, inner) == ["kept"]


async def test_of_many_at_once_creating_one_name_one_wins(
    service: Service, connector: Connector, folder: EntryRef
) -> None:
    need(connector.capabilities.exclusive_create and service.decides_races, "to let one of many creators win")
    contents = [some_bytes(200_000, seed) for seed in range(4)]
    outcomes = await asyncio.gather(
        *(put(connector, folder, "file", data) for data in contents), return_exceptions=True
    )
    failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(failed) == 3
    assert all(isinstance(error, Conflict) for error in failed), failed
    [winner] = [number for number, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException)]
    [entry] = [entry for entry in await listed(connector, folder) if not is_temporary_name(entry.name)]
    assert await read(connector, ref_of(folder, entry)) == contents[winner]


async def test_uploading_into_a_missing_folder_is_not_found(connector: Connector, folder: EntryRef) -> None:
    need(not connector.capabilities.implicit_folders, "folders that must be there first")
    missing = folder.child("missing", "e999999" if connector.capabilities.stable_ids else None)
    with pytest.raises(NotFound):
        await put(connector, missing, "file", b"x")


async def test_replacing_keeps_name_and_id_and_gives_new_content(
    connector: Connector, folder: EntryRef
) -> None:
    first = await put(connector, folder, "file", b"first")
    seen = await connector.refresh(ref_of(folder, first))
    second = await connector.upload(target(folder, "file", replaces=seen), GivenContent(DATA))
    assert (second.name, second.id) == (first.name, first.id)
    assert await read(connector, ref_of(folder, second)) == DATA
    there = [entry for entry in await listed(connector, folder) if not is_temporary_name(entry.name)]
    assert [(entry.name, entry.id) for entry in there] == [("file", first.id)]


async def test_replacing_with_nothing_empties_the_file(connector: Connector, folder: EntryRef) -> None:
    seen = await connector.refresh(ref_of(folder, await put(connector, folder, "file", b"first")))
    entry = await connector.upload(target(folder, "file", replaces=seen), GivenContent(b""))
    assert await read(connector, ref_of(folder, entry)) == b""


async def test_what_somebody_changed_meanwhile_is_not_replaced(
    connector: Connector, folder: EntryRef
) -> None:
    seen = await connector.refresh(ref_of(folder, await put(connector, folder, "file", b"first")))
    need(seen.version is not None or seen.size is not None, "entries that tell whether they changed")
    entry = await connector.upload(target(folder, "file", replaces=seen), GivenContent(b"somebody's"))
    with pytest.raises(Changed):
        await connector.upload(target(folder, "file", replaces=seen), GivenContent(b"ours"))
    assert await read(connector, ref_of(folder, entry)) == b"somebody's"


async def test_what_is_gone_is_not_replaced(connector: Connector, folder: EntryRef) -> None:
    seen = await connector.refresh(ref_of(folder, await put(connector, folder, "file", b"first")))
    never_there = msgspec.structs.replace(seen, name="gone", id="e999999" if seen.id else None)
    with pytest.raises((Changed, NotFound)):
        await connector.upload(target(folder, "gone", replaces=never_there), GivenContent(b"ours"))
    assert await names(connector, folder) == ["file"]


async def test_source_that_fails_midway_leaves_nothing_visible(
    connector: Connector, folder: EntryRef
) -> None:
    for told_size in (len(DATA), None) if connector.capabilities.unknown_sizes else (len(DATA),):
        content = GivenContent(DATA, told_size=told_size, fails_after=600_000, failure=SourceFailedError())
        with pytest.raises(SourceFailedError):
            await connector.upload(target(folder, "file"), content)
        assert await names(connector, folder) == []


async def test_source_that_fails_midway_leaves_the_replaced_file_as_it_was(
    connector: Connector, folder: EntryRef
) -> None:
    seen = await connector.refresh(ref_of(folder, await put(connector, folder, "file", b"first")))
    content = GivenContent(DATA, fails_after=600_000, failure=SourceFailedError())
    with pytest.raises(SourceFailedError):
        await connector.upload(target(folder, "file", replaces=seen), content)
    assert await read(connector, ref_of(folder, seen)) == b"first"


async def test_content_of_another_size_than_announced_leaves_nothing_visible(
    connector: Connector, folder: EntryRef
) -> None:
    for told_size in (len(DATA) + 1, len(DATA) - 1):
        with pytest.raises(MoverError):
            await connector.upload(target(folder, "file"), GivenContent(DATA, told_size=told_size))
        assert await names(connector, folder) == [], told_size


async def test_cancelled_upload_leaves_nothing_visible_and_can_be_repeated(
    connector: Connector, folder: EntryRef
) -> None:
    place = target(folder, "file")
    content = StalledContent(DATA)
    task = asyncio.create_task(connector.upload(place, content))
    async with asyncio.timeout(WAIT_S):
        await content.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await names(connector, folder) == []
    entry = await connector.upload(place, GivenContent(DATA))
    assert await read(connector, ref_of(folder, entry)) == DATA
    assert [entry.name for entry in await listed(connector, folder)] == ["file"]


async def test_file_under_upload_is_not_visible_before_it_is_whole(
    connector: Connector, folder: EntryRef
) -> None:
    content = StalledContent(DATA)
    task = asyncio.create_task(connector.upload(target(folder, "file"), content))
    async with asyncio.timeout(WAIT_S):
        await content.reached.wait()
    try:
        assert await names(connector, folder) == []
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_many_uploads_at_once(connector: Connector, folder: EntryRef) -> None:
    files = {f"file {number}": some_bytes(number * 1000, number) for number in range(40)}
    await put_many(connector, folder, files)
    found = {entry.name: entry for entry in await listed(connector, folder)}
    assert found.keys() == files.keys()
    assert {name: await read(connector, ref_of(folder, entry)) for name, entry in found.items()} == files
