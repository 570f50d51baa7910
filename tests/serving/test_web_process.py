"""The process of the pages ends as the API does: first nobody is sent to it any more, then it goes."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.serving.conftest import LOOPBACK, Answer, SmallApplication

from mover.database.database import Database
from mover.serving.listening import listen
from mover.serving.web_process import serve_pages
from mover.settings import Settings
from mover.vault.secret import Secret

pytestmark = pytest.mark.promise("availability")


@dataclass(frozen=True)
class Pages:
    """Where they answer, and whom to trust there."""

    port: int
    ca_file: Path

    async def ask(self, path: str) -> Answer:
        context = ssl.create_default_context(cafile=self.ca_file)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname="localhost"
        )
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        # The head is enough of an answer on a connection that stays open.
        async with asyncio.timeout(20):
            head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        return Answer(int(first.split()[1]), dict(line.lower().split(": ", 1) for line in lines), b"")


async def test_at_sigterm_the_pages_are_drained_then_ended(
    serve: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MOVER_HOME", raising=False)
    async with serve(SmallApplication()) as api:
        api_url = f"https://localhost:{api.port}"
        settings = Settings(
            home=tmp_path / "web",
            database_url=Secret(f"sqlite:///{tmp_path}/mover.db"),
            public_url="https://localhost",
            api_ca_file=api.certificate.ca_file,
            web_drain_s=3600,
        )
        database = await Database.open(settings.database_url)
        sockets = listen(LOOPBACK)
        port = sockets[0].getsockname()[1]
        ready = asyncio.Event()
        pages = asyncio.create_task(
            serve_pages(settings, database, api_url, sockets=sockets, ready=ready.set)
        )
        try:
            async with asyncio.timeout(60):
                await ready.wait()
            web = Pages(port, settings.tls_path / "ca.pem")
            assert (await web.ask("/readyz")).status == 200
            assert (await web.ask("/offline")).status == 200

            os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(60):
                while (await web.ask("/readyz")).status == 200:
                    pass  # the signal is taken up by the loop

            still = await web.ask("/offline")
            assert (still.status, still.headers["connection"]) == (200, "close")
            assert (await web.ask("/staff/api/v1/organisations")).status == 200  # passed on to the API
            assert not pages.done()

            os.kill(os.getpid(), signal.SIGTERM)  # who is in a hurry says it again
            async with asyncio.timeout(60):
                await pages
            with pytest.raises(OSError, match="Connect"):
                await web.ask("/healthz")
        finally:
            pages.cancel()
            await asyncio.gather(pages, return_exceptions=True)
            await database.close()
