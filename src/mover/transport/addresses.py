"""Which addresses a connection may go to: what a person types is hostile until its addresses have been looked at.

A host name decides nothing here, only the addresses it resolves to, which are also the ones that are connected to:
the name is resolved once. So no spelling helps (`0x7f.1`, `2130706433`, `[::ffff:127.0.0.1]`), and neither does a name
that answers differently the second time.

Public is what the IANA registries of special-purpose addresses leave over
(https://www.iana.org/assignments/iana-ipv4-special-registry and .../iana-ipv6-special-registry), without the
addresses at which clouds answer with credentials. IPv6 addresses that carry an IPv4 address are judged by that one too.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import TypeVar

from aiohappyeyeballs import AddrInfoType

from mover.errors import AddressRefused, Unreachable
from mover.settings import IPAddress, IPNetwork, PrivateAddresses

_SPECIAL_V4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(network), what)
    for network, what in (
        ("0.0.0.0/8", "an address of this host"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "a carrier's internal address"),
        ("127.0.0.0/8", "a loopback address"),
        (
            "168.63.129.16/32",
            "a cloud's metadata address",
        ),  # Azure's WireServer, a public address by its number
        ("169.254.0.0/16", "a link-local address"),  # with the metadata of AWS, Azure, Google and others
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "a reserved address"),
        ("192.0.2.0/24", "a documentation address"),
        ("192.88.99.0/24", "a reserved address"),
        ("192.168.0.0/16", "a private address"),
        ("198.18.0.0/15", "a benchmarking address"),
        ("198.51.100.0/24", "a documentation address"),
        ("203.0.113.0/24", "a documentation address"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
    )
)
_SPECIAL_V6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), what)
    for network, what in (
        ("::/128", "an unspecified address"),
        ("::1/128", "a loopback address"),
        ("64:ff9b:1::/48", "a translator's internal address"),
        ("100::/64", "a discard address"),
        ("2001:2::/48", "a benchmarking address"),
        ("2001:10::/28", "a reserved address"),
        ("2001:20::/28", "a reserved address"),
        ("2001:db8::/32", "a documentation address"),
        ("3fff::/20", "a documentation address"),
        (
            "fc00::/7",
            "a private address",
        ),  # with the metadata of AWS (fd00:ec2::254) and Google (fd20:ce::254)
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a private address"),
        ("ff00::/8", "a multicast address"),
    )
)
_PUBLIC_V6 = IPv6Network("2000::/3")

_RESERVED_V6 = tuple(
    # What is neither public nor in 0::/16 or 64::/16, which hold the prefixes below. squid keeps IPv4 addresses in 0::/16, so
    # that a rule for all of it would be one for all of IPv4.
    IPv6Network((first << 112, 16 - size.bit_length() + 1))
    for first, size in (
        *((1 << shift, 1 << shift) for shift in range(6)),
        *((0x40, 0x20), (0x60, 4), (0x65, 1), (0x66, 2), (0x68, 8), (0x70, 0x10), (0x80, 0x80)),
        *((1 << shift, 1 << shift) for shift in range(8, 13)),
        *((0x4000, 0x4000), (0x8000, 0x8000)),
    )
)

# Prefixes (RFC 4291, 6052, 7915) that end in an IPv4 address.
_ENDS_IN_V4 = tuple(
    IPv6Network(network) for network in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")  # RFC 3056
_TEREDO = IPv6Network("2001::/32")  # RFC 4380
_ISATAP_MARKS = {0x00005EFE, 0x02005EFE}  # RFC 5214: third quarter of the address

N = TypeVar("N", IPv4Network, IPv6Network)

_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_LOCAL_NAMES = {
    "localhost": "127.0.0.1",
    "localhost.localdomain": "127.0.0.1",
    "ip6-localhost": "::1",
    "ip6-loopback": "::1",
    # Under these names the resolvers inside of clouds know the addresses that answer with credentials.
    "metadata": "169.254.169.254",
    "metadata.google.internal": "169.254.169.254",
    "metadata.goog": "169.254.169.254",
    "instance-data": "169.254.169.254",
    "instance-data.ec2.internal": "169.254.169.254",
    "metadata.tencentyun.com": "169.254.0.23",
}


class AddressRules:
    """Public addresses are allowed, and of the others those that the operator permits.

    Args:
        allowed: The operator's `MOVER_ALLOW_PRIVATE_ADDRESSES`.
    """

    def __init__(self, allowed: PrivateAddresses) -> None:
        self._allowed = allowed

    def check(self, address: IPAddress, *, host: str = "") -> None:
        """Raise AddressRefused unless connections may go to this address; `host` is what a person typed."""
        if self._allowed.permits(address):
            return
        for judged in (address, *_carried(address)):
            what = _special(judged)
            if what and not self._allowed.permits(judged):
                shown = str(address) if host in {"", str(address)} else f"{host} ({address})"
                raise AddressRefused(f"connections to {shown} are not allowed, it is {what}")

    async def resolve(self, host: str, port: int) -> list[AddrInfoType]:
        """Look a host up and return its addresses, all of them allowed.

        A name of which only one address is refused is refused whole: such a name is made to be tried twice.
        Raises AddressRefused, or Unreachable if the name is unknown.
        """
        literal = _literal(host)
        if literal is not None and not getattr(literal, "scope_id", None):
            self.check(literal, host=host)
            return [_tcp(literal, port)]
        if literal is None:
            _ascii_name(host)
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        except OSError as error:
            raise _unknown_host(host) from error
        for *_, where in found:
            self.check(ipaddress.ip_address(where[0]), host=host)
        return list(found)

    def for_proxy(self, host: str) -> str:
        """Check what can be checked of a host that a proxy will look up, and return how to name it to the proxy.

        No name is looked up here, so that nothing leaks to the local resolver. Addresses in any spelling are checked
        and handed on in their one canonical spelling, since a proxy might read another one differently.
        Raises AddressRefused, or Unreachable for what is no host at all.
        """
        name = spelled_for_proxy(host)
        literal = _literal(name)
        if literal is not None:
            self.check(literal, host=host)
            return name
        local = _LOCAL_NAMES.get(name, "127.0.0.1" if name.endswith(".localhost") else None)
        if local:
            self.check(ipaddress.ip_address(local), host=host)
        return name


def spelled_for_proxy(host: str) -> str:
    """Return the one spelling in which a host is named to the proxy: an address, or a name in ASCII and lower case.

    Raises Unreachable for what is no host at all.
    """
    literal = _literal(host)
    if literal is None:
        host = _ascii_name(host)
        literal = _literal(host)
    return host if literal is None else str(literal)


def forbidden_networks(allowed: PrivateAddresses) -> tuple[IPNetwork, ...]:
    """All networks of special addresses but those that the operator permits: what a proxy has to refuse in its turn.

    Mover names hosts to a proxy and never learns their addresses. IPv6 addresses that carry a special IPv4 address are
    among them; of Teredo's all, since what those carry is no part that a network could name. None is within another.
    """
    if allowed.every:
        return ()
    v4 = [left for network, _ in _SPECIAL_V4 for left in _but(network, allowed)]
    v6 = [network for network, _ in _SPECIAL_V6]
    v6 += [*_RESERVED_V6, _TEREDO, *(carrying for network in v4 for carrying in _carrying(network))]
    left_v6 = [left for network in v6 for left in _but(network, allowed)]
    return (*ipaddress.collapse_addresses(v4), *ipaddress.collapse_addresses(left_v6))


def _but(network: N, allowed: PrivateAddresses) -> list[N]:
    """What is left of a network without those that the operator permits."""
    left = [network]
    for permitted in allowed.networks:
        left = [rest for one in left for rest in _without(one, permitted)]
    return left


def _carrying(network: IPv4Network) -> Iterator[IPv6Network]:
    """Yield the networks of those IPv6 addresses that carry one of these."""
    number, length = int(network.network_address), network.prefixlen
    for prefix in _ENDS_IN_V4:
        # To squid and dante the mapped ones are the IPv4 addresses themselves; dante refuses to name them.
        if prefix != _MAPPED:
            yield IPv6Network((int(prefix.network_address) | number, prefix.prefixlen + length))
    yield IPv6Network((int(_SIX_TO_FOUR.network_address) | number << 80, _SIX_TO_FOUR.prefixlen + length))


def _without(network: N, permitted: IPNetwork) -> Iterator[N]:
    if network.version == permitted.version and network.overlaps(permitted):  # either is within the other
        if network.prefixlen < permitted.prefixlen:
            yield from network.address_exclude(permitted)
        return
    yield network


def _special(address: IPAddress) -> str | None:
    """Say what is special about an address; None for a public one."""
    if isinstance(address, IPv4Address):
        return next((what for network, what in _SPECIAL_V4 if address in network), None)
    named = next((what for network, what in _SPECIAL_V6 if address in network), None)
    if named or address in _PUBLIC_V6 or any(address in network for network in _ENDS_IN_V4):
        return named
    return "a reserved address"


def _carried(address: IPAddress) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses inside an IPv6 address."""
    if isinstance(address, IPv4Address):
        return
    number = int(address)
    if any(address in network for network in _ENDS_IN_V4) or (number >> 32) & 0xFFFFFFFF in _ISATAP_MARKS:
        yield IPv4Address(number & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        yield IPv4Address((number >> 80) & 0xFFFFFFFF)
    if address in _TEREDO:
        yield IPv4Address((number >> 64) & 0xFFFFFFFF)
        yield IPv4Address(~number & 0xFFFFFFFF)


def _literal(host: str) -> IPAddress | None:
    """Read an address in any spelling that a system's resolver takes; None if the host is a name."""
    bare = host.removeprefix("[").removesuffix("]")
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        pass
    try:
        # Octal, hexadecimal, fewer than four numbers. It would ignore anything after a blank.
        return IPv4Address(socket.inet_aton(bare)) if len(bare.split()) == 1 else None
    except (OSError, ValueError):
        return None


def _ascii_name(host: str) -> str:
    """Return a host name as name servers spell it; raises Unreachable for what is none."""
    try:
        name = host.encode("idna").decode("ascii").rstrip(".").lower()
    except UnicodeError as error:
        raise _unknown_host(host) from error
    if not _HOST_NAME.fullmatch(name):
        raise _unknown_host(host)
    return name


def _tcp(address: IPAddress, port: int) -> AddrInfoType:
    if isinstance(address, IPv4Address):
        return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(address), port)
    return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(address), port, 0, 0)


def _unknown_host(host: str) -> Unreachable:
    return Unreachable(f"the host name {host[:255]!r} is unknown")
