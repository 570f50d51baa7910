"""Modified times are kept as finely as the service claims."""

from __future__ import annotations

import pytest
from tests.contents import GivenContent
from tests.contract.acts import listed, need, put, ref_of, target

from mover.connectors.contract import Connector, Setting, Times
from mover.entries import Entry, EntryRef
from mover.errors import NotFound

MOMENTS = [
    0,
    1_000_000_000_000_000_000,
    1_600_000_000_123_456_789,
    1_599_999_999_999_999_999,
    2_524_608_000_500_000_000,
]


def _times(connector: Connector) -> Times:
    assert connector.times is not None
    return connector.times


def _is_kept(connector: Connector, entry: Entry, moment: int) -> bool:
    """Tell whether an entry has a time as far as the service's grain goes; a second where listings tell none."""
    grain = connector.capabilities.modified_resolution_ns or 1_000_000_000
    return entry.modified_ns is not None and abs(entry.modified_ns - moment) < grain


async def test_times_that_come_with_uploads_are_kept(connector: Connector, folder: EntryRef) -> None:
    need(connector.capabilities.modified is Setting.AT_UPLOAD, "times set at upload")
    seen = {}
    for moment in MOMENTS:
        place = target(folder, f"file {moment}", modified_ns=moment)
        uploaded = await connector.upload(place, GivenContent(b"x"))
        entry = seen[uploaded.name] = await connector.refresh(ref_of(folder, uploaded))
        assert _is_kept(connector, entry, moment), moment
    found = {entry.name: entry.modified_ns for entry in await listed(connector, folder)}
    assert found.keys() == seen.keys()
    if connector.capabilities.modified_resolution_ns is not None:
        assert found == {name: entry.modified_ns for name, entry in seen.items()}


async def test_times_that_are_set_afterwards_are_kept(connector: Connector, folder: EntryRef) -> None:
    need(connector.capabilities.modified is Setting.AFTERWARDS, "times set afterwards")
    for moment in MOMENTS:
        file = ref_of(folder, await put(connector, folder, f"file {moment}", b"x"))
        assert await _times(connector).set_modified(file, moment)
        assert await _times(connector).set_modified(file, moment)
        assert _is_kept(connector, await connector.refresh(file), moment), moment


async def test_time_survives_replacing(connector: Connector, folder: EntryRef) -> None:
    need(connector.capabilities.modified is Setting.AT_UPLOAD, "times set at upload")
    first = await connector.upload(target(folder, "file", modified_ns=MOMENTS[1]), GivenContent(b"x"))
    seen = await connector.refresh(ref_of(folder, first))
    again = target(folder, "file", replaces=seen, modified_ns=MOMENTS[2])
    second = await connector.upload(again, GivenContent(b"yy"))
    assert _is_kept(connector, await connector.refresh(ref_of(folder, second)), MOMENTS[2])


async def test_times_of_folders_are_kept(connector: Connector, folder: EntryRef) -> None:
    need(connector.capabilities.folder_modified is Setting.AFTERWARDS, "times of folders")
    for moment in MOMENTS[1:3]:
        inner = ref_of(folder, await connector.create_folder(folder, f"inner {moment}"))
        await put(connector, inner, "file", b"x")
        assert await _times(connector).set_modified(inner, moment)
        assert _is_kept(connector, await connector.refresh(inner), moment), moment


async def test_setting_a_time_does_not_change_the_content_version_of_another_file(
    connector: Connector, folder: EntryRef
) -> None:
    need(
        connector.times is not None and connector.capabilities.modified is Setting.AFTERWARDS,
        "times set afterwards",
    )
    file, other = [ref_of(folder, await put(connector, folder, name, b"x")) for name in ("file", "other")]
    before = await connector.refresh(other)
    await _times(connector).set_modified(file, MOMENTS[1])
    assert await connector.refresh(other) == before


async def test_setting_the_time_of_a_missing_entry_is_not_found(
    connector: Connector, folder: EntryRef
) -> None:
    need(connector.times is not None, "times set afterwards")
    with pytest.raises(NotFound):
        await _times(connector).set_modified(
            folder.child("missing", "e999999" if connector.capabilities.stable_ids else None), MOMENTS[1]
        )


async def test_operation_is_there_exactly_if_some_time_is_set_afterwards(connector: Connector) -> None:
    can = connector.capabilities
    assert (connector.times is not None) == (Setting.AFTERWARDS in {can.modified, can.folder_modified})
    assert can.folder_modified is not Setting.AT_UPLOAD
