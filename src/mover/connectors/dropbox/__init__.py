"""Dropbox: one account, or all of a team.

config.py         what to fill in; sign_in.py how people sign in
connector.py      the contract; capabilities.py what it claims
areas.py          from paths to calls: one account; organisation.py a team
listing.py, reading.py, uploads.py, parts.py, renames.py, versions.py, changes.py, trees.py, quota.py, permissions.py   its pieces
storing.py, folders.py   how files and folders come into being with few calls
together.py       how small files are read with few calls; known_folders.py what listings told for it
api.py, sharing_api.py, team_api.py   the calls, typed; answers.py what they answer; calls.py one request
entries.py        entries and addresses; told_permissions.py, members.py who may do what
faults.py         what refusals mean
"""

from mover.connectors.dropbox.calls import HOSTS
from mover.connectors.dropbox.config import DropboxBusinessConfig, DropboxConfig
from mover.connectors.dropbox.connector import DropboxBusinessConnector, DropboxConnector
from mover.connectors.dropbox.sign_in import BUSINESS, PERSONAL
from mover.connectors.registry import ConnectorType, Surroundings
from mover.transport.destinations import always, https


def _personal(config: DropboxConfig, surroundings: Surroundings) -> DropboxConnector:
    return DropboxConnector(config, surroundings)


def _business(config: DropboxBusinessConfig, surroundings: Surroundings) -> DropboxBusinessConnector:
    return DropboxBusinessConnector(config, surroundings)


_REACHES = always(*https(*HOSTS))

CONNECTOR_TYPE = ConnectorType(
    name="dropbox",
    title="Dropbox",
    config=DropboxConfig,
    make=_personal,
    oauth=PERSONAL,
    reaches=_REACHES,
)
BUSINESS_TYPE = ConnectorType(
    name="dropbox-business",
    title="Dropbox Business (whole team)",
    config=DropboxBusinessConfig,
    make=_business,
    oauth=BUSINESS,
    reaches=_REACHES,
)
