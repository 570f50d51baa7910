"""The list for squid, to be included by deploy/squid/squid.conf (https://www.squid-cache.org/Doc/config/acl/).

Addresses come first, since they were permitted one by one; then what no name may lead to is refused; then names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from mover.destinations.in_use import InUse
from mover.transport.destinations import Destination


def rules(found: InUse) -> str:
    """Access lists and rules; for each group of ports one of its hosts."""
    addresses = [destination for destination in found.through_proxy if destination.address is not None]
    names = [destination for destination in found.through_proxy if destination.address is None]
    return "".join(
        f"{line}\n"
        for line in (
            "# Where Mover's connections lead. Made by `mover egress allow-list`; what is changed here is lost.",
            *_allowed("mover_addresses", "dst", addresses),
            *(f"acl mover_forbidden dst {network}" for network in found.forbidden),
            *(["http_access deny mover_forbidden"] if found.forbidden else []),
            *_allowed("mover_names", "dstdomain -n", names),
        )
    )


def _allowed(name: str, kind: str, destinations: Iterable[Destination]) -> Iterable[str]:
    by_ports: defaultdict[str, list[str]] = defaultdict(list)
    for each in destinations:
        ports = (
            str(each.first_port)
            if each.first_port == each.last_port
            else f"{each.first_port}-{each.last_port}"
        )
        by_ports[ports].append(each.host)
    for ports, hosts in by_ports.items():
        group = f"{name}_{ports.replace('-', '_to_')}"
        # To squid a domain includes its own name; what is covered twice it takes for a mistake, and stops.
        for host in _without_covered(hosts):
            yield f"acl {group} {kind} {host}"
        yield f"acl {group}_port port {ports}"
        yield f"http_access allow CONNECT {group} {group}_port"


def _without_covered(hosts: list[str]) -> list[str]:
    domains = [host for host in hosts if host.startswith(".")]
    return [
        host
        for host in hosts
        if not any(host != domain and f".{host}".endswith(domain) for domain in domains)
    ]
