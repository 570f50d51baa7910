"""Microsoft: OneDrive, SharePoint and all of Office 365, through Microsoft Graph v1.0.

config.py        what to fill in, for each of the three
connector.py     the contract; capabilities.py what it claims
territory.py     what of a connection's paths is a drive: sites.py, tenant.py
listing.py, reading.py, uploads.py, parts.py, changing.py   its pieces
permissions.py, versions.py, changes.py, places.py, quota.py
api.py           the calls, typed; model.py what they answer
calls.py         one request, and what a refusal means; batch.py many in one
units.py         what calls may still cost
addressing.py    URLs of items; links.py URLs that the service names; told_links.py those of contents in listings
sessions.py      upload sessions
faults.py        the service's error codes
sign_in.py       tokens of people; app_sign_in.py of apps
"""

from mover.connectors.microsoft.config import Office365Config, OneDriveConfig, SharePointConfig
from mover.connectors.microsoft.connector import MicrosoftConnector
from mover.connectors.microsoft.links import HOSTS, HOSTS_WITH_PERSONAL
from mover.connectors.microsoft.sign_in import ONEDRIVE_OAUTH, SHAREPOINT_OAUTH
from mover.connectors.registry import ConnectorType, Surroundings
from mover.transport.destinations import always, https


def _onedrive(config: OneDriveConfig, surroundings: Surroundings) -> MicrosoftConnector:
    return MicrosoftConnector.onedrive(config, surroundings)


def _sharepoint(config: SharePointConfig, surroundings: Surroundings) -> MicrosoftConnector:
    return MicrosoftConnector.sharepoint(config, surroundings)


def _office365(config: Office365Config, surroundings: Surroundings) -> MicrosoftConnector:
    return MicrosoftConnector.office365(config, surroundings)


CONNECTOR_TYPE = ConnectorType(
    name="onedrive",
    title="OneDrive",
    config=OneDriveConfig,
    make=_onedrive,
    oauth=ONEDRIVE_OAUTH,
    reaches=always(*https(*HOSTS_WITH_PERSONAL)),
)
SHAREPOINT_TYPE = ConnectorType(
    name="sharepoint",
    title="SharePoint",
    config=SharePointConfig,
    make=_sharepoint,
    oauth=SHAREPOINT_OAUTH,
    reaches=always(*https(*HOSTS)),
)
OFFICE365_TYPE = ConnectorType(
    name="office365",
    title="Office 365 (all users and sites)",
    config=Office365Config,
    make=_office365,
    reaches=always(*https(*HOSTS)),
)
