"""SFTP: files over SSH."""

from mover.connectors.registry import ConnectorType, Surroundings
from mover.connectors.sftp.config import SftpConfig
from mover.connectors.sftp.connector import SftpConnector
from mover.transport.destinations import Destination


def _make(config: SftpConfig, surroundings: Surroundings) -> SftpConnector:
    return SftpConnector(config, surroundings.egress, surroundings.remember)


def _reaches(config: SftpConfig) -> tuple[Destination, ...]:
    return (Destination.to(config.host, config.port),)


CONNECTOR_TYPE = ConnectorType(name="sftp", title="SFTP", config=SftpConfig, make=_make, reaches=_reaches)
