"""Runs whose files are sealed or opened, between in-memory services."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage  # type: ignore[import-untyped]
from tests.memory.service import MemoryService
from tests.transfer.workbench import MEMORY_BYTES, NO_WAIT, Workbench, signed_in, workbench

from mover.ledger.ledger import Ledger
from mover.ledger.states import RunMode
from mover.transfer.options import Options
from mover.transfer.progress import Progress
from mover.transfer.run import Engine, RunResult, run_pair
from mover.transfer.side import Side
from mover.vault.providers import EnvironmentKeyProvider
from mover.vault.secret import Secret
from mover.vault.vault import Vault
from mover.workplace.sealing import SealingChoice, in_the_form
from mover.workplace.seeds import OWNER
from mover.workplace.sides import Sides
from mover.workplace.upload_keys import VaultUploadKeys

KEY = pyrage.x25519.Identity.generate()
OTHER = pyrage.x25519.Identity.generate()
FOR_KEY = SealingChoice(recipients=(str(KEY.to_public()),))
WITH_KEY = SealingChoice(open_with=(Secret(str(KEY)),))


def opened(sealed: bytes) -> bytes:
    """Open a file as its owner does."""
    return bytes(pyrage.decrypt(sealed, [KEY]))


def sealed(data: bytes, key: Any = KEY) -> bytes:
    """Seal a file as its owner does."""
    return bytes(pyrage.encrypt(data, [key.to_public()]))


@dataclass
class SealingBench:
    """A workbench with a vault."""

    bench: Workbench
    vault: Vault

    @property
    def source(self) -> MemoryService:
        return self.bench.source

    @property
    def destination(self) -> MemoryService:
        return self.bench.destination

    async def run(
        self,
        choice: SealingChoice = FOR_KEY,
        mode: RunMode = RunMode.COPY,
        *,
        killed: bool = False,
        swap: bool = False,
        **options: Any,
    ) -> RunResult:
        """Run the pair once, as a new process would; `killed`: that process ends without tidying up."""
        bench = self.bench
        bench.progress = Progress()
        engine = Engine(
            ledger=Ledger(bench.database),
            staging=bench.staging,
            staging_memory_bytes=MEMORY_BYTES,
            retries=NO_WAIT,
            now_ns=bench.now_ns,
        )
        one, other = (bench.destination, bench.source) if swap else (bench.source, bench.destination)
        async with signed_in(one) as from_, signed_in(other) as to:
            sides = Sides(
                source=Side("source:/", "two" if swap else "one", from_, "/"),
                destination=Side("destination:/", "back" if swap else "other", to, "/"),
                single_file=None,
                local_source=None,
            )
            formed = await in_the_form(self.vault, "local", sides, choice, mode)

            async def started(_run: int, _resumed: bool) -> None:  # noqa: FBT001 - the engine's call
                await formed.begin()

            result = await run_pair(
                engine,
                formed.sides.source,
                formed.sides.destination,
                mode,
                Options(form=formed.mark, **options),
                bench.progress,
                shown_options={},
                upload_keys=VaultUploadKeys(self.vault, "local"),
                started=started,
            )
            if result.finished and not killed:
                await formed.end()
            return result

    async def messages(self, run: int) -> dict[str, str]:
        """What is said of each file of a run, by path."""
        rows = await self.bench.rows(run)
        return {path: row["message"] for path, row in rows.items() if row["kind"] != "folder"}

    async def seeds(self) -> list[tuple[str, str]]:
        """Seeds that the vault has."""
        return await self.vault.owners(OWNER)


@asynccontextmanager
async def sealing_bench(
    folder: Path, source: MemoryService | None = None, destination: MemoryService | None = None
) -> AsyncIterator[SealingBench]:
    """Set up."""
    async with workbench(folder, source, destination) as bench:
        yield SealingBench(bench, Vault(bench.database, EnvironmentKeyProvider(Secret("11" * 32))))
