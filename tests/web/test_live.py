"""Live parts: what changed is sent, and nothing is sent to those who may not see it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse
from tests.api.installation import Running

from mover.api.cookies import SESSION_COOKIE
from mover.web.app import make_house
from mover.web.live import Live
from mover.web.visit import Visit


class Clock:
    """Time that passes only while somebody sleeps; each sleep begins the next chapter of a story."""

    def __init__(self, *chapters: Callable[[], Awaitable[None]]) -> None:
        self.now = 0.0
        self._chapters = list(chapters)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self._chapters:
            await self._chapters.pop(0)()


def visit_of(mover: Running, live: Live) -> Visit:
    caller = mover.owner
    cookie = f"{SESSION_COOKIE}={caller.session.token.reveal()}".encode()
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/live",
        "query_string": b"",
        "headers": [(b"cookie", cookie)],
    }
    house = replace(make_house(mover.services), live=live)
    return Visit(house, Request(scope), caller.session.signed_in)


async def told(
    mover: Running, live: Live, pieces: Callable[[Visit], Awaitable[Mapping[str, str]]]
) -> list[str]:
    answer = await visit_of(mover, live).live(pieces)
    assert isinstance(answer, StreamingResponse)
    assert answer.media_type == "text/event-stream"
    return [
        piece if isinstance(piece, str) else bytes(piece).decode() async for piece in answer.body_iterator
    ]


async def test_all_is_sent_once_and_then_what_has_changed(mover: Running):
    shown = {"one": "<b>1</b>", "two": "<b>2</b>"}

    async def nothing() -> None:
        pass

    async def change() -> None:
        shown["two"] = "<b>3</b>\n<i>4</i>"

    clock = Clock(nothing, change, nothing)
    live = Live(period_s=1, longest_s=4, clock=clock, sleep=clock.sleep)

    async def pieces(_visit: Visit) -> dict[str, str]:
        return dict(shown)

    events = await told(mover, live, pieces)
    assert events[0].startswith("retry: ")
    assert events[1] == "event: pieces\ndata: <b>1</b>\ndata: <b>2</b>\n\n"
    assert events[2].startswith(":")
    assert events[3] == "event: pieces\ndata: <b>3</b>\ndata: <i>4</i>\n\n"
    assert events[4].startswith(":")
    assert len(events) == 5


async def test_it_ends_with_the_session(mover: Running):
    async def sign_out() -> None:
        await mover.services.sessions.end(mover.owner.session.signed_in)

    clock = Clock(sign_out)
    live = Live(period_s=1, longest_s=100, clock=clock, sleep=clock.sleep)

    async def pieces(_visit: Visit) -> dict[str, str]:
        return {"secret": str(clock.now)}

    events = await told(mover, live, pieces)
    assert events[-1] == "event: ended\ndata: \n\n"
    assert clock.now == 1


async def test_it_ends_when_what_it_shows_is_gone(mover: Running):
    live = Live(sleep=asyncio.sleep)

    async def pieces(visit: Visit) -> dict[str, str]:
        await visit.house.services.migrations.get(visit.actor, "0" * 32)
        raise AssertionError("there is none")

    assert (await told(mover, live, pieces))[-1] == "event: ended\ndata: \n\n"


async def test_one_person_has_only_so_many(mover: Running):
    clock = Clock()
    live = Live(at_once=1, longest_s=2, clock=clock, sleep=clock.sleep)

    async def pieces(visit: Visit) -> dict[str, str]:
        refused = await visit.live(pieces)
        assert refused.status_code == 204
        return {}

    await told(mover, live, pieces)
    again = await visit_of(mover, live).live(pieces)
    assert isinstance(again, StreamingResponse)


@pytest.mark.parametrize("path", ["/live", "/migrations/{migration_id}/live?ids=1", "/pairs/{pair_id}/live"])
async def test_others_are_not_told(mover: Running, samples: dict[str, str], path: str):
    answer = await mover.client.get(path.format(**samples))
    assert answer.status_code == 303
