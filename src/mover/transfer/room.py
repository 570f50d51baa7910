"""Whether what is to be moved fits into the destination, as far as both can tell.

The destination is asked once for its free bytes, before anything is sent. Against that stands the sum of what the
run plans: files of known size that are not there yet, and what replaced ones grow by (all of them, where the destination
keeps the version before). Documents without a size and earlier versions cannot be counted beforehand.

Sending waits until the run has planned `_PLANNED` files, or seen `_SEEN` entries, or all. If the pair's last run was a scan
with the same options that found more than there is room for, it waits until all is planned. So a move that was scanned, or
is not larger than that, and cannot fit, ends before a byte was sent; any other one as soon as the sum is too much. The rule is exact: it ends when more is needed than is free. What others store meanwhile, and what a service allows beyond
what it tells, shows only while sending: then the destination itself says that it is full.
"""

from __future__ import annotations

import asyncio

from mover.entries import EntryRef
from mover.errors import ApiQuotaExceeded, MoverError, QuotaExceeded, SignInFailed
from mover.transfer.side import Side

_PLANNED = 1_000
_SEEN = 5_000
_ENDS_THE_RUN = (SignInFailed, ApiQuotaExceeded)


class Room:
    """The room at the destination of one run, and what is planned to go there. Sizes in bytes.

    `enough_known` is set when sending may begin.

    Args:
        destination: Where the room is.
        needed: By what was planned before this process began.
        scanned: By what a scan before this run found to be missing at the destination.
    """

    def __init__(self, destination: Side, *, needed: int = 0, scanned: int = 0) -> None:
        self._destination = destination
        self._free: int | None = None
        self._needed = needed
        self._scanned = scanned
        self._files = self._seen = 0
        self._begun = asyncio.Event()
        if needed or scanned:
            self._begun.set()
        self._decided = asyncio.Event()
        self.enough_known = asyncio.Event()

    def plan(self, seen: int, files: int, needed: int) -> None:
        """Count what a page of the scan told: entries, files to be sent, and how much more room these need."""
        self._seen += seen
        self._files += files
        self._needed += needed
        if files:
            self._begun.set()
        self._judge()

    def complete(self) -> None:
        """Say that all is planned."""
        self._begun.set()
        self._decided.set()

    async def watch(self) -> None:
        """Return when all is planned and fits. Raises QuotaExceeded as soon as it does not, and what asking raises."""
        await self._begun.wait()
        await self.measure()
        if self._free is None:
            self.enough_known.set()
            return
        self._judge()
        await self._decided.wait()
        if shortage := self.shortage:
            raise QuotaExceeded(shortage, operation="plan", path=self._destination.root)
        self.enough_known.set()

    async def measure(self) -> None:
        """Ask for the free bytes if anything is planned; a destination that does not tell has room enough.

        Raises SignInFailed, ApiQuotaExceeded.
        """
        quota = self._destination.connector.quota
        if quota is None or not (self._files or self._needed or self._scanned):
            return
        try:
            self._free = await quota.free_bytes(EntryRef(self._destination.root, self._destination.root_id))
        except _ENDS_THE_RUN:
            raise
        except MoverError:
            self._free = None  # it says what it lacks when it is full

    @property
    def _has_seen_enough(self) -> bool:
        return self._files >= _PLANNED or self._seen >= _SEEN

    @property
    def shortage(self) -> str:
        """What is lacking, in words; empty where nothing is."""
        if self._free is None or self._needed <= self._free:
            return ""
        return f"{self._needed} bytes are to be moved, and the destination has room for {self._free}"

    def _judge(self) -> None:
        if self.shortage:
            self._decided.set()
        elif self._free is not None and self._scanned <= self._free and self._has_seen_enough:
            self.enough_known.set()
