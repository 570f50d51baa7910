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


@pytest.mark.parametrize("moment", MOMENTS)
async def test_time_that_comes_with_an_upload_is_kept(
    connector: Connector, folder: EntryRef, moment: int
) -> None:
    need(connector.capabilities.modified is Setting.AT_UPLOAD, "times set at upload")
    uploaded = await connector.upload(target(folder, "file", modified_ns=moment), GivenContent(b"x"))
    seen = await connector.refresh(ref_of(folder, uploaded))
    assert _is_kept(connector, seen, moment)
    [entry] = await listed(connector, folder)
    assert entry.modified_ns == seen.modified_ns or connector.capabilities.modified_resolution_ns is None


@pytest.mark.parametrize("moment", MOMENTS)
async def test_time_that_is_set_afterwards_is_kept(
    connector: Connector, folder: EntryRef, moment: int
) -> None:
    need(connector.capabilities.modified is Setting.AFTERWARDS, "times set afterwards")
    file = ref_of(folder, await put(connector, folder, "file", b"x"))
    assert await _times(connector).set_modified(file, moment)
    assert await _times(connector).set_modified(file, moment)
    assert _is_kept(connector, await connector.refresh(file), moment)


async def test_time_survives_replacing(connector: Connector, folder: EntryRef) -> None:
    need(connector.capabilities.modified is Setting.AT_UPLOAD, "times set at upload")
    first = await connector.upload(target(folder, "file", modified_ns=MOMENTS[1]), GivenContent(b"x"))
    seen = await connector.refresh(ref_of(folder, first))
    again = target(folder, "file", replaces=seen, modified_ns=MOMENTS[2])
    second = await connector.upload(again, GivenContent(b"yy"))
    assert _is_kept(connector, await connector.refresh(ref_of(folder, second)), MOMENTS[2])


@pytest.mark.parametrize("moment", MOMENTS[1:3])
async def test_time_of_a_folder_is_kept(connector: Connector, folder: EntryRef, moment: int) -> None:
    need(connector.capabilities.folder_modified is Setting.AFTERWARDS, "times of folders")
    inner = ref_of(folder, await connector.create_folder(folder, "inner"))
    await put(connector, inner, "file", b"x")
    assert await _times(connector).set_modified(inner, moment)
    assert _is_kept(connector, await connector.refresh(inner), moment)


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
