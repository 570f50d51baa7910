"""WebDAV: plain servers, Nextcloud and ownCloud."""

from mover.connectors.registry import ConnectorType, Remember
from mover.connectors.webdav.config import WebDavConfig
from mover.connectors.webdav.connector import SERVICE, WebDavConnector
from mover.transport.egress import Egress


def _make(config: WebDavConfig, egress: Egress, remember: Remember) -> WebDavConnector:  # noqa: ARG001 - nothing is found out that must be kept
    return WebDavConnector(config, egress)


CONNECTOR_TYPE = ConnectorType(name=SERVICE, title="WebDAV", config=WebDavConfig, make=_make)

__all__ = ["CONNECTOR_TYPE", "WebDavConfig", "WebDavConnector"]
