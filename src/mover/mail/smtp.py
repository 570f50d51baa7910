"""Mail through the operator's server: submission (RFC 6409) over TLS, from the first byte or by STARTTLS (RFC 8314)."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from secrets import token_hex
from urllib.parse import unquote, urlsplit

import aiosmtplib
from aiosmtplib import errors as smtp_errors

from mover.errors import (
    InvalidConfiguration,
    MoverError,
    PermissionDenied,
    ProtocolViolation,
    ServiceFault,
    SignInFailed,
    TimedOut,
    Unreachable,
    UntrustedServer,
)
from mover.mail.message import Message, mailbox, spelled_out
from mover.transport.tls import error_from_tls
from mover.vault.secret import Secret

Connect = Callable[[str, int], Awaitable[socket.socket]]
"""How connections are made: `Egress.connect`, which knows the address rules and the proxy."""

_IMPLICIT_TLS_PORT = 465
_SUBMISSION_PORT = 587
_FIRST_PERMANENT = 500


@dataclass(frozen=True)
class SmtpServer:
    """Where mail goes.

    Attributes:
        host: Its name, as its certificate has it.
        port: Its port.
        implicit_tls: TLS from the first byte; else STARTTLS, without which nothing is sent.
        user: To sign in as; empty: without signing in.
        password: The user's.
    """

    host: str
    port: int
    implicit_tls: bool
    user: str
    password: Secret

    @classmethod
    def parse(cls, url: Secret) -> SmtpServer:
        """Read `smtps://[user:password@]host[:port]` (TLS) or `smtp://...` (STARTTLS). Raises InvalidConfiguration."""
        try:
            parts = urlsplit(url.reveal())
            port = parts.port
        except ValueError:
            raise InvalidConfiguration(_USAGE) from None
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path not in {"", "/"}:
            raise InvalidConfiguration(_USAGE)
        if parts.query or parts.fragment or (parts.username and parts.password is None):
            raise InvalidConfiguration(_USAGE)
        implicit = parts.scheme == "smtps"
        return cls(
            host=parts.hostname,
            port=port or (_IMPLICIT_TLS_PORT if implicit else _SUBMISSION_PORT),
            implicit_tls=implicit,
            user=unquote(parts.username or ""),
            password=Secret(unquote(parts.password or "")),
        )


_USAGE = "MOVER_SMTP_URL: give smtps://user:password@host[:port] (TLS) or smtp://user:password@host[:port] (STARTTLS)"


class SmtpMail:
    """Sends each mail over a connection of its own.

    Args:
        server: Where to.
        sender: `address@host` or `Name <address@host>`.
        connect: Makes the connection.
        tls: Checks the server's certificate.
        silence_s: Longest wait for an answer of the server.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        server: SmtpServer,
        sender: str,
        *,
        connect: Connect,
        tls: ssl.SSLContext,
        silence_s: float = 60,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._server = server
        self._sender = sender
        self._from = mailbox(sender, "MOVER_MAIL_FROM")
        self._connect = connect
        self._tls = tls
        self._silence_s = silence_s
        self._now = now

    async def send(self, message: Message) -> None:
        """See `Mail`."""
        mail = spelled_out(
            message,
            sender=self._sender,
            message_id=f"{token_hex(16)}@{self._from.domain}",
            at=dt.datetime.fromtimestamp(self._now(), dt.UTC),
        )
        server = self._server
        connection = await self._connect(server.host, server.port)
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=None,
            sock=connection,
            use_tls=server.implicit_tls,
            start_tls=not server.implicit_tls,
            tls_context=self._tls,
            timeout=self._silence_s,
            local_hostname="localhost",  # this machine's name is nobody's business
        )
        transport: asyncio.BaseTransport | None = None
        try:
            await client.connect()
            transport = client.transport
            if server.user:
                await client.login(server.user, server.password.reveal())
            await client.send_message(mail)
            await client.quit()
        except Exception as error:
            raise self._meaning(error) from error
        finally:
            client.close()
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()  # all has been said; a server that does not say goodbye is not waited for
            await asyncio.sleep(0)  # lets the transport let go of the socket
            connection.close()

    def _meaning(self, error: Exception) -> MoverError:
        """Say what went wrong with the server; its words are quoted, and never what was sent."""
        where = f"{self._server.host}:{self._server.port}"
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLError):
                return error_from_tls(cause, where)
            cause = cause.__cause__ or cause.__context__
        if isinstance(error, MoverError):
            return error
        if isinstance(error, smtp_errors.SMTPResponseException | smtp_errors.SMTPRecipientsRefused):
            return _answered(error, where)
        return _unanswered(error, where)


def _answered(
    error: smtp_errors.SMTPResponseException | smtp_errors.SMTPRecipientsRefused, where: str
) -> MoverError:
    match error:
        case smtp_errors.SMTPAuthenticationError():
            return SignInFailed(
                f"the mail server {where} does not accept the user or password", said=error.message
            )
        case smtp_errors.SMTPRecipientsRefused():
            first = error.recipients[0]
            return _by_code(
                first.code, f"the mail server {where} does not take mail for this address", first.message
            )
        case smtp_errors.SMTPResponseException():
            return _by_code(error.code, f"the mail server {where} does not take the mail", error.message)


def _unanswered(error: Exception, where: str) -> MoverError:
    match error:
        case smtp_errors.SMTPNotSupported():
            return UntrustedServer(f"the mail server {where} offers no encryption, or no way to sign in")
        case TimeoutError():
            return TimedOut(f"the mail server {where} does not answer")
        # aiosmtplib says so with its most general error, for STARTTLS and AUTH.
        case smtp_errors.SMTPException() if type(error) is smtp_errors.SMTPException:
            return UntrustedServer(
                f"the mail server {where} offers no encryption, or no way to sign in", said=str(error)
            )
        case OSError():
            return Unreachable(f"the mail server {where} broke off the connection")
        case _:
            return ProtocolViolation(f"{where} does not answer as a mail server does")


def _by_code(code: int, what: str, said: str) -> MoverError:
    if code >= _FIRST_PERMANENT:
        return PermissionDenied(what, said=said)
    return ServiceFault(what, said=said)
