"""Where connections lead, in the one spelling that a proxy is asked for: what a firewall is told to let through."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from mover.errors import InvalidConfiguration, Unreachable
from mover.transport.addresses import spelled_for_proxy

HTTPS = 443
_PORTS = {"https": HTTPS, "http": 80}
_LARGEST_PORT = 65_535
_FIRST_UNPRIVILEGED = 1024
_LONGEST_NAME = 253  # RFC 1035 section 2.3.4
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


class Destination(msgspec.Struct, frozen=True, order=True):
    """One place that connections lead to. Made by `to`, `below` and `of_url`, which take nothing but hosts and ports.

    Attributes:
        host: `api.box.com`, `192.0.2.7`, `2001:db8::7`; `.boxcloud.com` stands for every name below it.
        first_port: Of a range, for FTP's data connections.
        last_port: The same as the first, but for these.
    """

    host: str
    first_port: int
    last_port: int

    @classmethod
    def to(cls, host: str, first_port: int, last_port: int | None = None) -> Destination:
        """Name a host and a port, or a range of them. Raises InvalidConfiguration for what is neither."""
        last_port = first_port if last_port is None else last_port
        if not _is_port(first_port) or not _is_port(last_port) or last_port < first_port:
            raise InvalidConfiguration("a port is a number from 1 to 65535")
        try:
            spelled = spelled_for_proxy(host)
        except Unreachable:
            spelled = ""
        if not spelled or not (_is_address(spelled) or _is_name(spelled)):
            raise InvalidConfiguration(f"{host[:80]!r} is no name of a host")
        return cls(spelled, first_port, last_port)

    @classmethod
    def below(cls, domain: str, port: int = HTTPS) -> Destination:
        """Every name below a domain of two labels or more. Raises InvalidConfiguration."""
        plain = cls.to(domain, port)
        if plain.address is not None or "." not in plain.host:
            raise InvalidConfiguration(f"{domain[:80]!r} is no domain")
        return cls("." + plain.host, port, port)

    @classmethod
    def of_url(cls, url: str) -> Destination:
        """Where an address of http or https leads. Raises InvalidConfiguration."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            parts, host, port = urlsplit(""), None, None
        if parts.scheme not in _PORTS or not host:
            raise InvalidConfiguration("expected an address such as https://host/path")
        return cls.to(host, _PORTS[parts.scheme] if port is None else port)

    @property
    def address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The host, if it is an address and no name."""
        return ipaddress.ip_address(self.host) if _is_address(self.host) else None

    @property
    def is_domain(self) -> bool:
        """Whether it stands for every name below a domain."""
        return self.host.startswith(".")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else f"*{self.host}" if self.is_domain else self.host
        ports = (
            str(self.first_port)
            if self.first_port == self.last_port
            else f"{self.first_port}-{self.last_port}"
        )
        return f"{host}:{ports}"


Reaches = Callable[[Any], tuple[Destination, ...]]
"""Where the connector of a configuration connects to. It reads no secrets: those are not at hand where it is asked."""


def always(*destinations: Destination) -> Reaches:
    """The same for every configuration."""
    return lambda _config: destinations


def https(*hosts: str) -> tuple[Destination, ...]:
    """Hosts that are spoken to by https; `*.example.org` stands for every name below."""
    return tuple(
        Destination.below(host.removeprefix("*.")) if host.startswith("*.") else Destination.to(host, HTTPS)
        for host in hosts
    )


def unprivileged(host: str) -> Destination:
    """Every port of a host from 1024 on: where an FTP server asks for data connections (RFC 959, passive mode)."""
    return Destination.to(host, _FIRST_UNPRIVILEGED, _LARGEST_PORT)


def _is_port(port: object) -> bool:
    return isinstance(port, int) and not isinstance(port, bool) and 0 < port <= _LARGEST_PORT


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and _NAME.fullmatch(text) is not None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text
