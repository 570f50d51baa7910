"""An authority, and an egress that may go to loopback and has little patience."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvloop
from tests.certificates import Authority, make_authority
from tests.transport.scripted_server import Handle, Served, server_tls, serving

from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.transport.http import HttpSession
from mover.transport.limits import Limits

LOOPBACK = PrivateAddresses.parse("127.0.0.0/8, ::1")
LIMITS = Limits(connect_s=5, read_s=5, answer_s=5)


@dataclass
class World:
    """A scripted server and a session that trusts it."""

    served: Served
    session: HttpSession
    scheme: str

    def url(self, path: str = "/", *, host: str = "localhost") -> str:
        return f"{self.scheme}://{host}:{self.served.port}{path}"


StartWorld = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def good_tls(authority: Authority) -> ssl.SSLContext:
    return server_tls(*authority.issue("localhost", "127.0.0.1"))


@pytest.fixture
def world(authority: Authority, good_tls: ssl.SSLContext) -> StartWorld:
    """Start a scripted server with a good certificate, unless a test brings another context (None: plain)."""

    @contextlib.asynccontextmanager
    async def start(
        handle: Handle,
        *,
        tls: ssl.SSLContext | None = good_tls,
        limits: Limits = LIMITS,
        allowed: PrivateAddresses = LOOPBACK,
        ca_file: Path = authority.ca_file,
        **more: Any,
    ) -> AsyncIterator[World]:
        egress = Egress(allowed=allowed, limits=limits)
        async with serving(handle, tls) as served:
            session = egress.http("scripted", ca_file=ca_file, **{"allow_plain": tls is None, **more})
            try:
                yield World(served, session, "https" if tls else "http")
            finally:
                await egress.close()

    return start


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port of 127.0.0.1 at which nobody listens: it is taken, so that nobody else will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run what opens connections on both event loops: uvloop, as in earnest, and asyncio's own."""
    both = item.path.stem in {"test_http", "test_http_faults", "test_tls", "test_proxy", "test_addresses"}
    return {"asyncio": asyncio.new_event_loop, **({"uvloop": uvloop.new_event_loop} if both else {})}
