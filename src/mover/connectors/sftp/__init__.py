"""SFTP: files over SSH."""

from mover.connectors.registry import ConnectorType
from mover.connectors.sftp.config import SftpConfig
from mover.connectors.sftp.connector import SftpConnector

CONNECTOR_TYPE = ConnectorType(name="sftp", title="SFTP", config=SftpConfig, make=SftpConnector)
