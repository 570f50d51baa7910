"""The simulators of cloud services, and how Mover's connectors and other clients reach them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from simulators.dropbox.service import Dropbox
from simulators.front import RunningFront

from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.transport.proxy import Proxy
from mover.vault.secret import Secret


def simulators_egress(
    front: RunningFront, *, proxy_url: str | None = None, ca_file: Path | None = None
) -> Egress:
    """Return a way out that leads to the simulators under the vendors' own names, and nowhere else.

    With another `proxy_url` they are out of reach, with another `ca_file` they are not trusted.
    """
    return Egress(
        allowed=PrivateAddresses.parse("127.0.0.0/8"),
        proxy=Proxy.parse(Secret(proxy_url or front.proxy_url)),
        ca_file=ca_file or front.ca_file,
    )


def dropbox_of(front: RunningFront) -> Dropbox:
    """Return the simulated Dropbox."""
    found = front.world.vendors["dropbox"]
    assert isinstance(found, Dropbox)
    return found


def client_environment(front: RunningFront, home: Path) -> Mapping[str, str]:
    """Return the environment in which other clients (vendors' SDKs, rclone) reach the simulators unchanged."""
    return {
        **os.environ,
        "HOME": str(home),
        "HTTPS_PROXY": front.proxy_url,
        "https_proxy": front.proxy_url,
        "NO_PROXY": "",
        "REQUESTS_CA_BUNDLE": str(front.ca_file),
        "CURL_CA_BUNDLE": str(front.ca_file),
        "SSL_CERT_FILE": str(front.ca_file),
        "HTTPLIB2_CA_CERTS": str(front.ca_file),
    }
