"""One signed-in FTP connection for the event loop: a thread of its own does what blocks."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, TypeVar

from mover.transport.curl import FtpWire
from mover.transport.flow import FlowEndedError, Inflow, Outflow

T = TypeVar("T")

_GOODBYE_S = 2.0
_BREAKING_OFF_S = 5.0

_Job = Callable[[], None]


class FtpLink:
    """A control connection and its thread. One thing at a time: whoever is lent it has it alone.

    Args:
        wire: The connection, not connected yet.
    """

    def __init__(self, wire: FtpWire) -> None:
        self.wire = wire
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._ended = self._loop.create_future()
        self._is_stuck = False
        self._thread = threading.Thread(target=self._work, name="ftp", daemon=True)
        self._thread.start()

    @property
    def calls(self) -> int:
        """Commands that were answered so far."""
        return self.wire.calls

    @property
    def is_usable(self) -> bool:
        """It is connected, and its thread does what it is told."""
        return self.wire.is_connected and not self._is_stuck

    async def run(self, work: Callable[[FtpWire], T]) -> T:
        """Have the thread do something with the connection.

        Cancelled, it breaks off what runs and waits until the thread has let go.
        """
        done: asyncio.Future[T] = self._loop.create_future()
        self.wire.allow()
        self._jobs.put(lambda: self._do(work, done))
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            if not done.done():
                self.wire.abort()
                self._is_stuck = True  # unless the wait, which may be cancelled too, shows that it is not
                await asyncio.wait([done], timeout=_BREAKING_OFF_S)
                self._is_stuck = not done.done()
            if done.done() and not done.cancelled():
                done.exception()  # nobody else is going to ask
            raise

    async def send(
        self, chunks: AsyncIterator[bytes], work: Callable[[FtpWire, Outflow], T]
    ) -> tuple[T, int]:
        """As `run`, for work that takes bytes; returns its result and how many bytes `chunks` yielded.

        Raises what `chunks` raises.
        """
        outflow = Outflow(self._loop)
        feeding = asyncio.ensure_future(outflow.feed(chunks))
        try:
            result = await self.run(lambda wire: work(wire, outflow))
            return result, await feeding
        except BaseException:
            outflow.abandon()
            if feeding.done() and not feeding.cancelled():
                error = feeding.exception()
                if error is not None and not isinstance(error, FlowEndedError):
                    raise error from None
            raise
        finally:
            feeding.cancel()
            await asyncio.wait([feeding])
            if not feeding.cancelled():
                feeding.exception()  # raised above, or of no interest any more

    async def receive(self, work: Callable[[FtpWire, Inflow], None]) -> AsyncGenerator[bytes, None]:
        """As `run`, for work that brings bytes: yield them as they come, and raise what it raises after the last."""
        inflow = Inflow(self._loop)

        def bring(wire: FtpWire) -> None:
            try:
                work(wire, inflow)
            finally:
                inflow.end()

        bringing = asyncio.ensure_future(self.run(bring))
        try:
            async for piece in inflow.pieces():
                yield piece
            await bringing
        finally:
            if not bringing.done():
                bringing.cancel()
                await asyncio.wait([bringing])
            if not bringing.cancelled():
                bringing.exception()  # raised above, or of no interest any more

    def close(self) -> None:
        """Say goodbye in the background; a server that does not hear it is left all the same."""
        self._jobs.put(None)
        self._loop.call_later(_GOODBYE_S, self._leave)

    async def closed(self) -> None:
        """Close, and wait until the connection is gone."""
        self.close()
        await asyncio.wait([self._ended], timeout=2 * _GOODBYE_S)

    def _leave(self) -> None:
        if not self._ended.done():
            self.wire.abort()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
        self.wire.close()
        self._tell(self._ended, None, None)

    def _do(self, work: Callable[[FtpWire], T], done: asyncio.Future[T]) -> None:
        try:
            result = work(self.wire)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._tell(done, None, error)
        else:
            self._tell(done, result, None)

    def _tell(self, done: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
        try:
            self._loop.call_soon_threadsafe(_settle, done, result, error)
        except RuntimeError:
            return  # the loop is gone, and with it whoever waited


def _settle(done: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if done.done():
        return
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(result)
