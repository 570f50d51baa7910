"""A mail server on loopback that keeps what it is given."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "mover@example.org", "p@ss w:rd/é"


@dataclass
class MailServer:
    """What came in, and what the server answers."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    signed_in: list[bool] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    rcpt_answer: str = ""
    data_answer: str = "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's names
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.rcpt_answer:
            return self.rcpt_answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - likewise
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.envelopes.append(envelope)
        self.signed_in.append(bool(session.authenticated))
        self.encrypted.append(session.ssl is not None)
        return self.data_answer


class _Silent(asyncio.Protocol):
    """Takes a connection and says nothing."""

    transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport


def _authenticator(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
    right = isinstance(given, LoginPassword) and (given.login, given.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=right, handled=False)


@asynccontextmanager
async def mail_server(
    certificate: ssl.SSLContext | None, *, implicit: bool = False, silent: bool = False
) -> AsyncIterator[MailServer]:
    """Run one in this event loop: TLS from the first byte, or STARTTLS if there is a certificate, or nothing of it."""
    kept = MailServer()
    loop = asyncio.get_running_loop()
    protocols: list[Any] = []

    def protocol() -> asyncio.Protocol:
        made = speaking()
        protocols.append(made)
        return made

    def speaking() -> asyncio.Protocol:
        if silent:
            return _Silent()
        return SMTP(
            kept,
            hostname="localhost",
            loop=loop,
            tls_context=None if implicit else certificate,
            require_starttls=certificate is not None and not implicit,
            auth_require_tls=not implicit,
            authenticator=_authenticator,
        )

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=certificate if implicit else None)
    kept.port = server.sockets[0].getsockname()[1]
    try:
        yield kept
    finally:
        server.close()
        await server.wait_closed()
        for made in protocols:
            if made.transport is not None:
                made.transport.abort()
        await asyncio.sleep(0)
