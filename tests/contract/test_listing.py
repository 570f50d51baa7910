"""Listings are complete, in pages, and never mistake a missing folder for an empty one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

import pytest
from tests.contract.acts import fill, listed, names, need, need_folders_in_folders, put, put_many, ref_of
from tests.contract.services import Service

from mover.connectors.contract import Connector, Page
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import NotFound


async def test_empty_folder_has_no_entries(connector: Connector, folder: EntryRef) -> None:
    assert await listed(connector, folder) == []


async def test_folder_lists_files_and_folders_directly_in_it(connector: Connector, folder: EntryRef) -> None:
    need_folders_in_folders(connector)
    inner = ref_of(folder, await connector.create_folder(folder, "inner"))
    await put(connector, folder, "file", b"12345")
    await put(connector, inner, "below", b"x")
    found = {entry.name: (entry.kind, entry.size) for entry in await listed(connector, folder)}
    assert found == {"file": (EntryKind.FILE, 5), "inner": (EntryKind.FOLDER, None)}
    assert await names(connector, inner) == ["below"]


async def test_entries_have_ids_exactly_where_the_service_claims_them(
    connector: Connector, folder: EntryRef
) -> None:
    await put(connector, folder, "file")
    need(connector.capabilities.stable_ids, "stable ids")
    assert all(entry.id for entry in await listed(connector, folder))


async def test_listing_agrees_with_looking_up(connector: Connector, folder: EntryRef) -> None:
    await put(connector, folder, "file", b"12345")
    [entry] = await listed(connector, folder)
    for described in (
        await connector.look_up(ref_of(folder, entry).path),
        await connector.refresh(ref_of(folder, entry)),
    ):
        told_by_both = [
            pair for pair in zip(_evidence(described), _evidence(entry), strict=True) if None not in pair
        ]
        assert len(told_by_both) >= (3 if connector.capabilities.sizes else 2)
        assert all(one == other for one, other in told_by_both), told_by_both


def _evidence(entry: Entry) -> tuple[object, ...]:
    return entry.name, entry.kind, entry.id, entry.size, entry.modified_ns, entry.version


@pytest.mark.slow
async def test_large_folder_comes_in_pages_and_goes_on_after_any_of_them_in_another_process(
    service: Service, connector: Connector, folder: EntryRef
) -> None:
    files = [f"file-{number:04}" for number in range(service.large_folder)]
    if not fill(service, folder, files):
        await put_many(connector, folder, dict.fromkeys(files, b""))
    pages = await _pages(connector, folder)
    assert sorted(_names(pages)) == files
    assert max(len(page.entries) for page in pages) <= 1100
    assert pages[-1].cursor is None
    other = service.connect()
    await other.sign_in()
    try:
        for number, page in enumerate(pages[:-1][:2], start=1):
            need(page.cursor is not None, "listings that can be resumed")
            rest = await _pages(other, folder, page.cursor)
            assert sorted(_names([*pages[:number], *rest])) == files
    finally:
        await other.close()


def _names(pages: Sequence[Page]) -> list[str]:
    return [entry.name for page in pages for entry in page.entries]


async def test_listing_given_up_after_a_page_leaves_the_connector_usable(
    connector: Connector, folder: EntryRef
) -> None:
    await put(connector, folder, "file")
    async with aclosing(connector.list_folder(folder)) as pages:
        await anext(pages)
    assert await names(connector, folder) == ["file"]


async def test_listing_a_missing_folder_is_not_found(connector: Connector, folder: EntryRef) -> None:
    with pytest.raises(NotFound):
        await listed(
            connector, folder.child("missing", "e999999" if connector.capabilities.stable_ids else None)
        )


async def test_listing_a_file_is_not_found(connector: Connector, folder: EntryRef) -> None:
    file = ref_of(folder, await put(connector, folder, "file", b"x"))
    with pytest.raises(NotFound):
        await listed(connector, file)


async def _pages(connector: Connector, folder: EntryRef, cursor: str | None = None) -> list[Page]:
    async with aclosing(connector.list_folder(folder, cursor)) as pages:
        return [page async for page in pages]
