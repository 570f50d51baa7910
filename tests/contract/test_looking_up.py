"""Looking up by path and describing afresh."""

from __future__ import annotations

import pytest
from tests.contents import GivenContent
from tests.contract.acts import put, ref_of, sized, target

from mover.connectors.contract import Connector, Target
from mover.entries import EntryKind, EntryRef
from mover.errors import NotFound


async def test_root_is_a_folder(connector: Connector) -> None:
    assert (await connector.look_up("/")).kind is EntryKind.FOLDER


async def test_folder_and_file_are_found_by_path(connector: Connector, folder: EntryRef) -> None:
    await put(connector, folder, "file", b"123")
    assert (await connector.look_up(folder.path)).kind is EntryKind.FOLDER
    file = await connector.look_up(f"{folder.path}/file")
    assert (file.name, file.kind, file.size) == ("file", EntryKind.FILE, sized(connector, 3))


async def test_missing_entry_is_not_found(connector: Connector, folder: EntryRef) -> None:
    with pytest.raises(NotFound) as caught:
        await connector.look_up(f"{folder.path}/missing")
    assert caught.value.service == connector.service
    assert "missing" in caught.value.path


async def test_entry_below_a_file_is_not_found(connector: Connector, folder: EntryRef) -> None:
    await put(connector, folder, "file", b"x")
    with pytest.raises(NotFound):
        await connector.look_up(f"{folder.path}/file/below")


async def test_refreshing_a_missing_entry_is_not_found(connector: Connector, folder: EntryRef) -> None:
    with pytest.raises(NotFound):
        await connector.refresh(
            folder.child("missing", "e999999" if connector.capabilities.stable_ids else None)
        )


async def test_refreshing_tells_new_size_and_new_version(connector: Connector, folder: EntryRef) -> None:
    before = await put(connector, folder, "file", b"one")
    file = ref_of(folder, before)
    seen = await connector.refresh(file)
    changed: Target = target(folder, "file", replaces=seen)
    await connector.upload(changed, GivenContent(b"three"))
    now = await connector.refresh(file)
    assert now.size == sized(connector, 5)
    assert now.version is None or now.version != seen.version


async def test_calls_are_counted(connector: Connector, folder: EntryRef) -> None:
    before = connector.calls
    await put(connector, folder, "file")
    assert connector.calls > before
