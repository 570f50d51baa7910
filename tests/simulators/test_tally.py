"""Which calls a Retry-After forbade, and how far away a vendor is; without the front."""

from __future__ import annotations

import asyncio

import pytest
from simulators.faults import Answer, FaultScript, Faulty
from simulators.tally import Counted, Tally
from starlette.types import Message, Receive, Scope, Send

_SCOPE = {
    "type": "http",
    "method": "GET",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    "headers": [],
}


class Vendor:
    """Answers each call, but for what its script says."""

    def __init__(self) -> None:
        self.at_s = 100.0
        self.faults = FaultScript()
        self.tally = Tally(now_s=lambda: self.at_s)
        self._app = Counted(Faulty(self._answer, self.faults), self.tally)

    async def call(self, at_s: float) -> int:
        """Call it at a time; return the status."""
        self.at_s = at_s
        statuses: list[int] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b""}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await self._app(dict(_SCOPE), receive, send)
        return statuses[0]

    async def _answer(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("status", [403, 429, 503])
async def test_calls_within_a_retry_after_are_counted_but_for_those_under_way(status: int) -> None:
    vendor = Vendor()
    assert await vendor.call(99.0) == 200
    vendor.faults.add(Answer(status, {"Retry-After": "5"}))
    assert await vendor.call(100.0) == status
    for at_s, forbidden in ((100.1, 0), (101.0, 1), (104.9, 2), (105.0, 2), (200.0, 2)):
        assert await vendor.call(at_s) == 200
        assert vendor.tally.forbidden == forbidden
    vendor.tally.clear()
    assert vendor.tally.forbidden == 0


async def test_a_second_refusal_extends_the_time_and_excuses_nobody() -> None:
    vendor = Vendor()
    vendor.faults.add(Answer(429, {"Retry-After": "2"}), times=2)
    await vendor.call(100.0)
    await vendor.call(101.0)  # forbidden, and refused until 103
    await vendor.call(101.1)
    await vendor.call(102.9)
    assert vendor.tally.forbidden == 3


@pytest.mark.parametrize(
    "answer",
    [
        Answer(202, {"Retry-After": "5"}),  # work that takes a while
        Answer(429),
        Answer(403, {"Retry-After": "rubbish"}),
    ],
)
async def test_other_answers_forbid_nothing(answer: Answer) -> None:
    vendor = Vendor()
    vendor.faults.add(answer)
    await vendor.call(100.0)
    await vendor.call(101.0)
    assert vendor.tally.forbidden == 0


async def test_a_vendor_that_is_far_away_lets_each_call_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    vendor = Vendor()
    await vendor.call(100.0)
    assert slept == []
    vendor.faults.latency_s = 0.05
    await vendor.call(101.0)
    await vendor.call(102.0)
    assert slept == [0.05, 0.05]
    vendor.faults.clear()
    await vendor.call(103.0)
    assert len(slept) == 2


@pytest.mark.parametrize("headers", [[(b"content-length", b"4")], []], ids=["a length", "no length"])
async def test_an_exchange_is_on_record_before_its_client_can_have_all_of_it(
    headers: list[tuple[bytes, bytes]],
) -> None:
    tally = Tally(records=True)
    recorded: list[int] = []

    async def streamed(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in (b"on", b"ce"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(_message: Message) -> None:
        recorded.append(len(tally.exchanges))

    await Counted(streamed, tally)(dict(_SCOPE), receive, send)

    assert recorded == ([0, 0, 1, 1] if headers else [0, 0, 0, 1])
    assert [exchange.answer for exchange in tally.exchanges] == [b"once"]
