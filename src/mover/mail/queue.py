"""Mail that nobody waits for: sent in the background, so that how long an answer takes tells nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from mover.errors import MoverError, Transient
from mover.mail.message import Mail, Message

_ATTEMPTS = 3
_FIRST_PAUSE_S = 5.0

_log = logging.getLogger(__name__)


class MailQueue:
    """Sends mail in the background, in order, for as long as its `async with` lasts.

    What cannot be sent after three attempts is given up, with a line in the log that names the reason, never the content.

    Args:
        mail: Sends.
        limit: Most that wait.
        goodbye_s: At the end what still waits is sent, for at most so long.
        sleep: Waits between two attempts.
    """

    def __init__(
        self,
        mail: Mail,
        *,
        limit: int = 1000,
        goodbye_s: float = 10,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._mail = mail
        self._waiting: asyncio.Queue[Message] = asyncio.Queue(limit)
        self._goodbye_s = goodbye_s
        self._sleep = sleep
        self._worker: asyncio.Task[None] | None = None

    def post(self, message: Message) -> bool:
        """Take a mail to be sent; false if too many wait already, then it is dropped."""
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            _log.error("a mail was dropped: %d others wait to be sent", self._waiting.qsize())
            return False
        return True

    async def __aenter__(self) -> Self:
        self._worker = asyncio.create_task(self._work(), name="mail")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._worker is not None
        try:
            async with asyncio.timeout(self._goodbye_s):
                await self._waiting.join()
        except TimeoutError:
            _log.error("%d mails were not sent before the end", self._waiting.qsize())
        finally:
            self._worker.cancel()
            await asyncio.wait({self._worker})

    async def _work(self) -> None:
        while True:
            message = await self._waiting.get()
            try:
                await self._send(message)
            finally:
                self._waiting.task_done()

    async def _send(self, message: Message) -> None:
        pause_s = _FIRST_PAUSE_S
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._mail.send(message)
            except Transient as error:
                if attempt == _ATTEMPTS:
                    _log.error("a mail was given up: %s", error)
                    return
                await self._sleep(pause_s)
                pause_s *= 4
            except MoverError as error:
                _log.error("a mail was given up: %s", error)
                return
            except Exception:  # noqa: BLE001 - a defect of ours must not end the queue for everybody
                _log.exception("a mail was given up")
                return
            else:
                return
