"""FTP over TLS. All of it is in `mover.connectors.ftp`; only what a person fills in differs."""

from mover.connectors.ftp.config import FtpsConfig
from mover.connectors.ftp.connector import ftps, reaches
from mover.connectors.registry import ConnectorType

CONNECTOR_TYPE = ConnectorType(
    name="ftps", title="FTP over TLS", config=FtpsConfig, make=ftps, reaches=reaches
)
