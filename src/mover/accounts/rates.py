"""How many calls an API key may make: one bucket for all processes, and hardly any writing.

The bucket is a single number in the key's row, GCRA's *theoretical arrival time*: when the next call would be due if calls
came evenly. A call moves it on by the time one call is worth; it may run ahead of the clock by what the burst is worth.

A process takes calls from the bucket in leases, a tenth of the burst at a time and at most five seconds' worth, and hands
them out from memory. What it does not use within ten seconds is lost: a key on many processes may get a little less than
its rate, never more.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Table

from mover.accounts.queries import buckets
from mover.accounts.refusals import TooManyAttempts
from mover.database.database import Database

_SECOND_NS = 1_000_000_000
_MINUTE_NS = 60 * _SECOND_NS
_LEASE_NS = 10 * _SECOND_NS
_PART_OF_BURST = 10
_PART_OF_MINUTE = 12
_MOST_LEASES = 10_000


@dataclass
class _Lease:
    """Calls that this process may still let through."""

    left: int
    until_ns: int


class Rates:
    """The rates of API keys, as one process sees them.

    Args:
        database: Where the buckets are.
        keys: The table of the keys that they belong to.
        now: Seconds since 1970 UTC.
    """

    def __init__(self, database: Database, keys: Table, *, now: Callable[[], float]) -> None:
        self._database = database
        self._keys = keys
        self._now = now
        self._leases: dict[str, _Lease] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def take(self, key_id: str, *, calls_per_minute: int, burst: int) -> None:
        """Let one call through. Raises Throttled with the time after which the next one is."""
        while not self._from_memory(key_id):
            # One task asks the database for all calls that wait for the same key.
            asking = self._asking.get(key_id)
            # One that is done and has not been taken away yet is none: waiting for it would not let anything else happen.
            if asking is None or asking.done():
                asking = asyncio.create_task(self._ask(key_id, calls_per_minute, burst))
                self._asking[key_id] = asking
                asking.add_done_callback(functools.partial(self._asked, key_id))
            await asyncio.shield(asking)

    def _asked(self, key_id: str, done: asyncio.Task[None]) -> None:
        if self._asking.get(key_id) is done:
            del self._asking[key_id]
        if not done.cancelled():
            done.exception()  # looked at, even if all who waited for it have gone

    def _from_memory(self, key_id: str) -> bool:
        lease = self._leases.get(key_id)
        if lease is None or lease.left < 1 or lease.until_ns <= self._now_ns():
            return False
        lease.left -= 1
        return True

    async def _ask(self, key_id: str, calls_per_minute: int, burst: int) -> None:
        wanted = max(1, min(burst // _PART_OF_BURST, calls_per_minute // _PART_OF_MINUTE))
        interval_ns = _MINUTE_NS // calls_per_minute
        now_ns = self._now_ns()
        taken, wait_ns = await self._database.write(
            lambda transaction: _take(transaction, self._keys, key_id, now_ns, interval_ns, burst, wanted)
        )
        if taken == 0:
            raise TooManyAttempts(
                f"this API key may make {calls_per_minute} calls a minute", retry_after_s=wait_ns / _SECOND_NS
            )
        if len(self._leases) >= _MOST_LEASES:
            self._leases = {key: lease for key, lease in self._leases.items() if lease.until_ns > now_ns}
        self._leases[key_id] = _Lease(taken, now_ns + _LEASE_NS)

    def _now_ns(self) -> int:
        return int(self._now() * _SECOND_NS)


def _take(
    transaction: Connection,
    keys: Table,
    key_id: str,
    now_ns: int,
    interval_ns: int,
    burst: int,
    wanted: int,
) -> tuple[int, int]:
    """Take up to `wanted` calls; returns how many, and the wait in nanoseconds if it is none."""
    stored = buckets.arrival(transaction, keys, key_id)
    if stored is None:
        return 0, 0
    arrival_ns = max(stored, now_ns)
    room = (now_ns + burst * interval_ns - arrival_ns) // interval_ns
    if room < 1:
        return 0, arrival_ns + interval_ns - burst * interval_ns - now_ns
    taken = min(wanted, room)
    buckets.change_arrival(transaction, keys, key_id, arrival_ns + taken * interval_ns)
    return taken, 0
