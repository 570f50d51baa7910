"""S3: Amazon's and everybody's.

config.py      what to fill in
connector.py   the contract; capabilities.py what it claims
listing.py, reading.py, uploads.py, parts.py, conditions.py, encryption.py   its pieces
api.py, multipart.py   the calls, typed
calls.py       one signed request, corrections of region and clock
signing.py     Signature Version 4
addresses.py   hosts and paths
objects.py     what headers say
faults.py      error codes
xml.py         answers in XML
"""

from mover.connectors.registry import ConnectorType, Surroundings
from mover.connectors.s3.config import S3Config
from mover.connectors.s3.connector import S3Connector
from mover.connectors.s3.destinations import reaches


def _make(config: S3Config, surroundings: Surroundings) -> S3Connector:
    return S3Connector(config, surroundings.egress)


CONNECTOR_TYPE = ConnectorType(
    name="s3", title="Amazon S3 and compatible services", config=S3Config, make=_make, reaches=reaches
)
