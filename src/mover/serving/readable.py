"""Waiting in the event loop until a socket or a pipe has something to read, without reading it."""

from __future__ import annotations

import asyncio
import socket


async def readable(file: int | socket.socket) -> None:
    """Return when there is something to read, or the other end was closed. `file` does not block."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[None] = loop.create_future()

    def ready() -> None:
        if not waiting.done():
            waiting.set_result(None)

    loop.add_reader(file, ready)
    try:
        await waiting
    finally:
        loop.remove_reader(file)
