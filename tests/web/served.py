"""The pages, served over TLS as they are in earnest: uvicorn in a thread of its own, with an in-process runner beside it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from tests.certificates import make_authority
from tests.servers.processes import free_port
from tests.web.worker import InProcess

from mover.accounts.passwords import Argon2Cost
from mover.api.services import Services, make_services
from mover.settings import PrivateAddresses, Settings
from mover.vault.secret import Secret
from mover.web.app import application_of, make_house
from mover.web.live import Live
from mover.workplace.workplace import open_workplace

T = TypeVar("T")
CHEAP = Argon2Cost(memory_kib=8, passes=1, lanes=1)
_START_S = 30


@dataclass(frozen=True)
class Served:
    """A Mover that answers."""

    url: str
    home: Path
    services: Services
    worker: InProcess
    loop: asyncio.AbstractEventLoop

    def do(self, work: Callable[[Services], Coroutine[Any, Any, T]]) -> T:
        """Do something with the services, in their own loop."""
        done: Future[T] = asyncio.run_coroutine_threadsafe(work(self.services), self.loop)
        return done.result(60)


@contextmanager
def served(
    home: Path, *, period_s: float = 0.2, proxy_url: str | None = None, ca_file: Path | None = None
) -> Iterator[Served]:
    """Serve an empty installation until the end of the block; connections go through the proxy, and trust `ca_file`."""
    port = free_port()
    url = f"https://localhost:{port}"
    files = home / "files"
    files.mkdir(parents=True)
    certificate, key = make_authority(home).issue("localhost")
    settings = Settings(
        home=home / "mover",
        public_url=url,
        local_folders=(files,),
        allow_private_addresses=PrivateAddresses(every=True),
        proxy=Secret(proxy_url) if proxy_url else None,
        ca_file=ca_file,
    )
    up: Future[Served] = Future()
    ending = threading.Event()

    async def serve() -> None:
        async with open_workplace(settings) as place:
            worker = InProcess(place)
            services = make_services(place, worker, cost=CHEAP)
            house = make_house(services, live=Live(period_s=period_s))
            config = uvicorn.Config(
                application_of(house),
                host="127.0.0.1",
                port=port,
                ssl_certfile=certificate,
                ssl_keyfile=key,
                log_level="warning",
                lifespan="on",
                timeout_graceful_shutdown=1,
            )
            server = uvicorn.Server(config)
            # Signals are the tests'.
            server.capture_signals = nothing  # type: ignore[method-assign]
            async with worker.working():
                serving = asyncio.create_task(server.serve())
                while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn sets no event
                    await asyncio.sleep(0.01)
                up.set_result(Served(url, home, services, worker, asyncio.get_running_loop()))
                await asyncio.to_thread(ending.wait)
                server.should_exit = True
                await serving

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if not up.done():
                up.set_exception(error)
                return
            raise

    thread = threading.Thread(target=run, name="served", daemon=True)
    thread.start()
    try:
        yield up.result(_START_S)
    finally:
        ending.set()
        thread.join(_START_S)


@contextmanager
def nothing() -> Iterator[None]:
    """Change nothing for the length of a block."""
    yield
