"""API, pages and a runner as processes of their own: each with its role, its home, its certificates, and no more."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from unittest import mock

import httpx
from tests.e2e.command import Mover, Running
from tests.isolation.separated import SeparatedServer
from tests.servers.certificates import client_certificate
from tests.servers.processes import free_port
from tests.servers.service import Prepared, answers, prepare_home
from tests.servers.temporal import TemporalServer, temporal
from tests.servers.temporal_proxy import TemporalProxy, temporal_proxy

from mover.database.roles.words import Role


@dataclass
class Installation:
    """All of it, running.

    Attributes:
        folder: Where `source` and `destination` are, that connections may lead to.
        url: What people type.
        prepared: The owner, and API keys.
        global_key: Of the vault, as 64 digits.
        payload_key: Likewise of what Temporal keeps.
        movers: The commands of each process, with its environment.
    """

    folder: Path
    database: SeparatedServer
    temporal: TemporalServer
    proxy: TemporalProxy
    url: str
    prepared: Prepared
    global_key: str
    payload_key: str
    movers: Mapping[Role, Mover]
    processes: dict[Role, Running] = field(default_factory=dict)

    @property
    def ca_file(self) -> Path:
        """What browsers trust."""
        return self.movers[Role.WEB].home / "tls" / "ca.pem"

    @contextlib.contextmanager
    def signed_in(self) -> Iterator[httpx.Client]:
        """The owner's browser: with cookies, without scripts."""
        trusted = ssl.create_default_context(cafile=str(self.ca_file))
        with httpx.Client(base_url=self.url, verify=trusted, timeout=60) as client:
            form = {"email": self.prepared.actor.name, "password": self.prepared.password.reveal()}
            answer = client.post("/sign-in", data=form)
            assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text
            yield client

    def restart(self, role: Role) -> None:
        """End a process, if it has not ended, and start it anew."""
        if role in self.processes and self.processes[role].process.poll() is None:
            self.processes[role].kill()
        mover = self.movers[role]
        self.processes[role] = mover.start(role.removeprefix("mover_"))
        if role is not Role.RUNNER:
            port = int(mover.variables["MOVER_LISTEN"].rpartition(":")[2])
            wait_for(self.processes[role], port, mover.home / "tls" / "ca.pem")


@contextlib.contextmanager
def installation(folder: Path, database: SeparatedServer) -> Iterator[Installation]:
    """Run everything for the time of a `with` block."""
    (folder / "temporal").mkdir()
    files = folder / "files"
    files.mkdir()
    global_key, payload_key, api_key = token_hex(32), token_hex(32), token_hex(32)
    tls = database.folder / "tls"
    web_port, api_port = free_port(), free_port()
    url = f"https://localhost:{web_port}"
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(temporal(folder / "temporal"))
        proxy = stack.enter_context(temporal_proxy(folder / "proxy", tls, server.address, api_key))

        def with_keys(role: Role) -> dict[str, str]:
            own = folder / f"temporal-{role}"
            own.mkdir()
            for source, name in zip(
                client_certificate(tls, f"temporal-{role}"), ("cert", "key"), strict=True
            ):
                shutil.move(source, own / f"{name}.pem")
            return {
                "MOVER_GLOBAL_KEY": global_key,
                "MOVER_PAYLOAD_KEYS": payload_key,
                "MOVER_TEMPORAL_ADDRESS": proxy.address,
                "MOVER_TEMPORAL_CA_FILE": str(tls / "ca.pem"),
                "MOVER_TEMPORAL_CERTIFICATE_FILE": str(own / "cert.pem"),
                "MOVER_TEMPORAL_KEY_FILE": str(own / "key.pem"),
                "MOVER_TEMPORAL_API_KEY": api_key,
                "MOVER_LOCAL_FOLDERS": str(files),
            }

        variables = {
            Role.API: {
                **with_keys(Role.API),
                "MOVER_PUBLIC_URL": url,
                "MOVER_LISTEN": f"localhost:{api_port}",
                "MOVER_TRUSTED_PROXIES": "127.0.0.1/32, ::1/128",
            },
            Role.WEB: {
                "MOVER_PUBLIC_URL": url,
                "MOVER_LISTEN": f"localhost:{web_port}",
                "MOVER_API_URL": f"https://localhost:{api_port}",
                "MOVER_API_CA_FILE": str(folder / "mover_api" / "state" / "tls" / "ca.pem"),
            },
            Role.RUNNER: {**with_keys(Role.RUNNER), "MOVER_RUNNER_SILENCE_S": "5"},
        }
        movers = {
            role: Mover(
                folder / role,
                MOVER_DATABASE_URL=database.url(role),
                MOVER_LOG_FILE=str(folder / f"{role}.log"),
                **own,
            )
            for role, own in variables.items()
        }
        with mock.patch.dict(os.environ, movers[Role.API].variables):
            prepared = asyncio.run(prepare_home(movers[Role.API].home))
        made = Installation(files, database, server, proxy, url, prepared, global_key, payload_key, movers)
        stack.callback(lambda: [process.kill() for process in made.processes.values()])
        for role in (Role.RUNNER, Role.API, Role.WEB):  # the API makes the authority that the pages trust
            made.restart(role)
        yield made


def wait_for(process: Running, port: int, ca_file: Path) -> None:
    """Wait until a server answers."""

    async def until_it_answers() -> None:
        async with asyncio.timeout(120):
            while not await asyncio.to_thread(answers, port, ca_file):
                assert process.process.poll() is None, process.wait()
                await asyncio.sleep(0.05)

    asyncio.run(until_it_answers())
