"""Creating folders can be repeated, and never turns a file into a folder."""

from __future__ import annotations

import asyncio

import pytest
from tests.contract.acts import listed, names, need, need_folders_in_folders, put, read, ref_of

from mover.connectors.contract import Connector
from mover.entries import EntryKind, EntryRef
from mover.errors import Conflict, NotFound


async def test_created_folder_is_listed(connector: Connector, folder: EntryRef) -> None:
    need_folders_in_folders(connector)
    need(connector.capabilities.empty_folders, "empty folders")
    made = await connector.create_folder(folder, "new")
    assert (made.name, made.kind) == ("new", EntryKind.FOLDER)
    [entry] = await listed(connector, folder)
    assert (entry.name, entry.kind, entry.id) == ("new", EntryKind.FOLDER, made.id)


async def test_creating_again_returns_the_folder_with_what_is_in_it(
    connector: Connector, folder: EntryRef
) -> None:
    need_folders_in_folders(connector)
    first = await connector.create_folder(folder, "new")
    await put(connector, ref_of(folder, first), "kept", b"x")
    second = await connector.create_folder(folder, "new")
    assert (second.kind, second.id) == (EntryKind.FOLDER, first.id)
    assert await names(connector, ref_of(folder, second)) == ["kept"]
    assert await names(connector, folder) == ["new"]


@pytest.mark.promise("P4")
async def test_file_in_the_way_is_a_conflict_and_stays(connector: Connector, folder: EntryRef) -> None:
    need_folders_in_folders(connector)
    file = ref_of(folder, await put(connector, folder, "taken", b"kept"))
    with pytest.raises(Conflict):
        await connector.create_folder(folder, "taken")
    assert await read(connector, file) == b"kept"


async def test_folder_in_a_missing_folder_is_not_found(connector: Connector, folder: EntryRef) -> None:
    need_folders_in_folders(connector)
    need(not connector.capabilities.implicit_folders, "folders that must be there first")
    missing = folder.child("missing", "e999999" if connector.capabilities.stable_ids else None)
    with pytest.raises(NotFound):
        await connector.create_folder(missing, "new")


async def test_many_at_once_creating_one_folder_get_the_same(connector: Connector, folder: EntryRef) -> None:
    need_folders_in_folders(connector)
    made = await asyncio.gather(*(connector.create_folder(folder, "new") for _ in range(5)))
    assert len({entry.id for entry in made}) == 1
    if connector.capabilities.empty_folders:
        assert await names(connector, folder) == ["new"]


async def test_deep_folders(connector: Connector, folder: EntryRef) -> None:
    need_folders_in_folders(connector, 13)
    inner = folder
    for number in range(12):
        inner = ref_of(inner, await connector.create_folder(inner, f"level {number}"))
    file = ref_of(inner, await put(connector, inner, "deep", b"x"))
    assert await read(connector, file) == b"x"
    assert (await connector.look_up(file.path)).size == 1
