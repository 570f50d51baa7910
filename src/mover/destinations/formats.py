"""The forms in which the list of destinations is written.

Each takes hosts and ports from `Destination` only, which holds names in ASCII, addresses and numbers, and nothing that
people wrote: no text from outside reaches a configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from mover.destinations import dante, kubernetes, nftables, plain, squid
from mover.destinations.in_use import InUse


class Format(StrEnum):
    """What the list is for."""

    PLAIN = "plain"
    JSON = "json"
    SQUID = "squid"
    DANTE = "dante"
    NFTABLES = "nftables"
    KUBERNETES = "kubernetes"


def written(form: Format, found: InUse, look_up: Callable[[str], list[str]]) -> str:
    """Write the list in a form; `look_up` finds the addresses of a name, for those that know addresses only."""
    match form:
        case Format.PLAIN:
            return plain.lines(found)
        case Format.JSON:
            return plain.json_text(found)
        case Format.SQUID:
            return squid.rules(found)
        case Format.DANTE:
            return dante.rules(found)
        case Format.NFTABLES:
            return nftables.sets(found, look_up)
        case Format.KUBERNETES:
            return kubernetes.manifests(found, look_up)
