"""The operator's egress proxy: HTTP CONNECT (RFC 9110 9.3.6) or SOCKS5 (RFC 1928, 1929).

Whatever goes out goes through a tunnel of it, plain HTTP too, and names are looked up on its side. The proxy's own
address is the operator's and no subject of the address rules.
"""

from __future__ import annotations

import asyncio
import base64
import socket
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import aiohappyeyeballs
import msgspec

from mover.errors import AddressRefused, InvalidConfiguration, MoverError, Unreachable
from mover.transport.causes import cause
from mover.vault.secret import Secret

if TYPE_CHECKING:
    from python_socks import ProxyError

_LONGEST_ANSWER = 16 * 1024
_LONGEST_CREDENTIAL = 255  # RFC 1929
_HAPPY_EYEBALLS_DELAY_S = 0.25  # RFC 8305


class ProxyKind(StrEnum):
    """How a proxy is spoken to."""

    CONNECT = "http"
    SOCKS5 = "socks5"


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """One proxy and, where it wants them, user name and password."""

    kind: ProxyKind
    host: str
    port: int
    username: str | None = None
    password: Secret | None = None

    @classmethod
    def parse(cls, url: Secret) -> Proxy:
        """Read `http://[user:password@]host:port` or `socks5h://...`; raises InvalidConfiguration.

        `socks5` means the same as `socks5h`: names are always looked up by the proxy.
        """
        try:
            parts = urlsplit(url.reveal())
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
            parts = urlsplit("")
        kinds = {"http": ProxyKind.CONNECT, "socks5": ProxyKind.SOCKS5, "socks5h": ProxyKind.SOCKS5}
        if parts.scheme not in kinds or not host or not port:
            # Raised outside of the `except`: no cause may carry the URL, since it may hold a password.
            raise InvalidConfiguration(
                "the proxy must be given as http://[user:password@]host:port or socks5h://..."
            )
        proxy = cls(
            kind=kinds[parts.scheme],
            host=host,
            port=port,
            username=unquote(parts.username) if parts.username else None,
            password=Secret(unquote(parts.password)) if parts.password else None,
        )
        proxy._check_credentials()
        return proxy

    def _check_credentials(self) -> None:
        """Refuse what the protocols cannot carry, before a library trips over it and shows it."""
        username, password = self.username or "", self.password.reveal() if self.password else ""
        fits = len(username) <= _LONGEST_CREDENTIAL and len(password) <= _LONGEST_CREDENTIAL
        # In the environment a surrogate stands for a byte that is not UTF-8.
        fits = fits and not any("\ud800" <= character <= "\udfff" for character in username + password)
        if self.kind is ProxyKind.SOCKS5:
            fits = fits and username.isascii() and password.isascii() and bool(username) == bool(password)
        if not fits or ":" in username:
            raise InvalidConfiguration(
                "the proxy's protocol cannot carry this user name and password (MOVER_PROXY)"
            )

    async def connect(self, host: str, port: int) -> socket.socket:
        """Open a tunnel to `host:port` and return its socket, connected and non-blocking.

        Raises Unreachable, AddressRefused (the proxy forbids the destination), InvalidConfiguration (the proxy does
        not accept user name and password). Sets no time limit of its own.
        """
        match self.kind:
            case ProxyKind.CONNECT:
                return await self._connect_http(host, port)
            case ProxyKind.SOCKS5:
                return await self._connect_socks(host, port)

    async def _connect_http(self, host: str, port: int) -> socket.socket:
        # Not through python-socks: that drops what follows the proxy's answer in the same packet, and an SSH server
        # speaks first.
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
            )
            tunnel = await aiohappyeyeballs.start_connection(
                found, happy_eyeballs_delay=_HAPPY_EYEBALLS_DELAY_S
            )
        except OSError as error:
            raise self._unreachable(error) from error
        try:
            await loop.sock_sendall(tunnel, self._request(f"[{host}]" if ":" in host else host, port))
            answer = await _read_head(tunnel)
        except OSError as error:
            tunnel.close()
            raise self._unreachable(error) from error
        except BaseException:
            tunnel.close()
            raise
        match answer.split(maxsplit=2):
            case [bytes(version), bytes(status), *_] if version.startswith(b"HTTP/1.") and _is_status(status):
                if 200 <= int(status) <= 299:  # noqa: PLR2004 - any 2xx opens the tunnel (RFC 9110 9.3.6)
                    return tunnel
                problem: MoverError = http_refusal(int(status), host, port)
            case _:
                problem = Unreachable("the proxy did not answer as an HTTP proxy does")
        tunnel.close()
        raise problem

    def _request(self, host: str, port: int) -> bytes:
        lines = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}"]
        if self.username is not None:
            password = self.password.reveal() if self.password else ""
            credentials = base64.b64encode(f"{self.username}:{password}".encode()).decode()
            lines.append(f"Proxy-Authorization: Basic {credentials}")
        return "\r\n".join([*lines, "", ""]).encode()

    async def _connect_socks(self, host: str, port: int) -> socket.socket:
        # Imported here since few operators have such a proxy, and every command would wait for it.
        from python_socks import (  # noqa: PLC0415
            ProxyConnectionError,
            ProxyError,
            ProxyTimeoutError,
            ProxyType,
        )
        from python_socks.async_.asyncio import Proxy as SocksClient  # noqa: PLC0415

        client = SocksClient(
            ProxyType.SOCKS5,
            self.host,
            self.port,
            username=self.username,
            password=self.password.reveal() if self.password else None,
            rdns=True,
        )
        try:
            return await client.connect(host, port)
        except (ProxyConnectionError, ProxyTimeoutError, OSError) as error:
            raise self._unreachable(error) from None
        except ProxyError as error:
            raise _socks_refusal(error, host, port) from None

    def _unreachable(self, error: OSError) -> Unreachable:
        return Unreachable(f"the proxy {self.host}:{self.port} could not be used: {cause(error)}")


