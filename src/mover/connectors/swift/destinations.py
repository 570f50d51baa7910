"""Where connections to Swift lead: to the sign-in, and to the storage."""

from __future__ import annotations

from mover.connectors.swift.config import RACKSPACE_URL, SwiftConfig
from mover.transport.destinations import Destination

_RACKSPACE_STORAGE = "clouddrive.com"


def reaches(config: SwiftConfig) -> tuple[Destination, ...]:
    """Return the hosts that the configuration names, and Rackspace's where it is Rackspace.

    The storage that another Keystone names in its catalogue is known after the sign-in only: a configuration that is used
    behind a firewall has to name it by `endpoint`, unless it is at the host of the sign-in.
    """
    url = config.url or RACKSPACE_URL
    found = [Destination.of_url(url)]
    if config.endpoint:
        found.append(Destination.of_url(config.endpoint))
    elif url == RACKSPACE_URL:
        found.append(Destination.below(_RACKSPACE_STORAGE))
    return tuple(found)
