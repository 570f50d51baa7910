"""The pacers of a process: what an account bears is learnt once, by all that use it here."""

from __future__ import annotations

from mover.connectors.contract import Connector
from mover.transport.pacing import Pacer


class Pacers:
    """One pacer an account, for as long as this lives. Few and small: as many as there are connections."""

    def __init__(self) -> None:
        self._pacers: dict[str, Pacer] = {}

    def of(self, account: str, connector: Connector) -> Pacer:
        """The account's pacer; made from the connector's capabilities if it is the first of the account."""
        if (found := self._pacers.get(account)) is None:
            found = self._pacers[account] = Pacer(*connector.capabilities.concurrency)
        return found
