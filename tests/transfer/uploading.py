"""The vault that benches keep the keys of unfinished uploads in."""

from __future__ import annotations

from mover.database.database import Database
from mover.vault.providers import EnvironmentKeyProvider
from mover.vault.secret import Secret
from mover.vault.vault import Vault
from mover.workplace.upload_keys import VaultUploadKeys


def vault_of(database: Database) -> Vault:
    """The same for every process that uses this database."""
    return Vault(database, EnvironmentKeyProvider(Secret("11" * 32)))


def upload_keys(database: Database) -> VaultUploadKeys:
    """Keys of the command line's person."""
    return VaultUploadKeys(vault_of(database), "local")
