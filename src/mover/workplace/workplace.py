"""What moves of files work with: settings, database, vault, ledger, connections, and the way out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from mover.connections.connections import Connections
from mover.connections.service_rules import ServiceRules
from mover.connectors.contract import Connector
from mover.database.database import Database
from mover.ledger.ledger import Ledger
from mover.settings import Settings
from mover.transport.egress import Egress
from mover.transport.key_services import open_vault
from mover.transport.oauth.apps import apps_from_settings
from mover.vault.vault import Vault
from mover.workplace.holders import expect_there
from mover.workplace.pacers import Pacers


def _as_it_is(connector: Connector) -> Connector:
    return connector


@dataclass(frozen=True)
class Workplace:
    """Everything open.

    Attributes:
        connections: Those of the person at the command line; `for_organisation` has an organisation's.
        pacers: What the accounts used here bear.
        wrap: What connectors that move files are wrapped in, for tracing.
    """

    settings: Settings
    database: Database
    vault: Vault
    egress: Egress
    connections: Connections
    ledger: Ledger
    pacers: Pacers = field(default_factory=Pacers)
    wrap: Callable[[Connector], Connector] = _as_it_is

    def for_organisation(self, organisation_id: str) -> Workplace:
        """The same with the connections of an organisation of the service, under the operator's rules as they are now.

        What they forbid by now is not opened, whenever it was saved: signing in to it raises NotAllowed.
        """
        own = Connections(
            self.database,
            self.vault,
            self.egress,
            person=f"organisation:{organisation_id}",
            rules=ServiceRules.from_settings(self.settings),
            apps=apps_from_settings(self.settings),
        )
        return replace(self, connections=own)


@asynccontextmanager
async def open_workplace(settings: Settings) -> AsyncIterator[Workplace]:
    """Open everything as the operator's settings say, and close it.

    Raises InvalidConfiguration (settings, database, keys) and Locked (database).
    """
    egress = Egress.from_settings(settings)
    database = await Database.open(settings.database_url, connections=settings.database_connections)
    try:
        async with open_vault(settings, database, expect_there=expect_there) as vault:
            connections = Connections(database, vault, egress, apps=apps_from_settings(settings))
            yield Workplace(settings, database, vault, egress, connections, Ledger(database))
    finally:
        await egress.close()
        await database.close()
