"""Signing in: encrypted and verified unless a person insists, and never with the password in the clear."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.connectors.mysql.conftest import dump, values
from tests.contract.services import configured
from tests.servers.certificates import make_certificates
from tests.servers.mariadb import MariaDbServer, mariadb
from tests.servers.processes import LOOPBACK, free_port
from tests.servers.proxies import Proxy

from mover.connectors.contract import Connector
from mover.connectors.mysql.config import MySqlConfig
from mover.connectors.mysql.connector import MySqlConnector
from mover.errors import (
    AddressRefused,
    MoverError,
    ProtocolViolation,
    SignInFailed,
    TimedOut,
    UntrustedServer,
)
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.transport.limits import Limits
from mover.transport.proxy import Proxy as EgressProxy
from mover.vault.secret import Secret

LOOPBACK_ONLY = PrivateAddresses.parse("127.0.0.0/8")


@contextlib.asynccontextmanager
async def signed_in(connector: Connector) -> AsyncIterator[bool]:
    """Whether the connection of a connector is encrypted."""
    try:
        yield (await connector.sign_in()).secure
    finally:
        await connector.close()


@pytest.fixture(scope="module")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDbServer]:
    """A server without TLS."""
    with mariadb(tmp_path_factory.mktemp("plain"), settings="skip-ssl") as server:
        yield server


@pytest.mark.parametrize("more", [{}, {"tls": "offered", "plain": True}])
async def test_offered_tls_is_used_and_told(more: dict, mariadb_server: MariaDbServer) -> None:
    async with signed_in(configured("mysql", values(mariadb_server, **more))()) as secure:
        assert secure


async def test_tls_that_is_turned_off_is_told(mariadb_server: MariaDbServer) -> None:
    async with signed_in(configured("mysql", values(mariadb_server, tls="off", plain=True))()) as secure:
        assert not secure


@pytest.mark.servers
async def test_server_without_tls_is_refused_unless_the_person_insists(plain_server: MariaDbServer) -> None:
    with pytest.raises(SignInFailed, match="no encrypted connection"):
        async with signed_in(configured("mysql", values(plain_server))()):
            pass
    async with signed_in(configured("mysql", values(plain_server, tls="offered", plain=True))()) as secure:
        assert not secure


async def test_certificate_of_a_stranger_is_refused_even_where_tls_is_only_offered(
    mariadb_server: MariaDbServer, tmp_path: Path
) -> None:
    stranger = make_certificates(tmp_path / "stranger").ca_file
    with pytest.raises(UntrustedServer):
        async with signed_in(
            configured("mysql", values(mariadb_server, tls="offered", plain=True, ca_file=stranger))()
        ):
            pass


async def test_operators_authority_is_trusted_where_the_connection_names_none(
    mariadb_server: MariaDbServer,
) -> None:
    config = MySqlConfig.model_validate({**values(mariadb_server), "ca_file": None})
    egress = Egress(allowed=LOOPBACK_ONLY, ca_file=mariadb_server.ca_file)
    async with signed_in(MySqlConnector(config, egress)) as secure:
        assert secure


async def test_client_certificate_is_shown(mariadb_server: MariaDbServer) -> None:
    mariadb_server.execute(
        "CREATE USER IF NOT EXISTS 'dora'@'%' IDENTIFIED BY 'doras password' REQUIRE X509",
    )
    given = {"username": "dora", "password": Secret("doras password")}
    certificates = mariadb_server.certificates
    with_it = {"client_certificate": certificates.client_certificate, "client_key": certificates.client_key}
    async with signed_in(configured("mysql", values(mariadb_server, **given, **with_it))()) as secure:
        assert secure
    with pytest.raises(SignInFailed):
        async with signed_in(configured("mysql", values(mariadb_server, **given))()):
            pass


@pytest.mark.parametrize("kind", ["squid_proxy", "dante_proxy"])
async def test_operators_proxy_is_the_way(
    kind: str, request: pytest.FixtureRequest, mariadb_server: MariaDbServer
) -> None:
    proxy: Proxy = request.getfixturevalue(kind)
    config = MySqlConfig.model_validate(values(mariadb_server))
    way = EgressProxy.parse(Secret(proxy.url))
    async with signed_in(MySqlConnector(config, Egress(allowed=LOOPBACK_ONLY, proxy=way))) as secure:
        assert secure


async def test_address_that_the_operator_does_not_allow_is_refused(mariadb_server: MariaDbServer) -> None:
    config = MySqlConfig.model_validate(values(mariadb_server))
    with pytest.raises(AddressRefused):
        async with signed_in(MySqlConnector(config, Egress())):
            pass


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tls": "offered"}, "plain=true"),
        ({"tls": "off"}, "plain=true"),
        ({"client_key": "key.pem"}, "client_certificate"),
        ({"tls": "sometimes"}, "required"),
        ({"host": "user@host"}, "host"),
    ],
)
def test_configuration_that_cannot_work_is_refused(wrong: dict, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        MySqlConfig.model_validate({"host": "db.example.org", "username": "a", "password": "b", **wrong})


Answering = Callable[[socket.socket], object]


@contextlib.contextmanager
def pretending(answer: Answering) -> Iterator[int]:
    """Run a server that does to each connection what `answer` does."""
    port = free_port()
    with socket.create_server((LOOPBACK, port)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client, contextlib.suppress(OSError):
                        answer(client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield port
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def packet(number: int, payload: bytes) -> bytes:
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload


def greeting(plugin: bytes = b"mysql_native_password") -> bytes:
    """Of a server without TLS."""
    capabilities = 0x000FF7FF & ~0x0800 | 0x00080000 | 0x8000
    low, high = struct.pack("<H", capabilities & 0xFFFF), struct.pack("<H", capabilities >> 16)
    return packet(
        0,
        b"\x0a10.0.0-fake\0"
        + struct.pack("<I", 1)
        + b"12345678\0"
        + low
        + b"\x2d\x02\0"
        + high
        + b"\x15"
        + bytes(10)
        + b"123456789012\0"
        + plugin
        + b"\0",
    )


async def _fails(port: int, **limits: float) -> MoverError:
    config = MySqlConfig(
        host=LOOPBACK,
        port=port,
        username="alice",
        password=Secret("the secret password"),
        tls="offered",
        plain=True,
    )
    connector = MySqlConnector(config, Egress(allowed=LOOPBACK_ONLY, limits=Limits(**limits)))
    with pytest.raises(MoverError) as caught:
        await connector.sign_in()
    await connector.close()
    assert "the secret password" not in repr(caught.value)
    return caught.value


@pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"dialog", b"mysql_old_password"])
async def test_server_that_asks_for_the_password_in_the_clear_does_not_get_it(plugin: bytes) -> None:
    heard: list[bytes] = []

    def answer(client: socket.socket) -> None:
        client.sendall(greeting())
        heard.append(client.recv(65536))
        client.sendall(packet(2, b"\xfe" + plugin + b"\0\x04Password: \0"))
        heard.append(client.recv(65536))

    with pretending(answer) as port:
        error = await _fails(port)
    assert isinstance(error, SignInFailed)
    assert b"the secret password" not in b"".join(heard)


async def test_server_that_asks_for_a_file_does_not_get_it() -> None:
    heard: list[bytes] = []

    def answer(client: socket.socket) -> None:
        client.sendall(greeting())
        client.recv(65536)
        client.sendall(packet(2, b"\0\0\0\x02\0\0\0"))
        client.recv(65536)
        client.sendall(packet(1, b"\xfb/etc/hostname"))
        heard.append(client.recv(65536))

    with pretending(answer) as port:
        await _fails(port)
    assert Path("/etc/hostname").read_bytes().strip() not in b"".join(heard)


@pytest.mark.parametrize(
    "garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n" * 50, b"\x05\0\0\0abcde", b"\x01\0\0\0\x0a", bytes(4)]
)
async def test_server_that_is_none_is_a_violation_or_unreachable(garbage: bytes) -> None:
    with pretending(lambda client: client.sendall(garbage)) as port:
        error = await _fails(port)
    assert isinstance(error, ProtocolViolation) or error.reason == "unreachable"


async def test_server_that_says_nothing_is_given_up() -> None:
    with pretending(lambda client: client.recv(1)) as port:
        assert isinstance(await _fails(port, connect_s=0.2, answer_s=0.4), TimedOut)


async def test_statement_that_the_server_does_not_answer_is_given_up(
    mariadb_server: MariaDbServer, database: str
) -> None:
    mariadb_server.execute("CREATE TABLE t (id int)", database=database)
    config = MySqlConfig.model_validate(values(mariadb_server))
    connector = MySqlConnector(config, Egress(allowed=LOOPBACK_ONLY, limits=Limits(answer_s=0.5)))
    await connector.sign_in()
    with mariadb_server.connect(database) as holding, holding.cursor() as cursor:
        cursor.execute("LOCK TABLES t WRITE")
        with pytest.raises(TimedOut):
            await dump(connector, database, "t.sql")
        cursor.execute("UNLOCK TABLES")
    await connector.close()
