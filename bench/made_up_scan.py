"""Scan made-up files and print how many were seen: `python -m bench.made_up_scan FILES FOLDER`.

Nothing of an account is held by it or made beforehand, so that what is measured is what scanning itself needs: the
queue of folders, the plan against a destination that has the same files, and the ledger, which notes each entry.
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvloop
from tests.memory.made_up import MadeUpConnector

from mover.connectors.paced import Paced
from mover.database.database import Database
from mover.ledger.ledger import Ledger
from mover.ledger.states import RunMode
from mover.settings import Settings
from mover.staging import Staging
from mover.transfer.options import Options
from mover.transfer.progress import Progress
from mover.transfer.run import Engine, run_pair
from mover.transfer.side import Side
from mover.transport.pacing import Pacer
from mover.vault.providers import FileKeyProvider
from mover.vault.vault import Vault
from mover.workplace.upload_keys import VaultUploadKeys


async def scan(files: int, folder: Path) -> int:
    """Scan an account of so many files against another that has them, too. Returns how many files were seen."""
    settings = Settings(home=folder)
    staging = Staging(
        settings.staging_path,
        memory_bytes=settings.staging_memory_bytes,
        disk_bytes=settings.staging_disk_bytes,
    )
    database = await Database.open(settings.database_url)
    async with staging:
        engine = Engine(
            ledger=Ledger(database),
            staging=staging,
            staging_memory_bytes=settings.staging_memory_bytes,
        )
        result = await run_pair(
            engine,
            _side("from", files),
            _side("to", files),
            RunMode.SCAN,
            Options(),
            Progress(),
            shown_options={},
            upload_keys=VaultUploadKeys(Vault(database, FileKeyProvider(folder / "global.key")), "local"),
        )
    await database.close()
    if result.totals.files_seen != files or result.totals.files_problem:
        raise RuntimeError(f"the scan ended with {result.code.name} and {result.totals}")
    return files


def _side(name: str, files: int) -> Side:
    connector = MadeUpConnector(files)
    return Side(name, name, Paced(connector, Pacer(*connector.capabilities.concurrency)), "/")


if __name__ == "__main__":
    print(uvloop.run(scan(int(sys.argv[1]), Path(sys.argv[2]))))
