"""The list for Kubernetes: the proxy's rules as a ConfigMap, and NetworkPolicies beside deploy/kubernetes/network-policies.yaml.

Policies know addresses only. So the proxy's pods may reach every public address at the ports that are used, and each
private address that is named; which names they may reach is said by the proxy's rules. Written as JSON, which is YAML.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from typing import Any

from mover.destinations import squid
from mover.destinations.in_use import InUse
from mover.destinations.nftables import addresses_of
from mover.transport.destinations import Destination

_NAMESPACE = "mover"
_LABELS = {"app.kubernetes.io/name": "mover"}
_EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}


def manifests(found: InUse, look_up: Callable[[str], list[str]]) -> str:
    """A ConfigMap and two NetworkPolicies, one document each."""
    documents: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": _named("mover-egress"),
            "data": {"allow-list.conf": squid.rules(found)},
        },
        _policy(
            "mover-egress-proxy-destinations",
            ["egress-proxy"],
            [rule for destination in found.through_proxy for rule in _for_proxy(found, destination)],
        ),
        _policy(
            "mover-own-parts",
            ["runner", "api"],
            [
                {"to": [{"ipBlock": {"cidr": _alone(address)}}], "ports": _ports(destination)}
                for destination in found.own_parts
                for address in addresses_of(destination, look_up)
            ],
        ),
    ]
    return "---\n".join(json.dumps(document, indent=2) + "\n" for document in documents)


def _for_proxy(found: InUse, destination: Destination) -> list[dict[str, Any]]:
    if destination.address is not None:
        return [{"to": [{"ipBlock": {"cidr": _alone(destination.host)}}], "ports": _ports(destination)}]
    blocks = []
    for version, everywhere in _EVERYWHERE.items():
        # `except` has to lie within the network that it is taken from.
        forbidden = [str(network) for network in found.forbidden if network.version == version]
        blocks.append({"ipBlock": {"cidr": everywhere, **({"except": forbidden} if forbidden else {})}})
    return [{"to": blocks, "ports": _ports(destination)}]


def _policy(name: str, components: list[str], rules: list[dict[str, Any]]) -> dict[str, Any]:
    distinct = {json.dumps(rule, sort_keys=True): rule for rule in rules}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _named(name),
        "spec": {
            "podSelector": {
                "matchLabels": _LABELS,
                "matchExpressions": [
                    {"key": "app.kubernetes.io/component", "operator": "In", "values": components}
                ],
            },
            "policyTypes": ["Egress"],
            "egress": list(distinct.values()),
        },
    }


def _named(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": _NAMESPACE, "labels": _LABELS}


def _alone(address: str) -> str:
    return f"{address}/{ipaddress.ip_address(address).max_prefixlen}"


def _ports(destination: Destination) -> list[dict[str, Any]]:
    port: dict[str, Any] = {"protocol": "TCP", "port": destination.first_port}
    if destination.last_port != destination.first_port:
        port["endPort"] = destination.last_port
    return [port]
