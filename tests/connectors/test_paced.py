"""The wrapper keeps a connector to its account's pace, repeats what may be repeated, and changes nothing else."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from mover.connectors.contract import Account, Capabilities, Connector, Page, Setting, Target
from mover.connectors.paced import DEFAULT_POLICY, Paced
from mover.entries import ROOT, Entry, EntryKind, EntryRef, HashName
from mover.errors import (
    Changed,
    IntegrityError,
    MoverError,
    NotFound,
    ServiceFault,
    SignInFailed,
    Throttled,
    Unreachable,
)
from mover.naming import EXACT
from mover.transport.pacing import Pacer

FILE = Entry(name="a", kind=EntryKind.FILE, size=3)
NOTHING: Any = None  # the script does not look at content
TARGET = Target(folder=ROOT, name="a", key="k")


class Scripted:
    """Does what its script says for each call: raises an error, or returns a value."""

    def __init__(self, script: dict[str, list[Any]]) -> None:
        self.script = script
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self.held: list[int] = []
        self.pacer: Pacer | None = None

    def step(self, name: str, *arguments: Any) -> Any:
        self.asked.append((name, arguments))
        if self.pacer:
            self.held.append(self.pacer.running)
        result = self.script[name].pop(0)
        if isinstance(result, BaseException):
            raise result
        return result

    def times_asked(self, name: str) -> int:
        return sum(asked == name for asked, _ in self.asked)


class Parts(Scripted):
    async def begin(self, *arguments: Any) -> Any:
        return self.step("begin", *arguments)

    async def send(self, *arguments: Any) -> Any:
        return self.step("send", *arguments)

    async def received(self, *arguments: Any) -> Any:
        return self.step("received", *arguments)

    async def finish(self, *arguments: Any) -> Any:
        return self.step("finish", *arguments)

    async def abort(self, *arguments: Any) -> Any:
        return self.step("abort", *arguments)


class Others(Scripted):
    names = frozenset({HashName.MD5})

    async def compute(self, *arguments: Any) -> Any:
        return self.step("compute", *arguments)

    async def set_modified(self, *arguments: Any) -> Any:
        return self.step("set_modified", *arguments)

    async def rename(self, *arguments: Any) -> Any:
        return self.step("rename", *arguments)

    async def free_bytes(self, *_folder: Any) -> Any:
        return self.step("free_bytes")

    async def cursor(self, *_folder: Any) -> Any:
        return self.step("cursor")

    async def since(self, cursor: str) -> AsyncGenerator[Any, None]:
        while (page := self.step("since", cursor)) is not None:
            cursor = page[1]
            yield page


class Service(Scripted):
    service = "scripted"
    capabilities = Capabilities(
        names=EXACT, modified=Setting.NEVER, modified_resolution_ns=None, exclusive_create=True
    )
    calls = 7
    closed = 0
    streams_closed = 0
    part_uploads: Any = None
    described_reads: Any = None
    hashes: Any = None
    times: Any = None
    renames: Any = None
    quota: Any = None
    changes: Any = None
    sharing_changes: Any = None
    permissions: Any = None
    versions: Any = None
    places: Any = None

    async def sign_in(self) -> Any:
        return self.step("sign_in")

    async def close(self) -> Any:
        self.closed += 1

    async def look_up(self, path: str) -> Any:
        return self.step("look_up", path)

    async def refresh(self, ref: EntryRef) -> Any:
        return self.step("refresh", ref)

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        while (page := self.step("list_folder", folder, cursor)) is not None:
            cursor = page.cursor
            yield page

    async def read(
        self, file: EntryRef, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        try:
            while (piece := self.step("read", file, offset, length, version)) is not None:
                yield piece
        finally:
            self.streams_closed += 1

    async def create_folder(self, parent: EntryRef, name: str) -> Any:
        return self.step("create_folder", parent, name)

    async def upload(self, target: Target, content: Any) -> Any:
        return self.step("upload", target, content)


class Setup:
    """A scripted service, wrapped, in a world in which time passes by sleeping only."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.now = 0.0
        self.slept: list[float] = []
        self.pacer = Pacer(4, 8, clock=lambda: self.now, sleep=self.sleep, rng=random.Random(1))
        self.paced = Paced(
            service, self.pacer, sleep=self.sleep, clock=lambda: self.now, rng=random.Random(2)
        )
        service.pacer = self.pacer

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def setup(**script: list[Any]) -> Setup:
    return Setup(Service(script))


def gone() -> Unreachable:
    return Unreachable("gone")


def page(name: str, cursor: str | None) -> Page:
    return Page([Entry(name=name, kind=EntryKind.FILE)], cursor)


async def listed(paced: Paced, cursor: str | None = None) -> list[str]:
    async with aclosing(paced.list_folder(ROOT, cursor)) as pages:
        return [entry.name async for found in pages for entry in found.entries]


def test_it_is_a_connector() -> None:
    connector: Connector = setup().paced
    assert (connector.service, connector.calls) == ("scripted", 7)
    assert connector.capabilities is Service.capabilities


