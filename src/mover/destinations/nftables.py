"""The list for nftables, to be included by deploy/nftables/runner.nft: sets of addresses and ports that may be reached.

With a proxy that is the proxy, and the installation's own database and Temporal. Without one it is every destination, as
far as names have addresses when the list is made: those of large services change, so a proxy is better.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable

from mover.destinations.in_use import InUse
from mover.transport.destinations import Destination


def sets(found: InUse, look_up: Callable[[str], list[str]]) -> str:
    """Two sets, `mover_ways_v4` and `mover_ways_v6`."""
    elements: dict[int, list[str]] = {4: [], 6: []}
    comments = []
    for destination in reached_directly(found):
        addresses = addresses_of(destination, look_up)
        if not addresses:
            comments.append(f"# {destination} has no address that is known here\n")
        for address in addresses:
            ports = str(destination.first_port)
            if destination.last_port != destination.first_port:
                ports += f"-{destination.last_port}"
            elements[ipaddress.ip_address(address).version].append(f"{address} . {ports}")
    return (
        "# Where Mover's processes connect to. Made by `mover egress allow-list`; what is changed here is lost.\n"
        + "".join(comments)
        + "".join(_set(version, elements[version]) for version in (4, 6))
    )


def reached_directly(found: InUse) -> list[Destination]:
    """What a process of Mover itself connects to."""
    first = [found.proxy] if found.proxy is not None else list(found.through_proxy)
    return list(dict.fromkeys([*first, *found.own_parts]))


def addresses_of(destination: Destination, look_up: Callable[[str], list[str]]) -> list[str]:
    """The addresses of a host, in their one spelling and in order."""
    if destination.address is not None:
        return [destination.host]
    if destination.is_domain:
        return []
    return [str(address) for address in sorted(map(ipaddress.ip_address, look_up(destination.host)), key=str)]


def _set(version: int, elements: Iterable[str]) -> str:
    listed = ",\n    ".join(dict.fromkeys(elements))
    values = f"  elements = {{\n    {listed}\n  }}\n" if listed else ""
    return (
        f"set mover_ways_v{version} {{\n  type ipv{version}_addr . inet_service\n  flags interval\n"
        f"  auto-merge\n{values}}}\n"
    )
