"""WebDAV: plain servers, Nextcloud and ownCloud.

config.py          what to fill in
connector.py       the contract
recognition.py     what a server is and can do
uploads.py, chunks.py, reading.py, times.py   the contract's pieces
probe.py           what only a trial tells
extensions.py      headers of Nextcloud and ownCloud
content.py         content on its way
api.py             the calls, typed
authentication.py, challenges.py, digest.py   sign-in
multistatus.py, listing.py, dates.py, urls.py   from XML to entries
faults.py          statuses
"""

from mover.connectors.registry import ConnectorType, Surroundings
from mover.connectors.webdav.config import WebDavConfig
from mover.connectors.webdav.connector import SERVICE, WebDavConnector
from mover.transport.destinations import Destination


def _make(config: WebDavConfig, surroundings: Surroundings) -> WebDavConnector:
    return WebDavConnector(config, surroundings.egress)


def _reaches(config: WebDavConfig) -> tuple[Destination, ...]:
    return (Destination.of_url(config.url),)


CONNECTOR_TYPE = ConnectorType(
    name=SERVICE, title="WebDAV", config=WebDavConfig, make=_make, reaches=_reaches
)

__all__ = ["CONNECTOR_TYPE", "WebDavConfig", "WebDavConnector"]
