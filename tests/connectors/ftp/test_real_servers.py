"""What only real servers show: TLS, certificates, session reuse, proxies, symbolic links, and their own habits."""

from __future__ import annotations

import asyncio
import base64
import os
import traceback
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.contract.acts import listed, names, put, read, some_bytes
from tests.servers.certificates import make_certificates
from tests.servers.ftp import FtpServer
from tests.servers.proxies import Proxy

from mover.connectors.ftp.connector import FtpConnector
from mover.connectors.registry import Surroundings, connector_type
from mover.entries import ROOT, EntryKind, HashName
from mover.errors import (
    AddressRefused,
    InvalidConfiguration,
    MoverError,
    PermissionDenied,
    SignInFailed,
    Unreachable,
    UntrustedServer,
)
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.transport.proxy import Proxy as EgressProxy
from mover.vault.secret import Secret

DATA = some_bytes(3_000_000)


async def forget(_key: str, _value: str) -> None:
    """Keep nothing."""


@asynccontextmanager
async def connected(
    server: FtpServer, *, egress: Egress | None = None, signs_in: bool = True, **values: object
) -> AsyncIterator[FtpConnector]:
    """A connector to a server over TLS, or in the clear if `plain` is given."""
    kind = connector_type("ftp" if "plain" in values else "ftps")
    given = {
        "host": server.host,
        "port": server.port,
        "username": server.username,
        "password": Secret(server.password),
        **({} if "plain" in values else {"ca_file": server.certificates.ca_file}),
    }
    egress = egress or Egress(allowed=PrivateAddresses.parse("127.0.0.0/8"))
    connector = kind.make(
        kind.config.model_validate(given | values), Surroundings(egress=egress, remember=forget)
    )
    assert isinstance(connector, FtpConnector)
    try:
        if signs_in:
            await connector.sign_in()
        yield connector
    finally:
        await connector.close()


async def goes_there_and_back(connector: FtpConnector) -> None:
    name = f"file-{uuid.uuid4().hex}"
    await put(connector, ROOT, name, DATA)
    assert await read(connector, ROOT.child(name)) == DATA
    assert name in await names(connector, ROOT)


async def test_implicit_tls(proftpd_ftps_server: FtpServer) -> None:
    server = proftpd_ftps_server
    async with connected(server, port=server.implicit_port, tls="implicit") as connector:
        await goes_there_and_back(connector)


async def test_client_certificate_lets_in(proftpd_ftps_server: FtpServer) -> None:
    server, certificates = proftpd_ftps_server, proftpd_ftps_server.certificates
    shown: dict[str, Any] = {
        "client_certificate": certificates.client_certificate,
        "client_key": certificates.client_key,
    }
    async with connected(server, port=server.demanding_port, **shown) as connector:
        await goes_there_and_back(connector)


async def test_no_client_certificate_does_not(proftpd_ftps_server: FtpServer) -> None:
    server = proftpd_ftps_server
    async with connected(server, port=server.demanding_port, signs_in=False) as connector:
        with pytest.raises((SignInFailed, Unreachable), match="client certificate") as caught:
            await connector.sign_in()
    assert server.password not in str(caught.value)


