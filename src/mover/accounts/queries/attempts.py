"""Counters of attempts."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, delete, select, update

from mover.accounts.tables import sign_in_attempts
from mover.database.upsert import upsert


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts that failed, or have not succeeded yet."""

    key: str
    failures: int
    last_ns: int
    blocked_until_ns: int


def counts(transaction: Connection, keys: Iterable[str]) -> dict[str, Count]:
    """Read counters, and keep others from changing them until the transaction ends."""
    query = select(sign_in_attempts).where(sign_in_attempts.c.key.in_(sorted(keys))).with_for_update()
    return {row["key"]: Count(**row) for row in transaction.execute(query).mappings()}


def blocked_until(transaction: Connection, key: str) -> int:
    """Read until when attempts of a key are not looked at."""
    query = select(sign_in_attempts.c.blocked_until_ns).where(sign_in_attempts.c.key == key)
    return transaction.execute(query).scalar_one_or_none() or 0


def put(transaction: Connection, counted: Iterable[Count]) -> None:
    """Keep counters."""
    rows = [msgspec.structs.asdict(count) for count in counted]
    if rows:
        transaction.execute(upsert(transaction, sign_in_attempts, ["key"]), rows)


def forget(transaction: Connection, keys: Iterable[str]) -> None:
    """Start counting anew."""
    transaction.execute(delete(sign_in_attempts).where(sign_in_attempts.c.key.in_(sorted(keys))))


def take_back(transaction: Connection, keys: Iterable[str]) -> None:
    """Count one attempt less, and let the next one begin at once: it was this one that made it wait."""
    transaction.execute(
        update(sign_in_attempts)
        .where(sign_in_attempts.c.key.in_(sorted(keys)), sign_in_attempts.c.failures > 0)
        .values(failures=sign_in_attempts.c.failures - 1, blocked_until_ns=0)
    )
