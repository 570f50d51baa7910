"""The list for dante, to be put behind deploy/dante/danted.conf: its configuration cannot include files (sockd.conf(5)).

In the order of squid's list, for the same reasons. A name without a dot is left out, since dante would take it for a
network interface.
"""

from __future__ import annotations

from mover.destinations.in_use import InUse
from mover.transport.destinations import Destination


def rules(found: InUse) -> str:
    """Rules; all that none of them lets pass is refused."""
    addresses = [destination for destination in found.through_proxy if destination.address is not None]
    names = [destination for destination in found.through_proxy if destination.address is None]
    return "".join(
        (
            "# Where Mover's connections lead. Made by `mover egress allow-list`; what is changed here is lost.\n",
            *map(_pass, addresses),
            *(_block(str(network)) for network in found.forbidden),
            *(_pass(each) if "." in each.host else _left_out(each) for each in names),
            _block("0.0.0.0/0"),
            _block("::/0"),
        )
    )


def _pass(destination: Destination) -> str:
    address = destination.address
    host = destination.host if address is None else f"{address}/{address.max_prefixlen}"
    if destination.first_port == destination.last_port:
        ports = f"= {destination.first_port}"
    else:
        ports = f"{destination.first_port}-{destination.last_port}"
    return _rule("pass", f"{host} port {ports}", "error")


def _block(network: str) -> str:
    return _rule("block", network, "connect error")


def _rule(verdict: str, to: str, logged: str) -> str:
    return f"socks {verdict} {{\n  from: 0/0 to: {to}\n  command: connect\n  log: {logged}\n}}\n"


def _left_out(destination: Destination) -> str:
    return f"# {destination} is left out: dante needs names with a dot\n"