async def test_server_that_offers_no_tls_is_not_given_the_password(tmp_path: Path) -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 Come in\r\n")
        while line := await reader.readline():
            seen.append(line)
            writer.write(b"500 Unknown command\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    certificates = make_certificates(tmp_path / "tls")
    described = FtpServer(
        host="127.0.0.1",
        port=port,
        username="alice",
        password="s3cret word",
        root=tmp_path,
        owner=0,
        certificates=certificates,
        log=tmp_path / "log",
    )
    async with server, connected(described, signs_in=False) as connector:
        with pytest.raises(MoverError) as caught:
            await connector.sign_in()
    assert not [line for line in seen if line.startswith((b"USER", b"PASS"))]
    assert "s3cret word" not in str(caught.value)


async def test_unprotected_connection_to_a_server_that_demands_tls_is_refused(
    vsftpd_server: FtpServer,
) -> None:
    async with connected(vsftpd_server, signs_in=False, plain=True) as connector:
        with pytest.raises(InvalidConfiguration, match="ftps"):
            await connector.sign_in()


async def test_certificate_of_another_name_is_not_trusted(proftpd_ftps_server: FtpServer) -> None:
    async with connected(proftpd_ftps_server, host="127.0.0.9", signs_in=False) as connector:
        with pytest.raises((UntrustedServer, Unreachable)):
            await connector.sign_in()
    async with connected(proftpd_ftps_server, host="localhost") as connector:
        assert await names(connector, ROOT) is not None


async def test_certificates_are_checked_against_the_operators_too(
    proftpd_ftps_server: FtpServer, tmp_path: Path
) -> None:
    trusting = Egress(
        allowed=PrivateAddresses.parse("127.0.0.0/8"), ca_file=proftpd_ftps_server.certificates.ca_file
    )
    async with connected(proftpd_ftps_server, egress=trusting, ca_file=None):
        pass
    beyond_ascii = tmp_path / "Schlüssel.pem"
    beyond_ascii.write_bytes(proftpd_ftps_server.certificates.ca_file.read_bytes())
    async with connected(proftpd_ftps_server, ca_file=beyond_ascii):
        pass
    async with connected(proftpd_ftps_server, ca_file=None, signs_in=False) as connector:
        with pytest.raises(UntrustedServer):
            await connector.sign_in()


@pytest.mark.promise("P7", "egress")
@pytest.mark.parametrize("through", ["squid_proxy", "dante_proxy"])
async def test_control_and_data_go_through_the_operators_proxy(
    through: str, request: pytest.FixtureRequest, proftpd_ftps_server: FtpServer
) -> None:
    proxy: Proxy = request.getfixturevalue(through)
    before = len(proxy.requests.read_text().splitlines())
    egress = Egress(allowed=PrivateAddresses.parse("127.0.0.0/8"), proxy=EgressProxy.parse(Secret(proxy.url)))
    async with connected(proftpd_ftps_server, egress=egress) as connector:
        await goes_there_and_back(connector)
    lines = proxy.requests.read_text().splitlines()[before:]
    # Tunnels of data connections: STOR, RETR, MLSD. That of the control connection is noted when it ends.
    assert len([line for line in lines if "127.0.0.1" in line]) >= 3
    assert not [line for line in lines if proxy.password in line]


@pytest.mark.parametrize("through", ["squid_proxy", "dante_proxy"])
async def test_proxy_that_wants_a_password_is_named_and_no_secret_shown(
    through: str, request: pytest.FixtureRequest, proftpd_ftps_server: FtpServer
) -> None:
    proxy: Proxy = request.getfixturevalue(through)
    wrong = proxy.url.replace(proxy.password, "wr0ng-secret")
    egress = Egress(allowed=PrivateAddresses.parse("127.0.0.0/8"), proxy=EgressProxy.parse(Secret(wrong)))
    async with connected(proftpd_ftps_server, egress=egress, signs_in=False) as connector:
        with pytest.raises(InvalidConfiguration, match="MOVER_PROXY") as caught:
            await connector.sign_in()
    assert "wr0ng-secret" not in str(caught.value) + repr(caught.value)


async def test_password_of_a_proxy_may_have_any_letters_and_is_in_no_error(
    proftpd_ftps_server: FtpServer,
) -> None:
    asked: list[str] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy = EgressProxy.parse(Secret(f"http://jürgen:geheim-ß@127.0.0.1:{port}"))
    egress = Egress(allowed=PrivateAddresses.parse("127.0.0.0/8"), proxy=proxy)
    async with server, connected(proftpd_ftps_server, egress=egress, signs_in=False) as connector:
        with pytest.raises(InvalidConfiguration, match="MOVER_PROXY") as caught:
            await connector.sign_in()
    assert "geheim" not in "".join(traceback.format_exception(caught.value))
    assert base64.b64encode("jürgen:geheim-ß".encode()).decode() in asked[0]


@pytest.mark.parametrize("through", ["squid_proxy", "dante_proxy"])
async def test_proxy_that_forbids_the_server_is_told_apart(
    through: str, request: pytest.FixtureRequest, proftpd_ftps_server: FtpServer
) -> None:
    proxy: Proxy = request.getfixturevalue(through)
    egress = Egress(allowed=PrivateAddresses.parse("127.0.0.0/8"), proxy=EgressProxy.parse(Secret(proxy.url)))
    async with connected(proftpd_ftps_server, egress=egress, host="127.0.0.77", signs_in=False) as connector:
        with pytest.raises(AddressRefused):
            await connector.sign_in()


@pytest.mark.parametrize("fixture", ["proftpd_ftps_server", "vsftpd_server", "pure_ftpd_server"])
async def test_links_and_hidden_files_are_listed_for_what_they_are(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    server: FtpServer = request.getfixturevalue(fixture)
    folder = server.root / f"links-{uuid.uuid4().hex}"
    folder.mkdir()
    for file in (folder / ".hidden", folder / "*[star]?", folder / "a -> b"):
        file.write_bytes(b"x")
    (folder / "link").symlink_to("a -> b")
    (folder / "inner").mkdir()
    os.chown(folder, server.owner, server.owner)
    plain: dict[str, Any] = {"plain": True} if fixture == "pure_ftpd_server" else {}
    async with connected(server, **plain) as connector:
        found = {entry.name: entry.kind for entry in await listed(connector, ROOT.child(folder.name))}
        assert await read(connector, ROOT.child(folder.name).child("*[star]?")) == b"x"
    assert found.pop("link") in {EntryKind.SHORTCUT, EntryKind.FILE}  # Pure-FTPd follows it
    assert found == {
        ".hidden": EntryKind.FILE,
        "*[star]?": EntryKind.FILE,
        "a -> b": EntryKind.FILE,
        "inner": EntryKind.FOLDER,
    }


@pytest.mark.parametrize("fixture", ["proftpd_ftps_server", "vsftpd_server", "pure_ftpd_server"])
async def test_what_the_account_may_not_read_is_neither_gone_nor_empty(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    server: FtpServer = request.getfixturevalue(fixture)
    folder = server.root / f"closed-{uuid.uuid4().hex}"
    (folder / "inner").mkdir(parents=True)
    (folder / "file").write_bytes(b"x")
    (folder / "file").chmod(0o600)
    (folder / "inner").chmod(0o711)
    plain: dict[str, Any] = {"plain": True} if fixture == "pure_ftpd_server" else {}
    place = ROOT.child(folder.name)
    async with connected(server, **plain) as connector:
        with pytest.raises(PermissionDenied):
            await read(connector, place.child("file"))
        with pytest.raises(PermissionDenied):
            await listed(connector, place.child("inner"))


async def test_folder_with_a_pattern_for_a_name_is_listed_by_itself(vsftpd_server: FtpServer) -> None:
    base = vsftpd_server.root / f"patterns-{uuid.uuid4().hex}"
    for name in ("*", "[ab]", "a", "-a"):
        (base / name).mkdir(parents=True)
        (base / name / f"in {name.replace('*', 'star')}").touch()
    async with connected(vsftpd_server) as connector:
        folder = ROOT.child(base.name)
        for name in ("*", "[ab]", "-a"):
            assert await names(connector, folder.child(name)) == [f"in {name.replace('*', 'star')}"]


async def test_hashes_are_what_the_server_offers(
    proftpd_ftps_server: FtpServer, vsftpd_server: FtpServer
) -> None:
    async with connected(proftpd_ftps_server) as connector:
        assert connector.hashes is not None
        assert connector.hashes.names >= {HashName.SHA256, HashName.MD5, HashName.CRC32}
    async with connected(proftpd_ftps_server, remote_checksums="off") as connector:
        assert connector.hashes is None
    async with connected(vsftpd_server) as connector:
        assert connector.hashes is None


async def test_times_of_a_server_that_lists_minutes_are_asked_for_or_taken_as_they_are(
    vsftpd_server: FtpServer,
) -> None:
    folder = vsftpd_server.root / f"times-{uuid.uuid4().hex}"
    folder.mkdir()
    (folder / "file").touch()
    moment_ns = 1_600_000_000 * 10**9
    os.utime(folder / "file", ns=(moment_ns, moment_ns))
    place = ROOT.child(folder.name)
    async with connected(vsftpd_server) as connector:
        assert [entry.modified_ns for entry in await listed(connector, place)] == [moment_ns]
    async with connected(vsftpd_server, exact_times=False) as connector:
        [entry] = await listed(connector, place)
        looked = await connector.refresh(place.child("file"))
        written = await put(connector, ROOT, f"times-{uuid.uuid4().hex}", b"x")
        resolution = connector.capabilities.modified_resolution_ns
    assert entry.modified_ns is not None
    assert resolution is not None
    assert entry.modified_ns == looked.modified_ns
    assert (
        entry.version is looked.version is written.version is None
    )  # it would change when the file grows old
    assert written.modified_ns is None
    assert 0 < abs(entry.modified_ns - moment_ns) < resolution


async def test_connection_below_a_folder_shows_nothing_above_it(proftpd_ftps_server: FtpServer) -> None:
    name = f"below-{uuid.uuid4().hex}"
    (proftpd_ftps_server.root / name).mkdir()
    (proftpd_ftps_server.root / name / "inside").touch()
    for path in (f"/{name}", f"~/{name}"):
        async with connected(proftpd_ftps_server, path=path) as connector:
            assert await names(connector, ROOT) == ["inside"]
    async with connected(proftpd_ftps_server, path="/not there", signs_in=False) as connector:
        with pytest.raises(InvalidConfiguration):
            await connector.sign_in()
