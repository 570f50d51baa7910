"""One run of a pair at a time, among all processes that share its ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from mover.database.failures import Held
from mover.errors import Locked

if TYPE_CHECKING:
    # What the command line says of AlreadyRunning must not load the database's library.
    from mover.database.store import SoleRight
    from mover.ledger.ledger import Ledger
    from mover.ledger.records import Pair


class AlreadyRunning(Locked):
    """Another process runs this pair; a database that is busy is Locked alone."""


@asynccontextmanager
async def pair_lock(ledger: Ledger, pair: Pair) -> AsyncIterator[SoleRight]:
    """Hold the lock of a pair. It ends with the process, however that ends.

    Raises AlreadyRunning if another process holds it, and LockLost in place of what was interrupted if it was lost.
    """
    async with AsyncExitStack() as stack:
        try:
            right = await stack.enter_async_context(ledger.lock(pair))
        except Held:
            raise AlreadyRunning("another mover process is working on this very pair right now") from None
        yield right
