from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from temporalio.client import Client
from tests.runner.watching import listening, until
from tests.servers.processes import free_port

from mover.errors import InvalidConfiguration, Locked
from mover.runner import embedded
from mover.runner.embedded import embedded_address, embedded_temporal
from mover.settings import Settings

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

PARENT = """
import asyncio
from mover.runner.embedded import embedded_temporal
from mover.settings import Settings
async def main():
    async with embedded_temporal(Settings()) as server:
        print(server.address, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


def servers_on(state: Path) -> list[int]:
    """Processes that have the server's arguments."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if os.fsencode(state) in arguments and b"start-dev" in arguments:
            found.append(int(folder.name))
    return found


async def started_in(address: str) -> None:
    client = await Client.connect(address)
    assert await client.service_client.check_health()


async def test_it_listens_on_loopback_only_restarts_and_ends(mover_home):
    settings = Settings()
    async with embedded_temporal(settings) as server:
        (pid,) = servers_on(server.state)
        addresses = listening(pid)
        assert addresses
        assert {address.partition(":")[0] for address in addresses} == {"0100007F"}  # 127.0.0.1
        assert server.state.stat().st_mode & 0o777 == 0o600
        assert b"MOVER_" not in Path(f"/proc/{pid}/environ").read_bytes()
        assert embedded_address(settings) == server.address
        os.kill(pid, signal.SIGKILL)
        await until(lambda: servers_on(server.state) not in ([], [pid]))
        await until(lambda: embedded_address(settings) == server.address)

        async def answers() -> None:
            while True:
                try:
                    return await started_in(server.address)
                except RuntimeError:
                    await asyncio.sleep(0.05)

        await asyncio.wait_for(answers(), 240)
    assert servers_on(server.state) == []
    assert embedded_address(settings) is None
    assert all(path.stat().st_mode & 0o077 == 0 for path in mover_home.rglob("*") if path.is_file())


async def test_it_ends_with_a_parent_that_is_killed_and_refuses_a_second(mover_home, monkeypatch):
    monkeypatch.setattr(embedded, "_LOCK_WITHIN_S", 0.1)
    with subprocess.Popen(  # noqa: ASYNC220 - it is started once, and waits for nobody
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "MOVER_HOME": str(mover_home)},
    ) as parent:
        try:
            assert parent.stdout is not None
            address = (await asyncio.to_thread(parent.stdout.readline)).strip()
            await started_in(address)
            assert embedded_address(Settings()) == address
            with pytest.raises(Locked, match="another mover process"):
                async with embedded_temporal(Settings()):
                    pass
        finally:
            parent.kill()
    await until(lambda: not servers_on(mover_home / "temporal.db"))
    await until(lambda: embedded_address(Settings()) is None)


async def test_a_port_that_is_taken_is_named(monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("MOVER_TEMPORAL_PORT", str(other.getsockname()[1]))
        with pytest.raises(InvalidConfiguration, match="MOVER_TEMPORAL_PORT"):
            async with embedded_temporal(Settings()):
                pass


@pytest.mark.parametrize("left", [b"", b"this is no database" * 1000])
async def test_a_state_that_is_rubbish_stops_nobody(mover_home, monkeypatch, left):
    port = free_port()
    monkeypatch.setenv("MOVER_TEMPORAL_PORT", str(port))
    mover_home.mkdir()
    (mover_home / "temporal.db").write_bytes(left)
    async with embedded_temporal(Settings()) as server:
        assert server.address == f"127.0.0.1:{port}"
        await started_in(server.address)


async def test_a_server_that_cannot_start_is_told_with_its_log(monkeypatch):
    monkeypatch.setattr(embedded, "_program", lambda: "/bin/false")
    with pytest.raises(InvalidConfiguration, match=r"temporal\.log"):
        async with embedded_temporal(Settings()):
            pass
