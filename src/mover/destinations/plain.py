"""The list for people and programs: a line a destination, or JSON."""

from __future__ import annotations

import json

from mover.destinations.in_use import InUse


def lines(found: InUse) -> str:
    """`host:port`, one a line; `*.example.org:443` for every name below, `host:1024-65535` for a range."""
    return "".join(f"{destination}\n" for destination in found.through_proxy)


def json_text(found: InUse) -> str:
    """Everything, with what each destination is for."""
    return (
        json.dumps(
            {
                "through_proxy": [
                    {
                        "host": destination.host,
                        "first_port": destination.first_port,
                        "last_port": destination.last_port,
                        "for": list(what),
                    }
                    for destination, what in found.through_proxy.items()
                ],
                "proxy": str(found.proxy) if found.proxy else None,
                "own_parts": [str(destination) for destination in found.own_parts],
                "forbidden": [str(network) for network in found.forbidden],
            },
            indent=2,
        )
        + "\n"
    )
