"""uvicorn, between the doorway and an application: no log of addresses, no word about itself, and an end in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import uvicorn

from mover.errors import MoverError, ServiceFault
from mover.serving.doorway import Doorway
from mover.serving.listening import close_all
from mover.serving.protocol import BoundedHttp
from mover.serving.streams import Application, EndingStreams
from mover.serving.tls import ServerTls
from mover.settings import IPNetwork

_END_WITHIN_S = 10
_KEEP_ALIVE_S = 20
_PRIVATE_ACCESS_LOG = "uvicorn.access"

_log = logging.getLogger(__name__)


class DidNotStart(MoverError):
    """The application could not be started; the log has the reason."""


class HttpsServer(uvicorn.Server):
    """Serves an application over TLS until SIGTERM or SIGINT; then requests are finished, and streams ended.

    Args:
        application: ASGI.
        sockets: Where to listen.
        tls: The certificate.
        redirect_sockets: Where plain http is redirected, to the port of the first of `sockets`.
        plain_from: Networks of proxies that take TLS off, and may come without it. Who a request is from, the
            application finds out.
        ready: Called once connections are taken.
        drain_s: When it is told to end, it goes on for so long, so that load balancers have found out by then.
    """

    def __init__(
        self,
        application: Application,
        sockets: Sequence[socket.socket],
        tls: ServerTls,
        *,
        redirect_sockets: Sequence[socket.socket] = (),
        plain_from: Sequence[IPNetwork] = (),
        ready: Callable[[], None] = lambda: None,
        drain_s: float = 0,
    ) -> None:
        self._streams = EndingStreams(application)
        super().__init__(
            uvicorn.Config(
                self._streams,
                http=BoundedHttp,
                ws="none",
                loop="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_END_WITHIN_S,
            )
        )
        # uvicorn's access log would hold whatever people put into addresses, tokens of links included.
        logging.getLogger(_PRIVATE_ACCESS_LOG).disabled = True
        self._listening = tuple(sockets)
        self._redirecting = tuple(redirect_sockets)
        self._plain_from = tuple(plain_from)
        self._tls = tls
        self._ready = ready
        self._drain_s = drain_s
        self._draining: asyncio.TimerHandle | None = None

    @property
    def is_leaving(self) -> bool:
        """It was told to end, and nobody should be sent to it any more."""
        return self._draining is not None or self.should_exit

    def expect_staying(self) -> None:
        """Raise ServiceFault if it is leaving; for `/readyz`."""
        if self.is_leaving:
            raise ServiceFault("this process is about to end")

    @property
    def streams(self) -> int:
        """How many streams of events are open."""
        return self._streams.open

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - as its base
        """Start the application, then take connections. Raises DidNotStart."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise DidNotStart("the application could not be started; the lines above say why")

        def protocol() -> asyncio.Protocol:
            return BoundedHttp(
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )

        https_port = self._listening[0].getsockname()[1]
        doors = [Doorway(self._listening, self._tls.context, protocol, plain_from=self._plain_from)]
        if self._redirecting:
            doors.append(
                Doorway(
                    self._redirecting, self._tls.context, protocol, https_port=https_port, only_plain=True
                )
            )
        self.servers: list[Any] = doors
        for door in doors:
            door.open()
        self.started = True
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End in order at SIGTERM and SIGINT, and look at the certificate anew at SIGHUP."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        loop.add_signal_handler(signal.SIGTERM, self.end)
        loop.add_signal_handler(signal.SIGINT, self.end)
        loop.add_signal_handler(signal.SIGHUP, self._tls.refresh)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def end(self) -> None:
        """End in order; again: without a drain; and again: at once.

        A drain answers everybody as before, but asks them to come on another connection next time, and `is_leaving`.
        Then, or without one: no new connections, what is asked for is finished, streams are ended.
        """
        if not self.is_leaving and self._drain_s > 0:
            _log.info(
                "nobody should be sent here any more; connections are taken for %g s still", self._drain_s
            )
            self._streams.say_goodbye()
            self._draining = asyncio.get_running_loop().call_later(self._drain_s, self._end)
            return
        self._end()

    def _end(self) -> None:
        if self._draining is not None:
            self._draining.cancel()
        self.force_exit = self.should_exit
        self.should_exit = True
        self._streams.say_goodbye()
        self._streams.end_all()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until the end, and close the sockets. Raises DidNotStart."""
        fresh = asyncio.create_task(self._tls.keep_fresh())
        try:
            await super().serve(sockets)
        finally:
            if not self.started:
                close_all((*self._listening, *self._redirecting))
            fresh.cancel()
            await asyncio.gather(fresh, return_exceptions=True)