def test_what_the_service_lacks_is_absent_here_too() -> None:
    paced = setup().paced
    assert [paced.part_uploads, paced.hashes, paced.times, paced.renames, paced.quota, paced.changes] == [
        None
    ] * 6


@pytest.mark.parametrize(
    ("name", "call", "result"),
    [
        ("sign_in", lambda paced: paced.sign_in(), Account("alice", secure=True)),
        ("look_up", lambda paced: paced.look_up("/a"), FILE),
        ("refresh", lambda paced: paced.refresh(ROOT), FILE),
        ("create_folder", lambda paced: paced.create_folder(ROOT, "a"), FILE),
    ],
)
async def test_a_small_operation_is_repeated_until_it_succeeds(
    name: str, call: Callable[[Paced], Awaitable[Any]], result: Any
) -> None:
    world = setup(**{name: [gone(), ServiceFault("down"), result]})
    assert await call(world.paced) == result
    assert len(world.slept) == 2
    assert world.service.held == [1, 1, 1]
    assert world.pacer.running == 0


async def test_the_last_error_itself_is_raised_when_all_tries_fail() -> None:
    errors = [gone() for _ in range(5)]
    world = setup(look_up=list(errors))
    with pytest.raises(Unreachable) as raised:
        await world.paced.look_up("/a")
    assert raised.value is errors[-1]


@pytest.mark.parametrize(
    "error", [NotFound("no"), SignInFailed("expired"), Changed("edited"), KeyError("defect")]
)
async def test_what_would_fail_again_is_not_repeated(error: Exception) -> None:
    world = setup(look_up=[error])
    with pytest.raises(type(error)):
        await world.paced.look_up("/a")
    assert world.service.times_asked("look_up") == 1
    assert world.slept == []


async def test_an_expired_session_is_reported_and_not_signed_in_again() -> None:
    world = setup(sign_in=[SignInFailed("wrong password")])
    with pytest.raises(SignInFailed):
        await world.paced.sign_in()
    assert world.service.times_asked("sign_in") == 1


async def test_no_call_starts_before_the_time_that_the_service_wished() -> None:
    world = setup(look_up=[Throttled("slow down", retry_after_s=30), FILE], refresh=[FILE])
    await world.paced.look_up("/a")
    assert world.now >= 30
    assert world.pacer.limit == 2


async def test_an_operation_is_not_given_up_for_being_throttled_while_others_are_served() -> None:
    world = setup(look_up=[*(Throttled("slow down") for _ in range(9)), FILE], refresh=[FILE] * 9)
    world.paced = Paced(world.service, world.pacer, sleep=lambda _: others_are_served(), rng=random.Random(1))

    async def others_are_served() -> None:
        await world.paced.refresh(ROOT)

    assert await world.paced.look_up("/a") == FILE


async def test_an_operation_is_given_up_when_all_are_throttled_for_long() -> None:
    world = setup(look_up=[Throttled("slow down") for _ in range(1000)])
    with pytest.raises(Throttled):
        await world.paced.look_up("/a")
    assert world.service.times_asked("look_up") > DEFAULT_POLICY.attempts
    assert world.now < DEFAULT_POLICY.total_s + DEFAULT_POLICY.cap_s


async def test_the_slot_is_free_while_an_operation_waits_for_its_next_try() -> None:
    world = setup(look_up=[gone(), FILE])
    running = []

    async def sleep(seconds: float) -> None:
        assert seconds >= 0
        running.append(world.pacer.running)

    await Paced(world.service, world.pacer, sleep=sleep, rng=random.Random(1)).look_up("/a")
    assert running == [0]


@pytest.mark.parametrize("error", [gone(), Throttled("slow down"), IntegrityError("other bytes")])
async def test_an_upload_is_not_repeated_and_its_error_is_unchanged(error: MoverError) -> None:
    world = setup(upload=[error])
    with pytest.raises(type(error)) as raised:
        await world.paced.upload(TARGET, NOTHING)
    assert raised.value is error
    assert world.service.held == [1]
    assert world.slept == []


async def test_a_throttled_upload_slows_the_account_down() -> None:
    world = setup(upload=[Throttled("slow down", retry_after_s=9)])
    with pytest.raises(Throttled):
        await world.paced.upload(TARGET, NOTHING)
    assert world.pacer.limit == 2
    assert world.pacer.pause_left_s >= 9


async def test_reading_holds_a_slot_until_the_end_and_passes_the_arguments_on() -> None:
    world = setup(read=[b"a", b"b", None])
    file = EntryRef("/a", "id")
    async with aclosing(world.paced.read(file, offset=1, length=2, version="v")) as pieces:
        assert [piece async for piece in pieces] == [b"a", b"b"]
    assert world.service.asked[0] == ("read", (file, 1, 2, "v"))
    assert world.service.held == [1, 1, 1]
    assert world.pacer.running == 0


