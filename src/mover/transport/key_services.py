"""The way out for the vault's key providers, and the vault as the operator's settings describe it.

The command line and the service both get their vault here, so that there is one place where providers meet the network.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sqlalchemy import Connection

from mover.database.database import Database
from mover.errors import Transient
from mover.settings import PrivateAddresses, Settings
from mover.transport.egress import Egress
from mover.transport.retries import Retries, RetryPolicy
from mover.vault.door import Answer
from mover.vault.providers import key_provider
from mover.vault.vault import Vault

if TYPE_CHECKING:
    from mover.transport.http import HttpSession

_SERVICE = "key service"
_ANSWER_LIMIT = 1024 * 1024
_CONNECTIONS = 8
_RETRIES = RetryPolicy(attempts=3, first_s=0.2, cap_s=1.0, total_s=10.0)


class KeyServices:
    """See `KeyServiceDoor`. Sends again what got no answer, twice at most.

    The addresses of key services come from the operator alone, not from people who fill in connections, so private ones
    need no permission of their own here: giving one would open the private network to all connections.
    """

    def __init__(self, egress: Egress, *, retries: RetryPolicy = _RETRIES) -> None:
        self._egress = egress
        self._retries = retries
        self._sessions: dict[tuple[Path | None, bool], HttpSession] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Make it with the operator's proxy, authorities and limits. Raises InvalidConfiguration."""
        return cls(Egress.from_settings(settings, allowed=PrivateAddresses(every=True)))

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        ca_file: Path | None = None,
        allow_plain: bool = False,
    ) -> Answer:
        """See `KeyServiceDoor`."""
        tries = Retries(self._retries)
        while True:
            try:
                session = self._session(ca_file, allow_plain=allow_plain)
                async with session.request("POST", url, headers=headers, body=body) as response:
                    return Answer(response.status, await response.read(_ANSWER_LIMIT))
            except Transient as error:
                await tries.wait_or_raise(error)

    async def close(self) -> None:
        """Close all connections. Idempotent."""
        await self._egress.close()

    def _session(self, ca_file: Path | None, *, allow_plain: bool) -> HttpSession:
        which = ca_file, allow_plain
        if which not in self._sessions:
            self._sessions[which] = self._egress.http(
                _SERVICE, ca_file=ca_file, allow_plain=allow_plain, connections=_CONNECTIONS
            )
        return self._sessions[which]


def _anybody(_connection: Connection, _person: str) -> None:
    pass


@asynccontextmanager
async def open_vault(
    settings: Settings,
    database: Database,
    *,
    expect_there: Callable[[Connection, str], object] = _anybody,
) -> AsyncIterator[Vault]:
    """Open the vault with the global keys that the operator's settings name; nothing is connected before one is needed.

    `expect_there` is as for `Vault`.

    Raises InvalidConfiguration.
    """
    services = KeyServices.from_settings(settings)
    try:
        provider = key_provider(settings.preferred_global_key, services)
        previous = [key_provider(source, services) for source in settings.earlier_global_keys]
        yield Vault(database, provider, previous=previous, expect_there=expect_there)
    finally:
        await services.close()
