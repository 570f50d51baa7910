"""Ends connections in order when the process ends: those that are kept alive, and server-sent events.

Events have no end of their own, and nobody shall wait for them.

A stream that is ended this way ends as it should (the last chunk is sent), so browsers come back by themselves, to the
next process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_EVENTS = b"text/event-stream"


class EndingStreams:
    """Wraps an ASGI application.

    Attributes:
        open: Streams that are open now.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._streams: set[asyncio.Task[Any]] = set()
        self._ending = False
        self._leaving = False

    @property
    def open(self) -> int:
        """How many streams are open now."""
        return len(self._streams)

    def say_goodbye(self) -> None:
        """From now on close a connection after its answer, and say so in it: whoever keeps it would lose it soon.

        RFC 9112 9.6: a client that has read `Connection: close` sends nothing more on it, so no request is lost.
        """
        self._leaving = True

    def end_all(self) -> None:
        """End all streams, and every one that begins from now on."""
        self._ending = True
        for task in self._streams:
            task.cancel()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Run the application for a request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        task = asyncio.current_task()
        assert task is not None
        streaming = False

        async def watch(message: Message) -> None:
            nonlocal streaming
            if self._leaving and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            if message["type"] == "http.response.start" and _is_events(message):
                streaming = True
                self._streams.add(task)
                if self._ending:
                    task.cancel()
            await send(message)

        try:
            await self._application(scope, receive, watch)
        except asyncio.CancelledError:
            if not (streaming and self._ending):
                raise
            task.uncancel()
            with suppress(OSError):  # who reads it may be gone
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._streams.discard(task)


def _is_events(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(_EVENTS) for name, value in message["headers"]
    )
