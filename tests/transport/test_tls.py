"""Only a server that proves who it is, with TLS 1.2 or newer, gets to see a request."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from tests.certificates import Authority, make_authority
from tests.transport.conftest import StartWorld, World
from tests.transport.scripted_server import Client, server_tls

from mover.errors import InvalidConfiguration, MoverError, SignInFailed, UntrustedServer
from mover.transport.tls import SharedContext, tls_context


class Listener:
    """Answers, and knows whether it ever saw a request."""

    def __init__(self) -> None:
        self.seen = False

    async def __call__(self, client: Client) -> None:
        if await client.request():
            self.seen = True
            await client.answer(b"hello")


@contextlib.contextmanager
def openssl_server(tls: ssl.SSLContext) -> Iterator[int]:
    """Shake hands in a thread: asyncio's server keeps the alert to itself when that fails."""

    def shake_hands() -> None:
        with contextlib.suppress(OSError):  # the listening socket was shut down: the end
            while True:
                raw, _ = server.accept()
                with tls.wrap_socket(raw, server_side=True, do_handshake_on_connect=False) as connection:
                    with contextlib.suppress(OSError):
                        connection.do_handshake()
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):  # closing with bytes unread would overtake the alert
                        pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=shake_hands)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


async def refused(it: World, *, host: str = "localhost") -> UntrustedServer:
    with pytest.raises(UntrustedServer) as raised:
        await it.session.request("GET", it.url(host=host), operation="look_up").__aenter__()
    assert (raised.value.service, raised.value.operation) == ("scripted", "look_up")
    assert f"{host}:{it.served.port}" in str(raised.value)
    return raised.value


async def assert_refused(
    world: StartWorld, tls: ssl.SSLContext, why: str, *, host: str = "localhost"
) -> None:
    listener = Listener()
    async with world(listener, tls=tls) as it:
        assert why in str(await refused(it, host=host))
    assert not listener.seen


async def test_a_certificate_of_a_trusted_authority_is_accepted(world: StartWorld) -> None:
    async with world(Listener()) as it:
        for host in ("localhost", "127.0.0.1"):
            async with it.session.request("GET", it.url(host=host)) as answer:
                assert await answer.read() == b"hello"


async def test_self_signed_is_refused(world: StartWorld, authority: Authority) -> None:
    tls = server_tls(*authority.issue("localhost", self_signed=True))
    await assert_refused(world, tls, "self-signed certificate")


async def test_an_unknown_authority_is_refused(world: StartWorld, tmp_path: Path) -> None:
    tls = server_tls(*make_authority(tmp_path).issue("localhost"))
    await assert_refused(world, tls, "is not trusted")


async def test_expired_is_refused(world: StartWorld, authority: Authority) -> None:
    tls = server_tls(*authority.issue("localhost", days=1, issued_days_ago=5))
    await assert_refused(world, tls, "certificate has expired")


async def test_not_yet_valid_is_refused(world: StartWorld, authority: Authority) -> None:
    tls = server_tls(*authority.issue("localhost", issued_days_ago=-5))
    await assert_refused(world, tls, "certificate is not yet valid")


@pytest.mark.parametrize(
    ("names", "host"), [(["elsewhere.example"], "localhost"), (["localhost"], "127.0.0.1")]
)
async def test_another_name_is_refused(
    world: StartWorld, authority: Authority, names: list[str], host: str
) -> None:
    tls = server_tls(*authority.issue(*names))
    await assert_refused(world, tls, "mismatch", host=host)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_old_tls_is_refused(world: StartWorld, authority: Authority, version: ssl.TLSVersion) -> None:
    tls = server_tls(*authority.issue("localhost"))
    tls.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it is old: that is the point
        tls.minimum_version = version
        tls.maximum_version = version
    with openssl_server(tls) as port:
        async with world(Listener()) as it:
            with pytest.raises(UntrustedServer, match="protocol version"):
                await it.session.request("GET", f"https://localhost:{port}/").__aenter__()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_newer_tls_is_spoken(world: StartWorld, authority: Authority, version: ssl.TLSVersion) -> None:
    tls = server_tls(*authority.issue("localhost"))
    tls.minimum_version = tls.maximum_version = version
    async with world(Listener(), tls=tls) as it, it.session.request("GET", it.url()) as answer:
        assert answer.status == 200


