"""Egnyte: /Shared and /Private of one domain.

config.py          what to fill in, and how a person signs in
connector.py       the contract
capabilities.py    what the service can do
listing.py         from answers to entries
reading.py         ranges and versions
uploads.py         whole files
parts.py           large ones in chunks, and how their checksum is calculated
permissions.py     of folders, by user and group
changes.py         the feed of events
places.py          users' folders, and those at the top of /Shared
people.py          addresses for user names and back
api.py             the calls, typed
addresses.py       how paths become addresses
faults.py          statuses, the limits' own refusals, six shapes of errors
"""

from mover.connectors.egnyte.config import OAUTH, EgnyteConfig
from mover.connectors.egnyte.connector import EgnyteConnector
from mover.connectors.egnyte.faults import SERVICE
from mover.connectors.registry import ConnectorType, Surroundings
from mover.transport.destinations import Destination
from mover.transport.oauth.user_tokens import user_tokens


def _make(config: EgnyteConfig, surroundings: Surroundings) -> EgnyteConnector:
    http = surroundings.egress.http(SERVICE)
    return EgnyteConnector(config, http, user_tokens(OAUTH, config, surroundings, http))


def _reaches(config: EgnyteConfig) -> tuple[Destination, ...]:
    return (Destination.of_url(config.origin),)


CONNECTOR_TYPE = ConnectorType(
    name=SERVICE, title="Egnyte", config=EgnyteConfig, make=_make, oauth=OAUTH, reaches=_reaches
)

__all__ = ["CONNECTOR_TYPE", "EgnyteConfig", "EgnyteConnector"]
