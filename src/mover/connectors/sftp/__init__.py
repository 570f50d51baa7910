"""SFTP: files over SSH."""

from mover.connectors.registry import ConnectorType, Surroundings
from mover.connectors.sftp.config import SftpConfig
from mover.connectors.sftp.connector import SftpConnector


def _make(config: SftpConfig, surroundings: Surroundings) -> SftpConnector:
    return SftpConnector(config, surroundings.egress, surroundings.remember)


CONNECTOR_TYPE = ConnectorType(name="sftp", title="SFTP", config=SftpConfig, make=_make)
