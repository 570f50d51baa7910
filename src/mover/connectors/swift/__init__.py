"""OpenStack Swift, Rackspace Cloud Files among it.

config.py      what to fill in
connector.py   the contract; capabilities.py what it claims
listing.py, reading.py, writing.py, parts.py, quota.py   its pieces
placing.py, segments.py, containers.py   what writing stands on
api.py         the calls, typed
calls.py       one request, and the new sign-in when its token is refused
tokens.py      one sign-in for all calls
identity.py    the forms of signing in; catalogue.py finds the storage
addresses.py   addresses that others name
info.py        what a cluster tells about itself
objects.py     what headers say
faults.py      what refusals mean
"""

from mover.connectors.registry import ConnectorType, Surroundings
from mover.connectors.swift.config import SwiftConfig
from mover.connectors.swift.connector import SwiftConnector
from mover.connectors.swift.destinations import reaches


def _make(config: SwiftConfig, surroundings: Surroundings) -> SwiftConnector:
    return SwiftConnector(config, surroundings.egress)


CONNECTOR_TYPE = ConnectorType(
    name="swift",
    title="Rackspace Cloud Files and OpenStack Swift",
    config=SwiftConfig,
    make=_make,
    reaches=reaches,
)
