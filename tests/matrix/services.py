"""The fourteen services of the product, as the contract suite reaches them; MySQL as it is, with its dumps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.contract.clouds import CLOUDS
from tests.contract.microsoft import MICROSOFT
from tests.contract.services import REAL, Service, configured
from tests.servers.mariadb import MariaDbServer

from mover.vault.secret import Secret


def mysql(request: pytest.FixtureRequest) -> Service:
    server: MariaDbServer = request.getfixturevalue("mariadb_server")
    values = {
        "host": server.host,
        "port": server.port,
        "username": server.username,
        "password": Secret(server.password),
        "ca_file": server.ca_file,
    }
    return Service(connect=configured("mysql", values))


_KEYS = {
    "box": "box",
    "dropbox": "dropbox",
    "egnyte": "egnyte",
    "ftp": "ftp-pure-ftpd",
    "ftps": "ftps-proftpd",
    "google": "google-my-drive",
    "office365": "office365",
    "onedrive": "onedrive",
    "s3": "s3-seaweedfs",
    "sftp": "sftp-openssh",
    "sharepoint": "sharepoint",
    "swift": "swift",
    "webdav": "webdav-apache",
}
_MAKERS = REAL | CLOUDS | MICROSOFT

SERVICES: dict[str, Callable[[pytest.FixtureRequest], Service]] = {
    **{name: _MAKERS[key] for name, key in _KEYS.items()},
    "mysql": mysql,
}
