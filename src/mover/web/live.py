"""Live parts of pages by server-sent events (HTML standard, section 9.2): what has changed is sent, and nothing else.

The database is asked once in `period_s`, since any process may have changed it. The stream ends with the session, and
in any case after some minutes: the browser then comes again by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from http import HTTPStatus

from starlette.responses import Response, StreamingResponse

from mover.errors import MoverError

Pieces = Callable[[], Awaitable[Mapping[str, str]]]
"""What is shown now, by piece: text with `hx-swap-oob`, which htmx puts in place. Raises MoverError: nothing any more."""

_RETRY_MS = 3000


class Live:
    """Streams of pieces.

    Args:
        period_s: Between two looks.
        longest_s: After so long the stream ends.
        at_once: Streams of one person at the same time; more are refused, and their pages work without.
        clock: Monotonic, in seconds.
        sleep: Waits.
    """

    def __init__(
        self,
        *,
        period_s: float = 1.0,
        longest_s: float = 600.0,
        at_once: int = 24,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._period_s = period_s
        self._longest_s = longest_s
        self._at_once = at_once
        self._clock = clock
        self._sleep = sleep
        self._open: Counter[str] = Counter()

    async def stream(self, person: str, pieces: Pieces) -> Response:
        """Answer a person (their id) with a stream."""
        if self._open[person] >= self._at_once:
            return Response(status_code=HTTPStatus.NO_CONTENT)  # tells an EventSource not to come again

        async def content() -> AsyncIterator[bytes]:
            # Again: counted is what is read, and others may have begun since that were asked for at the same moment.
            if self._open[person] >= self._at_once:
                yield _event("ended", "")
                return
            self._open[person] += 1
            try:
                async with aclosing(self._events(pieces)) as events:
                    async for event in events:
                        yield event
            finally:
                self._open[person] -= 1
                if not self._open[person]:
                    del self._open[person]

        return StreamingResponse(
            content(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    async def _events(self, pieces: Pieces) -> AsyncGenerator[bytes, None]:
        yield f"retry: {_RETRY_MS}\n\n".encode()
        end = self._clock() + self._longest_s
        sent: dict[str, str] = {}
        first = True
        while self._clock() < end:
            try:
                found = await pieces()
            except MoverError:  # what is shown is gone, or the session, or the right to see it
                yield _event("ended", "")
                return
            changed = [text for name, text in found.items() if sent.get(name) != text]
            sent = dict(found)
            if changed and not first:
                yield _event("pieces", "\n".join(changed))
            elif first:
                # What changed between the page and this stream is not known: all is sent once.
                yield _event("pieces", "\n".join(found.values()))
                first = False
            else:
                yield b": still here\n\n"  # finds out that the browser is gone
            await self._sleep(self._period_s)


def _event(name: str, data: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {name}\n{lines}\n".encode()