async def test_a_server_without_tls_is_refused_at_an_https_address(world: StartWorld) -> None:
    async def handle(client: Client) -> None:
        await client.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await client.until_closed()

    async with world(handle, tls=None) as it:
        with pytest.raises(UntrustedServer, match="no TLS connection"):
            await it.session.request("GET", f"https://localhost:{it.served.port}/").__aenter__()


@pytest.mark.parametrize(
    ("version", "kind"),
    [(ssl.TLSVersion.TLSv1_2, UntrustedServer), (ssl.TLSVersion.TLSv1_3, SignInFailed)],
)
async def test_a_missing_client_certificate_is_said_as_plainly_as_tls_says_it(
    world: StartWorld, authority: Authority, version: ssl.TLSVersion, kind: type[MoverError]
) -> None:
    tls = server_tls(*authority.issue("localhost"), client_ca=authority.ca_file)
    tls.minimum_version = tls.maximum_version = version
    with openssl_server(tls) as port:
        async with world(Listener()) as it:
            with pytest.raises(kind, match="client certificate"):
                await it.session.request("GET", f"https://localhost:{port}/").__aenter__()


async def test_a_client_certificate_is_shown_to_who_asks(world: StartWorld, authority: Authority) -> None:
    tls = server_tls(*authority.issue("localhost"), client_ca=authority.ca_file)
    certificate, key = authority.issue("client")
    async with (
        world(Listener(), tls=tls, client_certificate=certificate, client_key=key) as it,
        it.session.request("GET", it.url()) as answer,
    ):
        assert answer.status == 200


def test_a_client_certificate_may_have_its_key_in_the_same_file(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("client")
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    tls_context(ca_file=authority.ca_file, client_certificate=both)


def test_an_authority_of_its_own_replaces_the_system_s(authority: Authority) -> None:
    assert len(tls_context(ca_file=authority.ca_file).get_ca_certs()) == 1


def test_certificates_are_read_once_and_again_when_they_change(authority: Authority, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(authority.ca_file.read_bytes())
    os.utime(ca_file, ns=(1, 1))
    shared = SharedContext(ca_file=ca_file, protocols=())
    first = shared.current()
    assert shared.current() is first
    assert len(first.get_ca_certs()) == 1
    os.utime(ca_file, ns=(2, 2))
    assert shared.current() is not first
    ca_file.unlink()
    with pytest.raises(InvalidConfiguration):
        shared.current()


def test_http_is_loaded_without_the_system_s_certificates() -> None:
    code = (
        "import ssl, mover.transport.http, aiohttp.connector as them\n"
        "assert not them._SSL_CONTEXT_VERIFIED.get_ca_certs() + them._SSL_CONTEXT_UNVERIFIED.get_ca_certs()\n"
        "assert 'set_default_verify_paths' not in vars(ssl.SSLContext)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_certificates_and_names_are_always_checked(authority: Authority) -> None:
    context = tls_context(ca_file=authority.ca_file)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_session_keys_are_never_written(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert not getattr(tls_context(ca_file=authority.ca_file), "keylog_filename", None)
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"\xff\x00"])
def test_an_unusable_ca_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidConfiguration, match=r"ca\.pem"):
        tls_context(ca_file=file)


def test_an_unusable_client_certificate_is_named(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("client")
    _, foreign_key = authority.issue("client")
    for given in (
        (tmp_path / "absent.pem", None),
        (certificate, None),
        (certificate, foreign_key),
        (key, key),
    ):
        with pytest.raises(InvalidConfiguration, match=given[0].name):
            tls_context(client_certificate=given[0], client_key=given[1])


def test_an_encrypted_key_is_an_error_and_no_question_at_the_terminal(
    authority: Authority, tmp_path: Path
) -> None:
    certificate, key = authority.issue("client")
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"pass"),
        )
    )
    with pytest.raises(InvalidConfiguration):
        tls_context(client_certificate=certificate, client_key=locked)


async def test_many_requests_at_once_over_tls(world: StartWorld) -> None:
    async def handle(client: Client) -> None:
        while await client.request():
            await client.answer(bytes(4096))

    async with world(handle) as it:

        async def get() -> int:
            async with it.session.request("GET", it.url()) as answer:
                return len(await answer.read())

        assert set(await asyncio.gather(*(get() for _ in range(200)))) == {4096}
        assert it.served.connections <= 64
