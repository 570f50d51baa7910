"""Addresses as operators write them: where a server listens, and which private ones connections may go to."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

_LISTEN_AT = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]\s/]*)):(?P<port>[0-9]{1,5})")
LARGEST_PORT = 65_535

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class PrivateAddresses:
    """Which private, loopback and reserved addresses connections may go to: none, all, or those of some networks."""

    every: bool = False
    networks: tuple[IPNetwork, ...] = ()

    def permits(self, address: IPAddress) -> bool:
        """Tell whether the operator allows this address although it is not a public one."""
        return self.every or any(address in network for network in self.networks)

    @classmethod
    def parse(cls, given: object) -> PrivateAddresses:
        """Read `true`, `false`, or networks such as `127.0.0.0/8, ::1`; raises ValueError."""
        match given:
            case PrivateAddresses():
                return given
            case bool():
                return cls(every=given)
            case str():
                match given.strip().lower():
                    case "true" | "yes" | "on" | "1":
                        return cls(every=True)
                    case "false" | "no" | "off" | "0" | "":
                        return cls()
                    case text:
                        return cls(networks=networks(text.split(",")))
            case list() | tuple():
                return cls(networks=networks(given))
            case _:
                raise ValueError("give true, false, or a list of networks such as 10.0.0.0/8")


def networks(texts: Iterable[object]) -> tuple[IPNetwork, ...]:
    """Read networks such as `10.0.0.0/8`; raises ValueError."""
    found: list[IPNetwork] = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(str(text).strip()))
        except ValueError:
            raise ValueError(
                f"{str(text).strip()!r} is not a network; give true, false, or a list such as 10.0.0.0/8, ::1"
            ) from None
    return tuple(found)


@dataclass(frozen=True)
class ListenAt:
    """Where a server listens: a host (empty: every address of this machine) and a port (0: any that is free)."""

    host: str
    port: int

    @classmethod
    def parse(cls, given: object) -> ListenAt:
        """Read `localhost:8443`, `[::1]:8443`, `0.0.0.0:443` or `:8443`; raises ValueError."""
        if isinstance(given, ListenAt):
            return given
        match = _LISTEN_AT.fullmatch(given.strip()) if isinstance(given, str) else None
        if match is None or int(match["port"]) > LARGEST_PORT:
            raise ValueError("give HOST:PORT, such as localhost:8443 or 0.0.0.0:443")
        return cls(match["six"] or match["host"] or "", int(match["port"]))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host or "*"
        return f"{host}:{self.port}"
