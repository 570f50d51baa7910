"""Whoever tells all that stands below a folder at once tells the same as listing folder by folder does."""

from __future__ import annotations

from contextlib import aclosing

from tests.contract.acts import listed, need, put, ref_of

from mover.connectors.contract import Connector, TreeLine, Trees
from mover.entries import Entry, EntryKind, EntryRef


async def test_a_tree_is_what_its_folders_list_and_its_feed_goes_on_from_it(
    connector: Connector, folder: EntryRef
) -> None:
    trees = trees_of(connector)
    inner = ref_of(folder, await connector.create_folder(folder, "Inner"))
    await connector.create_folder(inner, "Empty")
    for number in range(3):
        await put(connector, folder, f"File {number}", b"12345")
        await put(connector, inner, f"In it {number}", b"x")

    lines, cursors, feed = await told(trees, folder)

    assert sorted(lines.values(), key=_name) == sorted(await below(connector, folder), key=_name)
    for cursor in cursors[:-1]:
        assert set((await told(trees, folder, cursor))[0]) <= set(lines)
    assert connector.changes is not None
    async with aclosing(connector.changes.since(feed)) as pages:
        assert [change async for page, _ in pages for change in page] == []
    await put(connector, inner, "Later", b"x")
    async with aclosing(connector.changes.since(feed)) as pages:
        later = [change.entry.name async for page, _ in pages for change in page if change.entry is not None]
    assert "Later" in later


def trees_of(connector: Connector) -> Trees:
    """What tells trees; skips where nothing does."""
    feed = connector.changes
    need(feed is not None and isinstance(feed, Trees), "trees that are told at once")
    assert feed is not None
    assert isinstance(feed, Trees)
    return feed


async def told(
    trees: Trees, folder: EntryRef, cursor: str | None = None
) -> tuple[dict[str, Entry], list[str], str]:
    """What stands below a folder after all lines, by place; the cursors of all pages, and that of the feed."""
    standing: dict[str, Entry] = {}
    cursors: list[str] = []
    feed = None
    async with aclosing(trees.below(folder, cursor)) as pages:
        async for page in pages:
            assert feed is None
            cursors.append(page.cursor)
            for line in page.lines:
                apply(standing, line)
            feed = page.feed
    assert feed is not None
    return standing, cursors, feed


def apply(standing: dict[str, Entry], line: TreeLine) -> None:
    """As the contract says."""
    if line.entry is None or line.entry.kind is not EntryKind.FOLDER:
        for place in [one for one in standing if one == line.place or one.startswith(f"{line.place}/")]:
            del standing[place]
    if line.entry is not None:
        standing[line.place] = line.entry


async def below(connector: Connector, folder: EntryRef) -> list[Entry]:
    """What listing folder by folder finds."""
    found = []
    for entry in await listed(connector, folder):
        found.append(entry)
        if entry.kind is EntryKind.FOLDER:
            found += await below(connector, ref_of(folder, entry))
    return found


def _name(entry: Entry) -> str:
    return entry.name
