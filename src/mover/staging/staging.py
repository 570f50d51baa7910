"""The staging of one process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from mover.staging.budget import Budget, Place
from mover.staging.buffers import Buffers
from mover.staging.file import StagedFile
from mover.staging.folder import ProcessFolder
from mover.staging.held import Label, Shelf
from mover.staging.sealing import SEGMENT
from mover.staging.workers import THREADS, Workers, settled


class Staging:
    """Where parts of files rest between the source and the destination, encrypted and for as short as possible.

    Belongs to one event loop. A context manager: `async with Staging(...) as staging`.

    Args:
        folder: For encrypted parts that do not fit into memory; created if need be. Several processes may share it.
        memory_bytes: Most content bytes staged in memory. Each part on its way in needs up to 4 MiB on top.
        disk_bytes: Most content bytes staged on disk.
        now_ns: Nanoseconds since 1970 UTC.
    """

    def __init__(
        self,
        folder: Path,
        *,
        memory_bytes: int,
        disk_bytes: int,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._now_ns = now_ns
        self._folder = folder
        self._budget = Budget(memory_bytes=memory_bytes, disk_bytes=disk_bytes)
        self._buffers = Buffers(kept=memory_bytes // SEGMENT + THREADS)
        self._workers = Workers()
        self._own_folder: ProcessFolder | None = None
        self._files: dict[StagedFile, None] = {}  # the oldest first

    async def open(self) -> None:
        """Create this process's folder, and remove what processes that died have left.

        Raises:
            InvalidConfiguration: The folder cannot be used.
        """
        claim = self._workers.start(ProcessFolder.claim, self._folder)
        try:
            await settled(claim)
        finally:
            if claim.exception() is None:  # a cancellation does not undo the claim: `close` does
                self._own_folder = claim.result()

    async def close(self) -> None:
        """Remove everything that this process has staged. Idempotent, also after an `open` that failed."""
        self._budget.close()  # first: whoever waits for room gets none that is given back here
        for file in tuple(self._files):
            file.close()
        own_folder, self._own_folder = self._own_folder, None
        await settled(asyncio.get_running_loop().run_in_executor(None, self._wind_up, own_folder))

    def file(self, label: Label | None = None) -> StagedFile:
        """Return a new file with a new key; leave its context to destroy both. `label` says whose it is.

        Raises:
            RuntimeError: Staging is not open; asking then is a defect of the caller.
        """
        if self._own_folder is None:
            raise RuntimeError("staging is not open")
        file = StagedFile(
            self._own_folder,
            self._budget,
            self._buffers,
            self._workers,
            label=label,
            now_ns=self._now_ns,
            forget=lambda gone: self._files.pop(gone, None),
        )
        self._files[file] = None
        return file

    @property
    def shelves(self) -> list[Shelf]:
        """All parts that are here at this moment, those of the oldest file first, for a look; those of files without a label are not among them."""
        return [shelf for file in tuple(self._files) for shelf in file.shelves]

    def _wind_up(self, own_folder: ProcessFolder | None) -> None:
        self._workers.close()  # first: no thread writes into the folder any more
        if own_folder is not None:
            own_folder.remove()

    @property
    def memory_used(self) -> int:
        """Bytes reserved in memory now."""
        return self._budget.used(Place.MEMORY)

    @property
    def disk_used(self) -> int:
        """Bytes reserved on disk now."""
        return self._budget.used(Place.DISK)

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
