"""A process of its own that signs in to a connection when it is told to, and answers with a line.

The first line of standard input is the database's URL. python -m tests.connections.oauth.worker KEY_FILE CA_FILE
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.connections.oauth.conftest import APPS
from tests.servers import acme

import mover.connections.connections
from mover.connections.connections import Connections
from mover.connections.keeping import VaultKeeper
from mover.database.database import Database
from mover.errors import MoverError
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.transport.oauth.tokens import Exchange, Secrets
from mover.vault.providers import FileKeyProvider
from mover.vault.vault import Vault


class DyingKeeper(VaultKeeper):
    """Ends its process between the service's answer and its being stored."""

    async def renew(self, exchange: Exchange, is_fresh: Callable[[Secrets], bool]) -> Secrets:
        async def fatal(present: Secrets) -> Secrets:
            await exchange(present)
            os.kill(os.getpid(), signal.SIGKILL)
            return {}

        return await super().renew(fatal, is_fresh)


async def work(key_file: str, ca_file: str) -> None:
    database = await Database.open(sys.stdin.readline().strip())
    vault = Vault(database, FileKeyProvider(Path(key_file)))
    egress = Egress(allowed=PrivateAddresses(every=True), ca_file=Path(ca_file))
    connections = Connections(database, vault, egress, apps=APPS, types=acme.types)
    print("ready", flush=True)  # noqa: T201 - this is how it talks
    while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
        if line == "die":
            mover.connections.connections.VaultKeeper = DyingKeeper  # type: ignore[attr-defined]
        try:
            connector, account = await connections.sign_in("work")
            await connector.close()
            said = account.description
        except MoverError as error:
            said = f"{type(error).__name__}: {error}"
        print(said, flush=True)  # noqa: T201 - likewise
    await egress.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2]))
