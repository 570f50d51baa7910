"""The one way out: every connection of every connector is made here, directly or through the operator's proxy."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import aiohappyeyeballs

from mover.errors import InvalidConfiguration, TimedOut, Unreachable
from mover.settings import PrivateAddresses, Settings
from mover.transport.addresses import AddressRules
from mover.transport.causes import cause
from mover.transport.ftp_access import FtpAccess, FtpTls
from mover.transport.ftp_door import FtpDoor
from mover.transport.limits import Limits
from mover.transport.proxy import Proxy
from mover.transport.tls import SharedContext, tls_context

if TYPE_CHECKING:
    from mover.transport.http import HttpSession

_HAPPY_EYEBALLS_DELAY_S = 0.25  # RFC 8305
_HTTP = ("http/1.1",)


class Egress:
    """Opens connections, to addresses that the rules allow and to no others.

    Args:
        allowed: Private addresses that connections may go to.
        proxy: Through which all connections go; None: directly.
        ca_file: Certificates to trust instead of the system's, unless a connection has its own.
        limits: Of silence.
    """

    def __init__(
        self,
        *,
        allowed: PrivateAddresses = PrivateAddresses(),  # noqa: B008 - immutable
        proxy: Proxy | None = None,
        ca_file: Path | None = None,
        limits: Limits = Limits(),  # noqa: B008 - immutable
    ) -> None:
        self.rules = AddressRules(allowed)
        self.limits = limits
        self._proxy = proxy
        self._ca_file = ca_file
        self._sessions: set[HttpSession] = set()
        self._http_tls = SharedContext(ca_file=ca_file, protocols=_HTTP)

    @classmethod
    def from_settings(cls, settings: Settings, *, allowed: PrivateAddresses | None = None) -> Self:
        """Make it as the operator decided, but for which private addresses are allowed, if that is given.

        Raises InvalidConfiguration.
        """
        return cls(
            allowed=settings.allow_private_addresses if allowed is None else allowed,
            proxy=Proxy.parse(settings.proxy) if settings.proxy else None,
            ca_file=settings.ca_file,
            limits=Limits(
                connect_s=settings.connect_timeout_s,
                read_s=settings.read_timeout_s,
                answer_s=max(settings.answer_timeout_s, settings.read_timeout_s),
            ),
        )

    def http(
        self,
        service: str,
        *,
        ca_file: Path | None = None,
        client_certificate: Path | None = None,
        client_key: Path | None = None,
        allow_plain: bool = False,
        connections: int = 64,
    ) -> HttpSession:
        """Make a session for one account; needs no running event loop yet.

        Args:
            service: The connector's name, for errors.
            ca_file: Certificates (PEM) to trust instead of the operator's or the system's.
            client_certificate: Shown to servers that ask for one (PEM, with its chain).
            client_key: Its key, if it stands apart.
            allow_plain: Also speak plain HTTP; the person has insisted on it.
            connections: Most connections at once.

        Raises InvalidConfiguration if a file is unusable.
        """
        # Imported here since aiohttp takes long to load, and not every service is spoken to by HTTP.
        from mover.transport.http import HttpSession  # noqa: PLC0415

        session = HttpSession(
            service=service,
            connect=self.connect,
            tls=tls_context(
                ca_file=ca_file or self._ca_file,
                client_certificate=client_certificate,
                client_key=client_key,
                protocols=_HTTP,
            )
            if ca_file or client_certificate or client_key
            else self._http_tls.current(),
            limits=self.limits,
            allow_plain=allow_plain,
            connections=connections,
            forget=self._sessions.discard,
        )
        self._sessions.add(session)
        return session

    def ftp(self, access: FtpAccess) -> FtpDoor:
        """Make the way to an account at an FTP server; its `limits` and `ca_file` are the operator's unless it has its own.

        Raises InvalidConfiguration if a certificate file is unusable.
        """
        trusted = access.ca_file or self._ca_file
        if access.tls is not FtpTls.NEVER:
            tls_context(
                ca_file=trusted, client_certificate=access.client_certificate, client_key=access.client_key
            )
        return FtpDoor(replace(access, ca_file=trusted, limits=self.limits), self.rules, self._proxy)

    def tls(
        self,
        *,
        ca_file: Path | None = None,
        client_certificate: Path | None = None,
        client_key: Path | None = None,
    ) -> ssl.SSLContext:
        """Make the TLS context of a connector that speaks another protocol than HTTP; its arguments are those of `http`.

        Raises InvalidConfiguration if a file is unusable.
        """
        return tls_context(
            ca_file=ca_file or self._ca_file, client_certificate=client_certificate, client_key=client_key
        )

    async def connect(self, host: str, port: int) -> socket.socket:
        """Connect to a host and return the socket, connected and non-blocking; the caller closes it.

        Raises AddressRefused, Unreachable, TimedOut; through a proxy also InvalidConfiguration, if the proxy does not
        accept its credentials.
        """
        try:
            async with asyncio.timeout(self.limits.connect_s):
                if self._proxy:
                    connected = await self._proxy.connect(self.rules.for_proxy(host), port)
                else:
                    connected = await self._connect_directly(host, port)
        except TimeoutError as error:
            raise TimedOut(f"no connection to {host}:{port} within {self.limits.connect_s:g} s") from error
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connected

    async def datagrams(self, host: str, port: int) -> socket.socket:
        """Return a UDP socket that is connected to a host, with a timeout; the caller closes it.

        Raises AddressRefused, Unreachable, TimedOut; InvalidConfiguration where everything goes through a proxy.
        """
        if self._proxy:
            raise InvalidConfiguration(f"UDP to {host}:{port} cannot go through the proxy; use TCP or TLS")
        async with asyncio.timeout(self.limits.connect_s):
            addresses = await self.rules.resolve(host, port)
        family, _, _, _, address = addresses[0]
        made = socket.socket(family, socket.SOCK_DGRAM)
        made.settimeout(self.limits.connect_s)
        try:
            made.connect(address)
        except OSError as error:
            made.close()
            raise Unreachable(f"no way to {host}:{port}: {cause(error)}") from error
        return made

    async def _connect_directly(self, host: str, port: int) -> socket.socket:
        addresses = await self.rules.resolve(host, port)
        try:
            return await aiohappyeyeballs.start_connection(
                addresses, happy_eyeballs_delay=_HAPPY_EYEBALLS_DELAY_S
            )
        except (OSError, RuntimeError) as error:  # uvloop raises RuntimeError for some of them
            raise Unreachable(f"no connection to {host}:{port}: {cause(error)}") from error

    async def close(self) -> None:
        """Close all sessions that are still open. Sockets handed out by `connect` are their callers'."""
        for session in tuple(self._sessions):
            await session.close()
