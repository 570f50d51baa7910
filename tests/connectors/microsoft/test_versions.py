"""Earlier versions, and how many a move makes."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from tests.contents import GivenContent
from tests.contract.acts import put, ref_of, target

from mover.connectors.contract import FileVersion
from mover.connectors.microsoft.connector import MicrosoftConnector
from mover.entries import ROOT, EntryRef
from mover.errors import NotFound
from simulators.microsoft import Microsoft

pytestmark = pytest.mark.servers


async def _read(
    connector: MicrosoftConnector,
    file: EntryRef,
    version: FileVersion,
    *,
    offset: int = 0,
    length: int | None = None,
) -> bytes:
    async with aclosing(connector.versions.read(file, version, offset=offset, length=length)) as pieces:
        return b"".join([piece async for piece in pieces])


async def test_versions_are_told_oldest_first_and_read(either: MicrosoftConnector) -> None:
    entry = await put(either, ROOT, "file", b"one")
    for content in (b"three", b""):
        seen = await either.refresh(ref_of(ROOT, entry))
        await either.upload(target(ROOT, "file", replaces=seen), GivenContent(content))
    file = ref_of(ROOT, entry)
    first, second, third = await either.versions.of(file)
    assert [version.size for version in (first, second, third)] == [3, 5, 0]
    assert first.modified_ns is not None
    assert await _read(either, file, first) == b"one"
    assert await _read(either, file, second, offset=1, length=3) == b"hre"
    assert await _read(either, file, third) == b""
    with pytest.raises(NotFound):
        await _read(either, file, FileVersion(id="99.0"))


async def test_the_current_version_is_read_as_the_file_is(drive: MicrosoftConnector) -> None:
    file = ref_of(ROOT, await put(drive, ROOT, "file", b"content"))
    [only] = await drive.versions.of(file)
    assert only.author == "anna@contoso.example"
    assert await _read(drive, file, only, offset=3) == b"tent"


async def test_an_empty_file_with_a_time_costs_a_version_at_work_as_the_service_has_it(
    vendor: Microsoft, either: MicrosoftConnector
) -> None:
    entry = await either.upload(target(ROOT, "empty", modified_ns=10**18), GivenContent(b""))
    assert entry.modified_ns == 10**18
    assert len(await either.versions.of(ref_of(ROOT, entry))) == (2 if either.capabilities.alters else 1)
    assert vendor.tally.calls["PUT content"] == vendor.tally.calls["PATCH item"] == 1