async def test_a_read_that_breaks_off_is_not_repeated() -> None:
    world = setup(read=[b"a", gone()])
    with pytest.raises(Unreachable):
        async with aclosing(world.paced.read(ROOT)) as pieces:
            assert [piece async for piece in pieces] == []
    assert world.service.times_asked("read") == 2
    assert world.slept == []


async def test_closing_a_read_early_closes_the_service_s_stream_and_frees_the_slot() -> None:
    world = setup(read=[b"a", b"b"])
    async with aclosing(world.paced.read(ROOT)) as pieces:
        assert await anext(pieces) == b"a"
    assert world.service.streams_closed == 1
    assert world.pacer.running == 0


async def test_a_listing_goes_on_behind_the_last_page_that_had_a_cursor() -> None:
    world = setup(list_folder=[page("a", "1"), gone(), page("b", "2"), gone(), gone(), page("c", None), None])
    assert await listed(world.paced) == ["a", "b", "c"]
    asked = [arguments[1] for _, arguments in world.service.asked]
    assert asked == [None, "1", "1", "2", "2", "2", None]


async def test_a_listing_without_cursors_starts_again_only_if_nothing_was_yielded() -> None:
    world = setup(list_folder=[gone(), page("a", None), None])
    assert await listed(world.paced) == ["a"]
    world = setup(list_folder=[page("a", None), gone()])
    with pytest.raises(Unreachable):
        await listed(world.paced)
    assert world.slept == []


async def test_a_listing_begins_at_the_cursor_it_was_given() -> None:
    world = setup(list_folder=[gone(), page("b", None), None])
    assert await listed(world.paced, "1") == ["b"]
    assert [arguments[1] for _, arguments in world.service.asked[:2]] == ["1", "1"]


async def test_a_long_listing_may_fail_more_often_than_one_operation_may() -> None:
    pages = [step for number in range(20) for step in (gone(), page(str(number), str(number)))]
    world = setup(list_folder=[*pages, None])
    assert len(await listed(world.paced)) == 20


async def test_a_listing_that_gets_nowhere_fails_with_the_last_error() -> None:
    world = setup(list_folder=[page("a", "1"), *(gone() for _ in range(5))])
    with pytest.raises(Unreachable):
        await listed(world.paced)
    assert world.service.times_asked("list_folder") == 6


async def test_a_listing_holds_no_slot_while_its_reader_works() -> None:
    world = setup(list_folder=[page("a", "1"), None])
    async with aclosing(world.paced.list_folder(ROOT)) as pages:
        async for _ in pages:
            assert world.pacer.running == 0
    assert world.service.held == [1, 1]


async def test_parts_are_repeated_but_for_the_sending() -> None:
    parts = Parts(
        {
            "begin": [gone(), "token"],
            "received": [gone(), []],
            "finish": [gone(), FILE],
            "abort": [gone(), None],
            "send": [gone()],
        }
    )
    world = setup()
    world.service.part_uploads = parts
    paced = world.paced.part_uploads
    assert paced
    assert await paced.begin(TARGET, 10, 5) == "token"
    assert await paced.received("token") == []
    assert await paced.finish("token", TARGET, [], {}) == FILE
    await paced.abort("token")
    with pytest.raises(Unreachable):
        await paced.send("token", 1, 0, NOTHING)
    assert parts.times_asked("send") == 1
    assert ("begin", (TARGET, 10, 5)) in parts.asked
    assert ("finish", ("token", TARGET, [], {})) in parts.asked
    assert ("send", ("token", 1, 0, NOTHING)) in parts.asked


async def test_the_other_optional_operations_are_repeated() -> None:
    others = Others(
        {
            "compute": [gone(), {HashName.MD5: "0"}],
            "set_modified": [gone(), True],
            "rename": [gone(), FILE],
            "free_bytes": [gone(), 5],
            "cursor": [gone(), "c"],
        }
    )
    world = setup()
    service, paced = world.service, world.paced
    service.hashes = service.times = service.renames = service.quota = service.changes = others
    assert paced.hashes
    assert paced.times
    assert paced.renames
    assert paced.quota
    assert paced.changes
    assert paced.hashes.names == {HashName.MD5}
    assert await paced.hashes.compute(ROOT, frozenset({HashName.MD5})) == {HashName.MD5: "0"}
    assert await paced.times.set_modified(ROOT, 1)
    assert await paced.renames.rename(ROOT, ROOT, "a") == FILE
    assert await paced.quota.free_bytes() == 5
    assert await paced.changes.cursor() == "c"


async def test_a_change_feed_goes_on_where_it_broke_off() -> None:
    others = Others({"since": [([], "1"), gone(), ([], "2"), None]})
    world = setup()
    world.service.changes = others
    assert world.paced.changes
    async with aclosing(world.paced.changes.since("0")) as pages:
        assert [cursor async for _, cursor in pages] == ["1", "2"]
    assert [arguments for _, arguments in others.asked] == [("0",), ("1",), ("1",), ("2",)]


async def test_closing_closes_the_connector() -> None:
    world = setup()
    await world.paced.close()
    assert world.service.closed == 1
