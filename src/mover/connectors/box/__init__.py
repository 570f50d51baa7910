"""Box: one account, or all users of an enterprise.

config.py        what to fill in
connector.py     the contract, in both forms
sign_in.py       how tokens are got
spots.py, directory.py   where an entry is; the users of an enterprise
listing.py, describing.py   pages of entries; items as entries
reading.py, together.py, uploads.py, parts.py, chunks.py   content, both ways
permissions.py, versions.py, changes.py, quota.py   the optional operations
api.py           the calls, typed; answers.py what is answered, addresses.py where
faults.py        what refusals mean
"""

from mover.connectors.box.addresses import HOSTS
from mover.connectors.box.config import BoxConfig, BoxEnterpriseConfig
from mover.connectors.box.connector import (
    ENTERPRISE_SERVICE,
    SERVICE,
    BoxConnector,
    BoxEnterpriseConnector,
)
from mover.connectors.box.sign_in import OAUTH
from mover.connectors.registry import ConnectorType
from mover.transport.destinations import always, https

_REACHES = always(*https(*HOSTS))

CONNECTOR_TYPE = ConnectorType(
    name=SERVICE, title="Box", config=BoxConfig, make=BoxConnector, oauth=OAUTH, reaches=_REACHES
)
ADMIN_TYPE = ConnectorType(
    name=ENTERPRISE_SERVICE,
    title="Box (all users of an enterprise)",
    config=BoxEnterpriseConfig,
    make=BoxEnterpriseConnector,
    reaches=_REACHES,
)

__all__ = ["ADMIN_TYPE", "CONNECTOR_TYPE", "BoxConnector", "BoxEnterpriseConnector"]
