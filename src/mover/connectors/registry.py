"""The services that Mover knows. A connector's code is loaded when it is first asked for."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mover.connectors.configuration import ConnectorConfig
from mover.connectors.contract import Connector
from mover.errors import InvalidConfiguration
from mover.transport.egress import Egress

Remember = Callable[[str, str], Awaitable[None]]
"""Keep a value that a connector found out (`remember("host_key", ...)`) in its connection's configuration."""


@dataclass(frozen=True)
class ConnectorType:
    """One service: what to fill in, and how to get from that to a connector. Each connector's package exports one.

    Attributes:
        name: As in `mover connect NAME`; lower case.
        title: For people.
        config: What to fill in.
        make: Makes the connector without any I/O; `Connector.sign_in` connects.
    """

    name: str
    title: str
    config: type[ConnectorConfig]
    make: Callable[[Any, Egress, Remember], Connector]


_MODULES = {
    "ftp": "mover.connectors.ftp",
    "ftps": "mover.connectors.ftps",
    "local": "mover.connectors.local",
    "mysql": "mover.connectors.mysql",
    "s3": "mover.connectors.s3",
    "sftp": "mover.connectors.sftp",
    "swift": "mover.connectors.swift",
    "webdav": "mover.connectors.webdav",
}


def service_names() -> list[str]:
    """Names of all services, sorted."""
    return sorted(_MODULES)


def connector_type(name: str) -> ConnectorType:
    """Find a service by name. Raises InvalidConfiguration for an unknown one."""
    if name not in _MODULES:
        raise InvalidConfiguration(f"unknown service {name!r}; known are: {', '.join(service_names())}")
    found = importlib.import_module(_MODULES[name]).CONNECTOR_TYPE
    assert isinstance(found, ConnectorType)
    return found
