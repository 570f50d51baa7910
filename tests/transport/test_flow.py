from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from mover.transport.flow import LIMIT, PIECE, FlowEndedError, Inflow, Outflow
from mover.transport.ftp_replies import LONGEST_REPLIES, ReplyReader

BLOCK = 64 * 1024


async def blocks(number: int, *, failure: Exception | None = None) -> AsyncIterator[bytes]:
    for index in range(number):
        yield bytes([index % 256]) * BLOCK
    if failure is not None:
        raise failure


def in_thread(work: object) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)  # type: ignore[arg-type]
    thread.start()
    return thread


async def test_what_a_thread_puts_in_comes_out_in_order_and_in_bounded_pieces() -> None:
    flow = Inflow(asyncio.get_running_loop())
    sent = [bytes([index % 256]) * BLOCK for index in range(100)]

    def fill() -> None:
        for block in sent:
            flow.put(block)
        flow.end()

    thread = in_thread(fill)
    pieces = [piece async for piece in flow.pieces()]
    thread.join()
    assert b"".join(pieces) == b"".join(sent)
    assert max(map(len, pieces)) <= PIECE


async def test_a_thread_waits_while_nobody_takes_and_wakes_when_it_is_given_up() -> None:
    flow = Inflow(asyncio.get_running_loop())
    put = 0
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def fill() -> None:
        nonlocal put
        try:
            while True:
                flow.put(bytes(BLOCK))
                put += BLOCK
        except FlowEndedError:
            loop.call_soon_threadsafe(ended.set)

    thread = in_thread(fill)
    first = await anext(flow.pieces())
    flow.abandon()
    async with asyncio.timeout(20):
        await ended.wait()
    thread.join()
    assert put <= LIMIT + PIECE + len(first)


async def test_what_is_fed_is_taken_in_order_and_no_more_than_the_limit_waits() -> None:
    flow = Outflow(asyncio.get_running_loop())
    taken: list[bytes] = []

    def empty() -> None:
        while data := flow.take(10_000):
            assert flow._size <= LIMIT
            taken.append(data)

    thread = in_thread(empty)
    fed = await flow.feed(blocks(40))
    await asyncio.to_thread(thread.join)
    assert fed == flow.taken == 40 * BLOCK
    assert b"".join(taken) == b"".join([block async for block in blocks(40)])
    assert flow.is_drained


async def test_failure_of_the_source_reaches_both_sides() -> None:
    flow = Outflow(asyncio.get_running_loop())
    seen: list[BaseException] = []

    def empty() -> None:
        try:
            while flow.take(BLOCK):
                pass
        except FlowEndedError as error:
            seen.append(error)

    thread = in_thread(empty)
    with pytest.raises(OSError, match="gone"):
        await flow.feed(blocks(3, failure=OSError("gone")))
    await asyncio.to_thread(thread.join)
    assert len(seen) == 1
    assert not flow.is_drained


def test_replies_are_put_together_from_lines() -> None:
    reader = ReplyReader()
    for line in (b"211-Features", b" SIZE", b"211 End", b"150 Here", b"226 Done", b"220"):
        reader.feed(line + b"\r\n")
    assert [(reply.code, reply.body) for reply in reader.replies] == [
        (211, (b" SIZE",)),
        (226, ()),
        (220, ()),
    ]
    assert reader.preliminary == 1
    assert reader.replies[1].text == b"Done"


def test_endless_reply_is_noticed() -> None:
    reader = ReplyReader()
    while not reader.is_swamped:
        assert reader.feed(b"250-" + b"x" * 10_000) is None
    assert reader._size <= LONGEST_REPLIES + 20_000
