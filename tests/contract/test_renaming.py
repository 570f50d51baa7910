"""Renames keep the content and never hit another entry."""

from __future__ import annotations

import pytest
from tests.contract.acts import names, need, put, read, ref_of

from mover.connectors.contract import Connector, Renames
from mover.entries import EntryRef
from mover.errors import Conflict, NotFound


def _renames(connector: Connector) -> Renames:
    need(connector.renames is not None, "renames")
    assert connector.renames is not None
    return connector.renames


async def test_file_gets_a_new_name(connector: Connector, folder: EntryRef) -> None:
    file = ref_of(folder, await put(connector, folder, "old", b"content"))
    before = await connector.refresh(file)
    entry = await _renames(connector).rename(file, folder, "new name")
    assert (entry.name, entry.id) == ("new name", before.id)
    assert await names(connector, folder) == ["new name"]
    assert await read(connector, ref_of(folder, entry)) == b"content"
    assert (await connector.refresh(ref_of(folder, entry))).modified_ns == before.modified_ns


async def test_file_moves_to_another_folder(connector: Connector, folder: EntryRef) -> None:
    _renames(connector)
    file = ref_of(folder, await put(connector, folder, "file", b"content"))
    inner = ref_of(folder, await connector.create_folder(folder, "inner"))
    entry = await _renames(connector).rename(file, inner, "file")
    assert await names(connector, folder) == ["inner"]
    assert await read(connector, ref_of(inner, entry)) == b"content"


async def test_folder_moves_with_what_is_in_it(connector: Connector, folder: EntryRef) -> None:
    need(connector.renames is not None, "renames")
    inner = ref_of(folder, await connector.create_folder(folder, "inner"))
    await put(connector, inner, "file", b"content")
    entry = await _renames(connector).rename(inner, folder, "elsewhere")
    assert await names(connector, folder) == ["elsewhere"]
    assert await names(connector, ref_of(folder, entry)) == ["file"]


@pytest.mark.promise("P4")
async def test_taken_name_is_a_conflict_and_all_stays(connector: Connector, folder: EntryRef) -> None:
    need(connector.renames is not None, "renames")
    file = ref_of(folder, await put(connector, folder, "file", b"ours"))
    await put(connector, ref_of(folder, await connector.create_folder(folder, "a folder")), "inside", b"x")
    await put(connector, folder, "another file", b"theirs")
    for taken in ("a folder", "another file"):
        with pytest.raises(Conflict):
            await _renames(connector).rename(file, folder, taken)
        assert await names(connector, folder) == ["a folder", "another file", "file"], taken
        assert await read(connector, file) == b"ours", taken


async def test_missing_entry_is_not_found(connector: Connector, folder: EntryRef) -> None:
    missing = folder.child("missing", "e999999" if connector.capabilities.stable_ids else None)
    with pytest.raises(NotFound):
        await _renames(connector).rename(missing, folder, "new")
