"""Keys of the staff's API."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select, update

from mover.database.removal import remove_some
from mover.staff.records import StaffKey
from mover.staff.tables import staff_keys, staff_people

_k = staff_keys.c


@dataclass(frozen=True)
class StoredStaffKey:
    """A key with what its text is compared with."""

    key: StaffKey
    secret_hash: str = field(repr=False)
    seal: str = field(repr=False)


def add(transaction: Connection, key: StaffKey, secret_hash: str, seal: str) -> None:
    """Keep a new key."""
    transaction.execute(
        insert(staff_keys),
        {
            "id": key.id,
            "staff_id": key.staff_id,
            "name": key.name,
            "networks": json.dumps(key.networks),
            "secret_hash": secret_hash,
            "created_ns": key.created_ns,
            "expires_ns": key.expires_ns,
            "revoked_ns": None,
            "last_used_ns": None,
            "last_used_address": None,
            "arrival_ns": 0,
            "seal": seal,
        },
    )


def everybodys(transaction: Connection) -> list[StaffKey]:
    """List the keys of everybody, by address and then the newest first."""
    query = _keys().order_by(staff_people.c.email, _k.created_ns.desc(), _k.id)
    return [_stored(row).key for row in transaction.execute(query)]


def of_somebody(transaction: Connection, staff_id: str) -> list[StaffKey]:
    """List somebody's keys, the newest first."""
    query = _keys().where(_k.staff_id == staff_id).order_by(_k.created_ns.desc(), _k.id)
    return [_stored(row).key for row in transaction.execute(query)]


def count_working(transaction: Connection, staff_id: str, now_ns: int) -> int:
    """Count somebody's keys that work."""
    query = select(func.count(_k.id)).where(
        _k.staff_id == staff_id, _k.revoked_ns.is_(None), _k.expires_ns > now_ns
    )
    return int(transaction.execute(query).scalar_one())


def stored(transaction: Connection, key_id: str) -> StoredStaffKey | None:
    """Find a key by its id, whosever it is."""
    row = transaction.execute(_keys().where(_k.id == key_id)).one_or_none()
    return None if row is None else _stored(row)


def revoke(transaction: Connection, key_id: str, now_ns: int) -> bool:
    """End a key, without what opens it: nobody brings it back by a word; false if it has been ended."""
    revoked = transaction.execute(
        update(staff_keys)
        .where(_k.id == key_id, _k.revoked_ns.is_(None))
        .values(revoked_ns=now_ns, secret_hash="")
    )
    return revoked.rowcount == 1


def used(transaction: Connection, key_id: str, address: str, now_ns: int, before_ns: int) -> None:
    """Note a use, unless one was noted since `before_ns`."""
    transaction.execute(
        update(staff_keys)
        .where(_k.id == key_id, or_(_k.last_used_ns.is_(None), _k.last_used_ns < before_ns))
        .values(last_used_ns=now_ns, last_used_address=address)
    )


def remove_of(transaction: Connection, staff_id: str) -> int:
    """Remove all keys of somebody; returns how many."""
    return transaction.execute(delete(staff_keys).where(_k.staff_id == staff_id)).rowcount


def remove_ended(transaction: Connection, before_ns: int, *, limit: int) -> int:
    """Remove at most so many keys that ended before a moment; returns how many."""
    over = (_k.expires_ns <= before_ns) | (_k.revoked_ns <= before_ns)
    return remove_some(transaction, staff_keys, over, limit)


def _keys() -> Select[Any]:
    return select(staff_keys, staff_people.c.email).join(staff_people, staff_people.c.id == _k.staff_id)


def _stored(row: Row[Any]) -> StoredStaffKey:
    key = StaffKey(
        id=row.id,
        staff_id=row.staff_id,
        email=row.email,
        name=row.name,
        networks=tuple(json.loads(row.networks)),
        created_ns=row.created_ns,
        expires_ns=row.expires_ns,
        revoked_ns=row.revoked_ns,
        last_used_ns=row.last_used_ns,
        last_used_address=row.last_used_address,
    )
    return StoredStaffKey(key, row.secret_hash, row.seal or "")
