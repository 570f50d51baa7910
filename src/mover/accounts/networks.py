"""From where an API key works, and from where it was used."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from mover.accounts.refusals import NotAcceptable
from mover.errors import one_line
from mover.settings import IPAddress

_MOST_NETWORKS = 100
_IPV6_CUSTOMER = 64  # what one customer of a provider has at least


def networks_of(given: Sequence[str]) -> tuple[str, ...]:
    """Spell networks as they are kept, each once. Raises InvalidConfiguration."""
    if len(given) > _MOST_NETWORKS:
        raise NotAcceptable(f"an API key can name {_MOST_NETWORKS} networks at most")
    networks = []
    for text in given:
        try:
            networks.append(str(ipaddress.ip_network(text.strip())))
        except ValueError:
            raise NotAcceptable(
                f"{one_line(text, limit=80)!r} is not a network such as 192.0.2.0/24 or 2001:db8::/32"
            ) from None
    return tuple(dict.fromkeys(networks))


def is_from(networks: Sequence[str], address: IPAddress) -> bool:
    """Tell whether an address is in one of these networks; with none of them, every address is."""
    if not networks:
        return True
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    judged = mapped or address
    return any(judged in ipaddress.ip_network(network) for network in networks)


def network_of(address: IPAddress) -> str:
    """What counts as one place."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if mapped is not None:
        return str(mapped)
    if address.version == 4:  # noqa: PLR2004 - of IP
        return str(address)
    return str(ipaddress.ip_network((address, _IPV6_CUSTOMER), strict=False))
