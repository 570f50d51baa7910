"""Keys that the API makes before anybody asks for them: runners use them, and may not make them.

A key service that is away is no reason not to start: it is tried again with what is tidied up, soon and then every hour.
"""

from __future__ import annotations

import logging

from mover.connections.missing_keys import make_missing_keys
from mover.database.database import Database
from mover.errors import InvalidConfiguration, MoverError
from mover.migrations.given.handing import Handing
from mover.vault.vault import Vault

_log = logging.getLogger(__name__)


async def make_first_keys(database: Database, vault: Vault) -> int:
    """Make those that are missing; 0, since nothing of that is left to be done. Raises what the vault raises."""
    await make_missing_keys(database, vault)
    await Handing(vault).begin()
    return 0


async def try_first_keys(database: Database, vault: Vault) -> None:
    """Make them if that is possible now. Raises InvalidConfiguration: the global key cannot be used."""
    try:
        await make_first_keys(database, vault)
    except InvalidConfiguration:
        raise
    except MoverError as error:
        _log.warning("keys that runners will need cannot be made yet, and are tried again: %s", error)
