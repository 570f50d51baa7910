"""The audit log is sealed and copied elsewhere while the API runs.

In the process of the API, not in runners: those can add events, and neither change what is there nor sign for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from mover.audit import queries
from mover.audit.sealing import Sealer
from mover.database.database import Database
from mover.notices.audit_copies import AuditCopies
from mover.serving.again import again_and_again

EVERY_S = 1.0
"""Soon after each act: until it is sealed, nobody would miss an event."""


class Measured(Protocol):
    """Is told how far the log is sealed and copied."""

    def unsealed(self, events: int) -> None:
        """So many events are not sealed yet."""

    def lagging(self, receiver: str, events: int) -> None:
        """So many sealed events a receiver has not taken yet."""


@asynccontextmanager
async def audit_kept(
    database: Database,
    sealer: Sealer,
    copies: AuditCopies,
    *,
    measured: Measured | None = None,
    every_s: float = EVERY_S,
) -> AsyncIterator[None]:
    """Seal and copy for the time of a block. Several processes may.

    Args:
        database: With the log.
        sealer: Gives events their places and signs for them.
        copies: Sends them elsewhere, if the operator named a receiver.
        measured: Told how far both are.
        every_s: Seconds between two looks.
    """

    async def seal() -> None:
        await sealer.seal_due()
        if measured is not None:
            measured.unsealed((await database.read(queries.pending_figures))[0])

    async def copy() -> None:
        try:
            await copies.send_due()
        finally:
            if measured is not None:
                for name, events in (await copies.lag()).items():
                    measured.lagging(name, events)

    tasks = [asyncio.create_task(again_and_again(seal, "seal the audit log", every_s=every_s))]
    if copies.names:  # apart: receivers may hang
        tasks.append(asyncio.create_task(again_and_again(copy, "copy the audit log", every_s=every_s)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await copies.close()
