"""Slowing down those who guess, across processes and restarts, without shutting out the one who is guessed at.

Attempts are counted *before* they are looked at, so that many at once are no way around, and forgotten when they succeed.
From the free ones on, each failure doubles the wait, up to a quarter of an hour.

A stranger can keep somebody's account counter full. The owner of the account still gets in: from a browser in which they
have signed in before (its device cookie has a counter of its own, which strangers cannot touch: the "device cookies" of
OWASP), with a passkey, or by a password reset, after which the browser that did it is known.
"""

from __future__ import annotations

import hashlib
import ipaddress
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from mover.accounts.queries import attempts as queries
from mover.accounts.queries.attempts import Count
from mover.accounts.refusals import TooManyAttempts
from mover.database.database import Database

_SECOND_NS = 1_000_000_000
_FORGOTTEN_AFTER_NS = 24 * 3600 * _SECOND_NS
_IPV6_CUSTOMER = 64  # what one customer of a provider has at least


@dataclass(frozen=True)
class Limit:
    """How many attempts of one kind are free, and how long the next one waits.

    Attributes:
        key: What is counted; it holds no address of a person in the clear.
        free: Attempts without waiting.
        longest_wait_s: The wait begins with one second and doubles up to this.
    """

    key: str
    free: int
    longest_wait_s: int = 15 * 60

    def wait_ns(self, failures: int) -> int:
        """How long nothing is looked at after so many failures."""
        over = failures - self.free
        if over < 0:
            return 0
        return min(self.longest_wait_s, 1 << min(over, 30)) * _SECOND_NS


def account_limit(email: str) -> Limit:
    """Sign-ins by strangers to one account."""
    return Limit(f"account:{_digest(email)}", free=5)


def device_limit(device_id: str) -> Limit:
    """Sign-ins from a browser that the person has signed in from before."""
    return Limit(f"device:{device_id}", free=10)


def address_limit(what: str, address: str, *, free: int) -> Limit:
    """Attempts from one network: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return Limit(f"{what}:unknown", free=free)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return Limit(f"{what}:{parsed.ipv4_mapped}", free=free)
        network = ipaddress.ip_network((parsed, _IPV6_CUSTOMER), strict=False)
        return Limit(f"{what}:{network.network_address}", free=free)
    return Limit(f"{what}:{parsed}", free=free)


def person_limit(what: str, person_id: str, *, free: int) -> Limit:
    """Attempts that concern one person."""
    return Limit(f"{what}:{person_id}", free=free)


class Attempts:
    """Counts attempts in the database.

    Args:
        database: Where the counters are.
        now: Seconds since 1970 UTC.
    """

    def __init__(self, database: Database, *, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    async def begin(self, *limits: Limit) -> None:
        """Count an attempt that is about to be looked at. Raises Throttled, and then counts nothing."""
        now_ns = self._now_ns()
        await self._database.write(lambda transaction: count(transaction, limits, now_ns))

    async def blocked(self, limit: Limit) -> None:
        """Raise Throttled if nothing of this kind is looked at now; counts nothing."""
        until = await self._database.read(lambda transaction: queries.blocked_until(transaction, limit.key))
        _check(until, self._now_ns())

    def _now_ns(self) -> int:
        return int(self._now() * _SECOND_NS)


def count(transaction: Connection, limits: Sequence[Limit], now_ns: int) -> None:
    """Count an attempt in the caller's transaction. Raises Throttled."""
    known = queries.counts(transaction, [limit.key for limit in limits])
    _check(max((found.blocked_until_ns for found in known.values()), default=0), now_ns)
    counted = []
    for limit in limits:
        before = known.get(limit.key)
        forgotten = before is None or before.last_ns < now_ns - _FORGOTTEN_AFTER_NS
        failures = 1 if before is None or forgotten else before.failures + 1
        counted.append(
            Count(
                key=limit.key,
                failures=failures,
                last_ns=now_ns,
                blocked_until_ns=now_ns + limit.wait_ns(failures),
            )
        )
    queries.put(transaction, counted)


def succeeded(transaction: Connection, own: Sequence[Limit], shared: Sequence[Limit] = ()) -> None:
    """Forget the failures of what was shown to be the person's own; of what is shared, take back this attempt only.

    An address is shared: who signs in to their own account must not wipe out the guesses at others'.
    """
    queries.forget(transaction, [limit.key for limit in own])
    queries.take_back(transaction, [limit.key for limit in shared])


def _check(blocked_until_ns: int, now_ns: int) -> None:
    if blocked_until_ns > now_ns:
        seconds = -(-(blocked_until_ns - now_ns) // _SECOND_NS)
        raise TooManyAttempts(
            f"too many attempts; the next one is possible in {_words(seconds)}", retry_after_s=float(seconds)
        )


def _words(seconds: int) -> str:
    if seconds < 2 * 60:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    return f"{-(-seconds // 60)} minutes"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:48]
