"""Temporal behind TLS: who has the right certificate and key gets through, and everybody else is told why not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.command import Mover
from tests.isolation.separated import SeparatedServer
from tests.runner.watching import until
from tests.servers.certificates import client_certificate, make_certificates
from tests.servers.temporal import temporal
from tests.servers.temporal_proxy import TemporalProxy, temporal_proxy

from mover.database.roles.words import Role
from mover.errors import MoverError, SignInFailed, UntrustedServer
from mover.runner.client import TemporalAccess, TemporalUnreachable
from mover.settings import Settings
from mover.vault.secret import Secret

pytestmark = [pytest.mark.servers, pytest.mark.promise("isolation", "tls")]
KEY = "an API key \N{LATIN SMALL LETTER A}"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalProxy]:
    folder = tmp_path_factory.mktemp("temporal")
    with (
        temporal(folder) as server,
        temporal_proxy(folder / "proxy", folder / "tls", server.address, KEY) as running,
    ):
        yield running


def settings(proxy: TemporalProxy, **changed: Any) -> Settings:
    right = {
        "temporal_address": proxy.address,
        "temporal_ca_file": proxy.tls / "ca.pem",
        "temporal_certificate_file": proxy.tls / "client.pem",
        "temporal_key_file": proxy.tls / "client-key.pem",
        "temporal_api_key": Secret(KEY),
        "payload_keys": Secret("00" * 32),
    }
    return Settings(**{**right, **changed})


async def test_the_right_certificate_and_key_get_through(proxy: TemporalProxy) -> None:
    assert await TemporalAccess(settings(proxy)).answers()


async def test_all_others_are_refused_and_told_why(proxy: TemporalProxy, tmp_path: Path) -> None:
    stranger = make_certificates(tmp_path / "stranger")
    served = client_certificate(proxy.tls, "again")
    none = {"temporal_certificate_file": None, "temporal_key_file": None}
    wrong: list[tuple[dict[str, Any], type[MoverError], str]] = [
        ({"temporal_api_key": Secret("another")}, SignInFailed, "refuses the API key"),
        ({"temporal_api_key": None}, SignInFailed, "refuses the API key"),
        (none, SignInFailed, "refuses the certificate that Mover shows, or wants one .CertificateRequired"),
        (
            {
                "temporal_certificate_file": stranger.client_certificate,
                "temporal_key_file": stranger.client_key,
            },
            SignInFailed,
            "refuses the certificate",
        ),
        (
            {"temporal_certificate_file": proxy.tls / "server.pem", "temporal_key_file": proxy.tls / "server-key.pem"},
            SignInFailed,
            "refuses the certificate",  # it is for servers
        ),
        ({"temporal_ca_file": stranger.ca_file}, UntrustedServer, "cannot be trusted"),
        ({"temporal_server_name": "elsewhere.example"}, UntrustedServer, "cannot be trusted"),
        ({**none, "temporal_ca_file": None, "temporal_api_key": None}, TemporalUnreachable, "may want TLS"),
    ]  # fmt: skip
    for changed, kind, told in wrong:
        access = TemporalAccess(settings(proxy, **changed))
        refusal = await refusal_of(access)
        for _ in range(50):
            # With TLS 1.3 the end of the connection may overtake what the server has to say of a certificate.
            if type(refusal) is kind:
                break
            assert "breaks connections off" in refusal.message
            refusal = await refusal_of(access)
        assert type(refusal) is kind
        assert re.search(told, refusal.message)
        assert KEY not in str(refusal)
        assert not await access.answers()
    also = {"temporal_certificate_file": served[0], "temporal_key_file": served[1]}
    assert await TemporalAccess(settings(proxy, **also)).answers()


async def refusal_of(access: TemporalAccess) -> MoverError:
    with pytest.raises(MoverError) as caught:
        await access.client()
    return caught.value


async def test_renewed_files_give_a_new_client_and_unusable_ones_keep_the_old(
    proxy: TemporalProxy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    files = {"temporal_certificate_file": certificate, "temporal_key_file": key}
    for path, source in zip((certificate, key), client_certificate(proxy.tls, "first"), strict=True):
        path.write_bytes(source.read_bytes())
    now = [0.0]
    access = TemporalAccess(settings(proxy, **files), clock=lambda: now[0])
    first = await access.client()
    assert await access.client() is first

    second = client_certificate(proxy.tls, "second")
    certificate.write_bytes(second[0].read_bytes())  # the key has not come yet
    assert await access.client() is first
    assert "cannot be used" in caplog.text
    key.write_bytes(second[1].read_bytes())
    assert await access.client() is first, "it is not tried again and again"
    now[0] += 61
    renewed = await access.client()
    assert renewed is not first
    assert await access.client() is renewed

    certificate.unlink()
    assert await access.client() is renewed
    assert await access.answers()


def test_a_runner_says_why_it_waits(proxy: TemporalProxy, separated: SeparatedServer, tmp_path: Path) -> None:
    log = tmp_path / "log"
    mover = Mover(
        tmp_path,
        MOVER_DATABASE_URL=separated.url(Role.RUNNER),
        MOVER_TEMPORAL_ADDRESS=proxy.address,
        MOVER_TEMPORAL_CA_FILE=str(proxy.tls / "ca.pem"),
        MOVER_TEMPORAL_CERTIFICATE_FILE=str(proxy.tls / "client.pem"),
        MOVER_TEMPORAL_KEY_FILE=str(proxy.tls / "client-key.pem"),
        MOVER_TEMPORAL_API_KEY="another",
        MOVER_LOG_FILE=str(log),
    )
    runner = mover.start("runner")
    try:
        asyncio.run(until(lambda: log.exists() and "refuses the API key" in log.read_text(), 60))
        assert runner.process.poll() is None
    finally:
        runner.kill()
    assert "another" not in log.read_text().replace("another process", "")
