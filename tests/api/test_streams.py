from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from mover.api.streams import csv_download, jsonl_download
from mover.errors import NotFound


class _Lines:
    """A million lines, of which it is counted how many were asked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.closed = False

    async def lines(self) -> AsyncIterator[str]:
        try:
            for _ in range(1_000_000):
                self.asked += 1
                yield "x" * 99 + "\n"
        finally:
            self.closed = True


async def test_no_more_is_read_than_is_sent() -> None:
    source = _Lines()
    answer = await csv_download(source.lines(), "report")
    assert isinstance(answer.body_iterator, AsyncGenerator)
    async with aclosing(answer.body_iterator) as pieces:
        first = await anext(pieces)
        second = await anext(pieces)

    assert len(first) + len(second) < 200_000
    assert source.asked < 3_000


async def test_what_nobody_reads_any_more_is_closed() -> None:
    source = _Lines()
    answer = await csv_download(source.lines(), "report")
    assert isinstance(answer.body_iterator, AsyncGenerator)
    async with aclosing(answer.body_iterator) as pieces:
        await anext(pieces)

    assert source.closed


async def test_a_refusal_comes_before_the_answer_begins() -> None:
    async def refused() -> AsyncIterator[str]:
        for _ in range(1):
            raise NotFound("there is no such run")
        yield ""

    with pytest.raises(NotFound):
        await jsonl_download(refused(), "report")


@pytest.mark.parametrize(
    "name", ['a"; filename="b', "a\r\nSet-Cookie: x", "../../etc/passwd", "\N{GRINNING FACE}"]
)
async def test_a_name_does_not_leave_its_quotes(name: str) -> None:
    async def nothing() -> AsyncIterator[str]:
        for line in list[str]():
            yield line

    header = (await csv_download(nothing(), name)).headers["content-disposition"]

    assert header.count('"') == 2
    assert header.isascii()
    assert "/" not in header
    assert "\r" not in header