def http_refusal(status: int, host: str, port: int) -> MoverError:
    """Say what an HTTP proxy means that answers CONNECT with a status other than 2xx."""
    match status:
        case 407:
            return InvalidConfiguration("the proxy does not accept its user name and password (MOVER_PROXY)")
        case 401 | 403 | 405 | 451:
            return AddressRefused(f"the proxy does not allow connections to {host}:{port} (HTTP {status})")
        case _:
            return Unreachable(f"the proxy could not connect to {host}:{port} (HTTP {status})")


def socks_refusal(code: int | None, host: str, port: int) -> MoverError:
    """Say what a SOCKS5 proxy means by a reply code (RFC 1928, section 6); None: it broke off without one."""
    match code:
        case 2:  # connection not allowed by ruleset
            return AddressRefused(f"the proxy does not allow connections to {host}:{port}")
        case None:
            return Unreachable("the proxy broke off the connection or is no SOCKS5 proxy")
        case _:
            return Unreachable(f"the proxy could not connect to {host}:{port} (SOCKS code {code})")


def _socks_refusal(error: ProxyError, host: str, port: int) -> MoverError:
    if error.error_code is None and "authentication" in str(error).lower():
        return InvalidConfiguration("the proxy does not accept its user name and password (MOVER_PROXY)")
    return socks_refusal(error.error_code, host, port)


def _is_status(word: bytes) -> bool:
    return word.isdigit() and len(word) == 3  # noqa: PLR2004 - digits (RFC 9112, section 4)


async def _read_head(tunnel: socket.socket) -> bytes:
    """Read the proxy's answer up to its blank line and not one byte further: the rest is the other end's."""
    loop = asyncio.get_running_loop()
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        byte = await loop.sock_recv(tunnel, 1)
        if not byte:
            raise Unreachable("the proxy broke off the connection")
        if len(head) >= _LONGEST_ANSWER:
            raise Unreachable("the proxy did not answer as an HTTP proxy does")
        head += byte
    return bytes(head)
