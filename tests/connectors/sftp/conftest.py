"""SFTP servers to test with, connectors to them, and a folder of each test's own on them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from tests.connectors.sftp.surroundings import Connect, Memory, Place, Serve, new_place
from tests.servers.processes import LOOPBACK
from tests.servers.ssh import SftpServer

from mover.connectors.registry import Surroundings
from mover.connectors.sftp import CONNECTOR_TYPE
from mover.connectors.sftp.connector import SftpConnector
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.transport.limits import Limits

REAL_SERVERS = ("sshd_server", "proftpd_server")
USERNAME = "alice"
PASSWORD = "s3cret"


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
async def connect(memory: Memory) -> AsyncIterator[Connect]:
    """Make connectors to a server, signed in; `silence_s` is when they lose patience."""
    made: list[SftpConnector] = []

    async def make(
        server: SftpServer, *, silence_s: float = 20, signs_in: bool = True, **values: Any
    ) -> SftpConnector:
        given = {"host": server.host, "port": server.port, "username": server.username, **values}
        if not {"password", "private_key", "agent"} & values.keys():
            given["password"] = server.password
        egress = Egress(allowed=PrivateAddresses(every=True), limits=Limits(connect_s=5, read_s=silence_s))
        connector = CONNECTOR_TYPE.make(
            CONNECTOR_TYPE.config(**given), Surroundings(egress=egress, remember=memory)
        )
        assert isinstance(connector, SftpConnector)
        made.append(connector)
        if signs_in:
            await connector.sign_in()
        return connector

    yield make
    for connector in made:
        await connector.close()


@pytest.fixture(params=REAL_SERVERS)
def server(request: pytest.FixtureRequest) -> SftpServer:
    """Each of the real servers in turn."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, SftpServer)
    return found


@pytest.fixture
def place(server: SftpServer) -> Place:
    return new_place(server)


@pytest.fixture
async def connector(server: SftpServer, connect: Connect) -> SftpConnector:
    return await connect(server)


class _Account(asyncssh.SSHServer):
    """Lets one user in, by password or by keyboard-interactive with the same password."""

    def __init__(self, methods: frozenset[str]) -> None:
        self._methods = methods

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002
        return True

    def password_auth_supported(self) -> bool:
        return "password" in self._methods

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USERNAME, PASSWORD)

    def kbdint_auth_supported(self) -> bool:
        return "keyboard-interactive" in self._methods

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:  # noqa: ARG002
        return "", "Welcome", "", [("Password: ", False)]

    def validate_kbdint_response(self, username: str, responses: Any) -> bool:
        return username == USERNAME and list(responses) == [PASSWORD]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Start asyncssh's own server in this process, with a `SFTPServer` that a test may have altered."""
    acceptors: list[asyncssh.SSHAcceptor] = []
    root = tmp_path / "served"
    root.mkdir()

    async def start(
        sftp: type[asyncssh.SFTPServer] | None = asyncssh.SFTPServer,
        *,
        methods: frozenset[str] = frozenset({"password"}),
        **options: Any,
    ) -> SftpServer:
        key = asyncssh.generate_private_key("ssh-ed25519")
        acceptor = await asyncssh.listen(
            LOOPBACK,
            0,
            server_factory=lambda: _Account(methods),
            server_host_keys=[key],
            sftp_factory=(lambda channel: sftp(channel, chroot=os.fsencode(root))) if sftp else None,
            **options,
        )
        acceptors.append(acceptor)
        return replace(
            _NOWHERE,
            port=acceptor.get_port(),
            root=root,
            host_keys=(" ".join(key.export_public_key().decode().split()[:2]),),
        )

    yield start
    for acceptor in acceptors:
        acceptor.close()
        await acceptor.wait_closed()


_NOWHERE = SftpServer(
    host=LOOPBACK,
    port=0,
    username=USERNAME,
    password=PASSWORD,
    path="/",
    root=Path(),
    owner=os.geteuid(),
    host_keys=(),
    client_key=Path(),
    encrypted_client_key=Path(),
    passphrase="",
    log=Path(),
)
