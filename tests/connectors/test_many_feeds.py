"""One feed of many, over feeds that are made up: limits, folders that come and go, feeds that end or fail."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import pytest

from mover.connectors import many_feeds
from mover.connectors.contract import Change, Page
from mover.connectors.many_feeds import ManyFeeds
from mover.entries import ROOT, Entry, EntryKind, EntryRef
from mover.errors import (
    AccountSuspended,
    MoverError,
    NotFound,
    PermissionDenied,
    ProtocolViolation,
    SignInFailed,
    Throttled,
    Unsupported,
)

TOP = EntryRef("/", ":top")


class Feeds:
    """Feeds of tops, as lists of lines; `above` tells what stands in the folders above."""

    def __init__(self, tops: Sequence[str] = ("a", "b")) -> None:
        self.above: dict[str, list[Entry]] = {"/": [_folder(name) for name in tops]}
        self.lines: dict[str, list[Change]] = {}
        self.ended: dict[str, MoverError] = {}
        self.calls: list[str] = []

    def made(self) -> ManyFeeds:
        async def is_above(ref: EntryRef) -> bool:
            return ref.path in self.above

        async def top_of(ref: EntryRef) -> str | None:
            return f"root of {ref.name}"

        return ManyFeeds(self, is_above=is_above, list_folder=self.list_folder, top_of=top_of)

    async def list_folder(self, folder: EntryRef) -> AsyncGenerator[Page, None]:
        yield Page(self.above[folder.path])

    async def cursor(self, folder: EntryRef = ROOT) -> str:
        if (error := self.ended.get(folder.name)) is not None:
            raise error
        return f"{folder.name} {len(self.lines.get(folder.name, ()))}"

    async def since(self, cursor: str) -> AsyncGenerator[tuple[Sequence[Change], str], None]:
        name, _, number = cursor.partition(" ")
        self.calls.append(name)
        for at, line in enumerate(self.lines.get(name, [])[int(number) :], start=int(number) + 1):
            yield [line], f"{name} {at}"
        if (error := self.ended.get(name)) is not None:
            raise error
        yield [], f"{name} {len(self.lines.get(name, ()))}"


def _folder(name: str, entry_id: str | None = None) -> Entry:
    return Entry(name=name, kind=EntryKind.FOLDER, id=entry_id or f"id of {name}")


def _file(name: str) -> Entry:
    return Entry(name=name, kind=EntryKind.FILE, id=f"file {name}", size=1)


async def _read(feeds: ManyFeeds, cursor: str) -> tuple[list[Change], str]:
    lines: list[Change] = []
    async for changes, reached in feeds.since(cursor):
        lines += changes
        cursor = reached
    return lines, cursor


async def test_what_stands_at_a_top_is_told_under_the_id_of_the_listing() -> None:
    feeds = Feeds()
    many = feeds.made()
    cursor = await many.cursor(TOP)
    feeds.lines["b"] = [
        Change("1", _file("x"), "root of b"),
        Change("2", _file("y"), None),
        Change("3", _file("z"), "inner"),
        Change("root of b", _folder("b"), None),
        Change("4", None),
        Change("", None, path="/b/w"),
    ]
    lines, cursor = await _read(many, cursor)
    assert lines == [
        Change("1", _file("x"), "id of b"),
        Change("2", _file("y"), "id of b"),
        Change("3", _file("z"), "inner"),
        Change("4", None),
        Change("", None, path="/b/w"),
    ]
    assert (await _read(many, cursor))[0] == []


async def test_it_goes_on_from_each_position() -> None:
    feeds = Feeds()
    many = feeds.made()
    start = await many.cursor(TOP)
    for name in ("a", "b"):
        feeds.lines[name] = [Change(f"{name}{number}", None) for number in range(3)]
    pages = [(list(changes), reached) async for changes, reached in many.since(start)]
    told = [change.id for changes, _ in pages for change in changes]
    assert told == ["a0", "a1", "a2", "b0", "b1", "b2"]
    for number, (_, reached) in enumerate(pages):
        rest = [change.id for changes, _ in pages[number + 1 :] for change in changes]
        assert [change.id for change in (await _read(many, reached))[0]] == rest


async def test_folders_that_come_go_and_are_renamed_are_told() -> None:
    feeds = Feeds(("a", "b", "c"))
    many = feeds.made()
    cursor = await many.cursor(TOP)
    feeds.above["/"] = [_folder("a"), _folder("B", "id of b"), _folder("more")]
    feeds.above["/more"] = [_folder("d")]
    lines, cursor = await _read(many, cursor)
    assert lines == [
        Change("id of b", None),
        Change("id of b", _folder("B", "id of b"), ":top"),
        Change("id of more", None),
        Change("id of more", _folder("more"), ":top"),
        Change("id of d", None),
        Change("id of d", _folder("d"), "id of more"),
        Change("id of c", None),
    ]
    feeds.calls.clear()
    assert (await _read(many, cursor))[0] == []
    assert feeds.calls == ["a", "B", "d"]


@pytest.mark.parametrize("kind", [NotFound, PermissionDenied, AccountSuspended, Unsupported])
async def test_a_feed_that_ends_costs_the_others_nothing_and_may_come_back(kind: type[MoverError]) -> None:
    feeds = Feeds()
    many = feeds.made()
    cursor = await many.cursor(TOP)
    feeds.ended["a"] = kind("no more")
    feeds.lines["b"] = [Change("1", None)]
    lines, cursor = await _read(many, cursor)
    assert lines == [Change("id of a", None), Change("1", None)]
    again = [Change("id of a", None), Change("id of a", _folder("a"), ":top")]
    lines, cursor = await _read(many, cursor)
    assert lines == again
    del feeds.ended["a"]
    lines, cursor = await _read(many, cursor)
    assert lines == again  # what changed in between is in no feed
    assert (await _read(many, cursor))[0] == []


@pytest.mark.parametrize("kind", [SignInFailed, Throttled, ProtocolViolation])
async def test_other_trouble_is_trouble_of_the_whole(kind: type[MoverError]) -> None:
    feeds = Feeds()
    many = feeds.made()
    cursor = await many.cursor(TOP)
    feeds.ended["b"] = kind("trouble")
    with pytest.raises(kind):
        await _read(many, cursor)
    with pytest.raises(kind):
        await many.cursor(TOP)


async def test_where_there_is_no_feed_at_all_there_is_none() -> None:
    feeds = Feeds()
    feeds.ended = {name: Unsupported("none") for name in ("a", "b")}
    with pytest.raises(Unsupported):
        await feeds.made().cursor(TOP)


async def test_more_feeds_than_are_worth_it_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many_feeds, "MOST", 3)
    assert await Feeds(["a", "b", "c"]).made().cursor(TOP)
    with pytest.raises(Unsupported):
        await Feeds(["a", "b", "c", "d"]).made().cursor(TOP)


async def test_of_a_large_organisation_no_more_is_listed_than_tells_that_it_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(many_feeds, "MOST", 3)
    pages = 0

    async def is_above(ref: EntryRef) -> bool:
        return ref.path == "/"

    async def list_folder(_above: EntryRef) -> AsyncGenerator[Page, None]:
        nonlocal pages
        while True:
            pages += 1
            yield Page([_folder(f"{pages}-{number}") for number in range(2)])

    async def top_of(_ref: EntryRef) -> str | None:
        return None

    many = ManyFeeds(Feeds(), is_above=is_above, list_folder=list_folder, top_of=top_of)
    with pytest.raises(Unsupported):
        await many.cursor(TOP)
    assert pages == 2


async def test_what_has_no_id_or_stands_twice_is_not_followed() -> None:
    feeds = Feeds()
    feeds.above["/"].append(Entry(name="c", kind=EntryKind.FOLDER))
    with pytest.raises(Unsupported):
        await feeds.made().cursor(TOP)
    feeds.above["/"][-1] = _folder("c", "id of a")
    with pytest.raises(ProtocolViolation):
        await feeds.made().cursor(TOP)


async def test_a_folder_of_one_feed_has_that_feed() -> None:
    feeds = Feeds()
    many = feeds.made()
    cursor = await many.cursor(EntryRef("/a", "id of a"))
    assert cursor == "a 0"
    feeds.lines["a"] = [Change("1", _file("x"), "root of a")]
    assert (await _read(many, cursor))[0] == feeds.lines["a"]
