from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
from tests.mail.server import PASSWORD, USER, MailServer, mail_server
from tests.servers.certificates import Certificates, make_certificates

from mover.errors import (
    AddressRefused,
    InvalidConfiguration,
    MoverError,
    PermissionDenied,
    ServiceFault,
    SignInFailed,
    TimedOut,
    Unreachable,
    UntrustedServer,
)
from mover.mail.message import Message
from mover.mail.smtp import SmtpMail, SmtpServer
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.vault.secret import Secret

pytestmark = pytest.mark.servers

MESSAGE = Message(
    to="ben@example.org",
    subject="Grüße <b>",
    paragraphs=("Hello & welcome,", ".", "a line that begins with a full stop follows\n.x"),
    link="https://mover.example.org/join/abc?x=1&y=2",
    link_label="Join",
    after=("Bye.",),
)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("mail"))


@pytest.fixture
def tls(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    return context


@pytest.fixture
async def egress(certificates: Certificates) -> AsyncIterator[Egress]:
    opened = Egress(allowed=PrivateAddresses(every=True), ca_file=certificates.ca_file)
    yield opened
    await opened.close()


def _mail(
    egress: Egress, server: MailServer, *, scheme: str = "smtp", host: str = "localhost", **changed: str
) -> SmtpMail:
    user = quote(changed.get("user", USER), safe="")
    password = quote(changed.get("password", PASSWORD), safe="")
    url = Secret(f"{scheme}://{user}:{password}@{host}:{server.port}")
    return SmtpMail(
        SmtpServer.parse(url),
        "Mover <mover@example.org>",
        connect=egress.connect,
        tls=egress.tls(),
        silence_s=0.5 if changed.get("silence") else 30,
    )


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_mail_arrives_encrypted_and_signed_in(
    egress: Egress, tls: ssl.SSLContext, scheme: str
) -> None:
    async with mail_server(tls, implicit=scheme == "smtps") as server:
        await _mail(egress, server, scheme=scheme).send(MESSAGE)

    (mail,), (envelope,) = server.mails, server.envelopes
    assert envelope.rcpt_tos == ["ben@example.org"]
    assert envelope.mail_from == "mover@example.org"
    assert (mail["To"], mail["From"]) == ("ben@example.org", "Mover <mover@example.org>")
    assert mail["Subject"] == "Grüße <b>"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    lines = text.get_content().splitlines()
    assert {".", ".x", "https://mover.example.org/join/abc?x=1&y=2"} <= set(lines)
    assert "Hello &amp; welcome" in html.get_content()
    assert 'href="https://mover.example.org/join/abc?x=1&amp;y=2"' in html.get_content()
    assert server.signed_in == [True]
    if scheme == "smtp":
        assert server.encrypted == [True]


async def test_nothing_is_sent_to_a_server_without_encryption(egress: Egress) -> None:
    async with mail_server(None) as server:
        with pytest.raises(UntrustedServer, match="no encryption"):
            await _mail(egress, server).send(MESSAGE)

    assert server.mails == []


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_nothing_is_sent_to_a_server_that_is_not_trusted(tls: ssl.SSLContext, scheme: str) -> None:
    egress = Egress(allowed=PrivateAddresses(every=True))
    async with mail_server(tls, implicit=scheme == "smtps") as server:
        with pytest.raises(UntrustedServer, match="certificate"):
            await _mail(egress, server, scheme=scheme).send(MESSAGE)
    await egress.close()

    assert server.mails == []


async def test_a_private_address_needs_leave(tls: ssl.SSLContext, certificates: Certificates) -> None:
    egress = Egress(ca_file=certificates.ca_file)
    async with mail_server(tls) as server:
        with pytest.raises(AddressRefused):
            await _mail(egress, server).send(MESSAGE)
    await egress.close()


async def test_a_wrong_password_is_said_without_the_password(egress: Egress, tls: ssl.SSLContext) -> None:
    async with mail_server(tls) as server:
        with pytest.raises(SignInFailed) as refused:
            await _mail(egress, server, password="hunter2hunter2").send(MESSAGE)

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("rcpt", "data", "meaning"),
    [
        ("550 no such person", "250 OK", PermissionDenied),
        ("451 try later", "250 OK", ServiceFault),
        ("", "552 too much", PermissionDenied),
        ("", "452 disk full", ServiceFault),
    ],
)
async def test_what_the_server_says_is_told(
    egress: Egress, tls: ssl.SSLContext, rcpt: str, data: str, meaning: type[MoverError]
) -> None:
    async with mail_server(tls) as server:
        server.rcpt_answer, server.data_answer = rcpt, data
        with pytest.raises(meaning, match=(rcpt or data)[4:]):
            await _mail(egress, server).send(MESSAGE)


async def test_a_silent_server_and_none_at_all(egress: Egress) -> None:
    async with mail_server(None, silent=True) as server:
        with pytest.raises(TimedOut):
            await _mail(egress, server, silence="yes").send(MESSAGE)
    with pytest.raises(Unreachable):
        await _mail(egress, server).send(MESSAGE)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://x",
        "smtp://",
        "smtp://user@host",
        "smtp://h:99999",
        "smtp://h/path",
        "smtps://h?x=1",
        "smtp://[::1",
    ],
)
def test_an_address_of_a_server_that_cannot_be_one(url: str) -> None:
    with pytest.raises(InvalidConfiguration, match="MOVER_SMTP_URL"):
        SmtpServer.parse(Secret(url))


def test_ports_that_go_without_saying() -> None:
    assert SmtpServer.parse(Secret("smtp://mail.example.org")).port == 587
    assert SmtpServer.parse(Secret("smtps://mail.example.org")).port == 465
    assert "secret" not in repr(SmtpServer.parse(Secret("smtps://u:secret@h")))
