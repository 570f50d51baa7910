"""The pacers of a process: what an account bears is learnt once, by all that use it here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from mover.connectors.contract import Connector
from mover.transport.pacing import Pacer


class Pacers:
    """One pacer an account, for as long as this lives. Few and small: as many as there are connections."""

    def __init__(self) -> None:
        self._pacers: dict[str, Pacer] = {}
        self._pauses: Counter[str] = Counter()

    @property
    def pauses(self) -> int:
        """How often services have asked for a pause so far."""
        return self._pauses.total()

    def pauses_of(self, accounts: Iterable[str]) -> int:
        """How often the services of these accounts have."""
        return sum(self._pauses[account] for account in set(accounts))

    def of(self, account: str, connector: Connector) -> Pacer:
        """The account's pacer; made from the connector's capabilities if it is the first of the account."""
        if (found := self._pacers.get(account)) is None:
            found = self._pacers[account] = Pacer(
                *connector.capabilities.concurrency, on_wait=lambda _seconds: self._count(account)
            )
        return found

    def _count(self, account: str) -> None:
        self._pauses[account] += 1
