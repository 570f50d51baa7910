"""The services that Mover knows. A connector's code is loaded when it is first asked for."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mover.connectors.configuration import ConnectorConfig
from mover.connectors.contract import Connector
from mover.errors import InvalidConfiguration
from mover.transport.destinations import Destination, Reaches
from mover.transport.egress import Egress
from mover.transport.oauth.description import AppRegistration, OAuthDescription
from mover.transport.oauth.tokens import MemoryKeeper, TokenKeeper

Remember = Callable[[str, str], Awaitable[None]]
"""Keep a value that a connector found out (`remember("host_key", ...)`) in its connection's configuration."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a connector is given besides its configuration.

    Attributes:
        egress: The way out.
        remember: For what it finds out.
        keeper: Renews what is used up by being renewed (refresh tokens), as one process of all that use the connection; by
            default in memory.
        apps: As what Mover is registered at the vendors, by vendor; the operator's settings.
    """

    egress: Egress
    remember: Remember
    keeper: TokenKeeper = field(default_factory=lambda: MemoryKeeper({}))
    apps: Mapping[str, AppRegistration] = field(default_factory=dict)


def _nowhere(_config: Any) -> tuple[Destination, ...]:
    return ()


class ConnectorType(msgspec.Struct, frozen=True):
    """One service: what to fill in, and how to get from that to a connector. Each connector's package exports one.

    Attributes:
        name: As in `mover connect NAME`; lower case.
        title: For people.
        config: What to fill in.
        make: Makes the connector without any I/O; `Connector.sign_in` connects.
        oauth: How a person signs in with a browser, where the service offers that; its answer fills in the
            configuration's secret keys `refresh_token` and `access_token`.
        reaches: Where its connections lead, for firewalls; besides what `oauth` says.
    """

    name: str
    title: str
    config: type[ConnectorConfig]
    make: Callable[[Any, Surroundings], Connector]
    oauth: OAuthDescription | None = None
    reaches: Reaches = _nowhere


# A package, or one of several types in it: "package:ATTRIBUTE".
_MODULES = {
    "box": "mover.connectors.box",
    "box-enterprise": "mover.connectors.box:ADMIN_TYPE",
    "dropbox": "mover.connectors.dropbox",
    "dropbox-business": "mover.connectors.dropbox:BUSINESS_TYPE",
    "egnyte": "mover.connectors.egnyte",
    "ftp": "mover.connectors.ftp",
    "ftps": "mover.connectors.ftps",
    "google": "mover.connectors.google",
    "google-admin": "mover.connectors.google:ADMIN_TYPE",
    "local": "mover.connectors.local",
    "mysql": "mover.connectors.mysql",
    "office365": "mover.connectors.microsoft:OFFICE365_TYPE",
    "onedrive": "mover.connectors.microsoft",
    "s3": "mover.connectors.s3",
    "sftp": "mover.connectors.sftp",
    "sharepoint": "mover.connectors.microsoft:SHAREPOINT_TYPE",
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
    module, _, attribute = _MODULES[name].partition(":")
    found = getattr(importlib.import_module(module), attribute or "CONNECTOR_TYPE")
    assert isinstance(found, ConnectorType)
    return found
