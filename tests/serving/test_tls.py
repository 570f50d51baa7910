from __future__ import annotations

import datetime as dt
import logging
import ssl
from pathlib import Path

import pytest
from tests.certificates import make_authority
from tests.servers.certificates import Certificates, make_certificates
from tests.serving.conftest import SmallApplication
from tests.serving.weak import weak_rsa

from mover.errors import InvalidConfiguration
from mover.serving.certificates import own_certificate
from mover.serving.tls import ServerTls, operators_certificate, own_made_certificate, server_context

pytestmark = pytest.mark.promise("tls")

NAMES = ("localhost", "127.0.0.1")


@pytest.fixture
def own(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path / "operator")


def test_only_ciphers_with_forward_secrecy_are_offered(tmp_path):
    made = own_certificate(tmp_path, NAMES)
    context = server_context(made.server_file, None)
    names = {cipher["name"] for cipher in context.get_ciphers()}
    assert names
    assert all(
        name.startswith(("ECDHE-", "TLS_")) and ("GCM" in name or "CHACHA20" in name) for name in names
    )
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


async def test_a_client_that_knows_no_newer_tls_is_refused(serve):
    async with serve(SmallApplication()) as served:
        old = served.trust()
        with pytest.warns(DeprecationWarning, match="deprecated"):
            old.minimum_version = ssl.TLSVersion.TLSv1
        with pytest.warns(DeprecationWarning, match="deprecated"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await served.connect(old)


async def test_a_renewed_certificate_is_used_for_new_connections_and_open_ones_stay(serve):
    async with serve(SmallApplication()) as served:
        reader, writer = await served.connect()
        old = writer.get_extra_info("ssl_object").getpeercert()["serialNumber"]
        served.certificate.server_file.unlink()
        assert served.tls.refresh()
        assert not served.tls.refresh()
        _, second = await served.connect()
        new = second.get_extra_info("ssl_object").getpeercert()["serialNumber"]
        assert old != new
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).endswith(b"ok\r\n0\r\n\r\n")
        writer.close()
        second.close()


def test_the_operators_files_are_used(own):
    assert isinstance(operators_certificate(own.certificate, own.key).context(), ssl.SSLContext)


def test_a_key_of_another_certificate_is_refused(own):
    with pytest.raises(InvalidConfiguration, match="does not belong to the certificate"):
        operators_certificate(own.certificate, own.client_key)


def test_an_expired_certificate_is_refused_at_the_start(own):
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=400)
    with pytest.raises(InvalidConfiguration, match="expired on"):
        operators_certificate(own.certificate, own.key, now=lambda: later)


def test_a_certificate_of_the_future_is_refused(own):
    with pytest.raises(InvalidConfiguration, match="not valid before"):
        operators_certificate(own.certificate, own.key, now=lambda: dt.datetime(2001, 1, 1, tzinfo=dt.UTC))


def test_a_key_that_everybody_can_read_is_refused(own):
    own.key.chmod(0o644)
    with pytest.raises(InvalidConfiguration, match="can be read by everybody"):
        operators_certificate(own.certificate, own.key)


def test_a_weak_certificate_is_refused_at_the_start_with_the_reason(own, tmp_path):
    certificate, key = weak_rsa(tmp_path)
    with pytest.raises(
        InvalidConfiguration, match=r"weak\.pem has a key that is too weak: RSA of 1024 bits; use 2048"
    ):
        operators_certificate(certificate, key)
    tls = operators_certificate(own.certificate, own.key)
    before = tls.context()
    own.certificate.write_bytes(certificate.read_bytes())
    own.key.write_bytes(key.read_bytes())
    assert not tls.refresh()  # nor while it runs
    assert tls.context() is before


def test_one_that_lives_for_days_is_warned_of_in_its_last_third_and_once_a_day(tmp_path, caplog):
    authority = make_authority(tmp_path)
    certificate, key = authority.issue("localhost", days=6, issued_days_ago=0)
    clock = [dt.datetime.now(dt.UTC) + dt.timedelta(days=3, hours=23)]
    with caplog.at_level(logging.WARNING):
        tls = operators_certificate(certificate, key, now=lambda: clock[0])
        assert caplog.text == ""
        clock[0] += dt.timedelta(hours=2)
        for _ in range(3):
            tls.refresh()
    assert caplog.text.count("expires on") == 1


def test_a_certificate_soon_to_expire_is_warned_of(own, caplog):
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=20)
    with caplog.at_level(logging.WARNING):
        operators_certificate(own.certificate, own.key, now=lambda: soon)
    assert "expires on" in caplog.text


@pytest.mark.parametrize(
    "content", [b"", b"rubbish", b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"]
)
def test_a_file_that_is_no_certificate_is_named(own, content):
    own.certificate.write_bytes(content)
    with pytest.raises(InvalidConfiguration, match=r"server\.pem"):
        operators_certificate(own.certificate, own.key)


def test_a_bad_replacement_is_not_used_and_logged(own, caplog):
    tls = operators_certificate(own.certificate, own.key)
    before = tls.context()
    own.certificate.write_bytes(b"rubbish")
    with caplog.at_level(logging.ERROR):
        assert not tls.refresh()
    assert tls.context() is before
    assert "the old one stays" in caplog.text


def test_a_certificate_of_our_own_is_renewed_while_the_server_runs(tmp_path):
    now = dt.datetime.now(dt.UTC)
    clock = [now]
    tls, _ = own_made_certificate(tmp_path, NAMES, now=lambda: clock[0])
    assert isinstance(tls, ServerTls)
    assert not tls.refresh()
    clock[0] = now + dt.timedelta(days=61)
    assert tls.refresh()
