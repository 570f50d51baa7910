"""A slow line is told from a dead one by its progress."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_writer import StreamWriter

from mover.errors import TimedOut
from mover.transport.http_body import RequestBody


class Line(asyncio.Transport):
    """Takes all it is given, and has so many bytes still unsent each time somebody asks."""

    def __init__(self, unsent: list[int]) -> None:
        super().__init__()
        self.asked_often_enough = asyncio.Event()
        self._unsent = unsent

    def write(self, data: Any) -> None:
        """Take the bytes."""

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        if len(self._unsent) == 1:
            self.asked_often_enough.set()
            return self._unsent[0]
        return self._unsent.pop(0)


async def one_piece() -> AsyncIterator[bytes]:
    yield b"content"


def congested(line: Line) -> tuple[BaseProtocol, StreamWriter, RequestBody]:
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.connection_made(line)
    protocol.pause_writing()
    body = RequestBody(one_piece(), 7, silence_s=0.01, place=lambda error: error)
    return protocol, StreamWriter(protocol, loop), body


async def test_slow_progress_is_no_silence() -> None:
    line = Line([500, 400, 300, 200, 100])
    protocol, writer, body = congested(line)
    sending = asyncio.create_task(body.write(writer))
    await line.asked_often_enough.wait()
    protocol.resume_writing()
    await sending
    assert body.complete
    assert body.failure is None


async def test_no_progress_is_silence() -> None:
    line = Line([500, 400, 400])
    _, writer, body = congested(line)
    with pytest.raises(TimedOut) as raised:
        await body.write(writer)
    assert body.failure is raised.value
