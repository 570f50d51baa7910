"""Passkeys."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from mover.accounts.records import Passkey
from mover.accounts.tables import passkeys


class StoredPasskey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey with all that its answers are checked with."""

    id: str
    person_id: str
    credential_id: str
    public_key: bytes
    sign_count: int
    name: str
    transports: tuple[str, ...]
    backed_up: bool
    created_ns: int
    last_used_ns: int | None

    @property
    def shown(self) -> Passkey:
        """What the list shows."""
        return Passkey(
            id=self.id,
            name=self.name,
            backed_up=self.backed_up,
            created_ns=self.created_ns,
            last_used_ns=self.last_used_ns,
        )


def add(transaction: Connection, passkey: StoredPasskey) -> bool:
    """Keep a passkey; false if it is somebody's already."""
    known = transaction.execute(
        select(passkeys.c.id).where(passkeys.c.credential_id == passkey.credential_id)
    )
    if known.first() is not None:
        return False
    transaction.execute(
        insert(passkeys), msgspec.structs.asdict(passkey) | {"transports": json.dumps(passkey.transports)}
    )
    return True


def of_person(transaction: Connection, person_id: str) -> list[StoredPasskey]:
    """List a person's passkeys, the oldest first."""
    query = (
        select(passkeys)
        .where(passkeys.c.person_id == person_id)
        .order_by(passkeys.c.created_ns, passkeys.c.id)
    )
    return [_stored(row) for row in transaction.execute(query)]


def by_credential(transaction: Connection, credential_id: str) -> StoredPasskey | None:
    """Find a passkey by what the browser calls it."""
    row = transaction.execute(select(passkeys).where(passkeys.c.credential_id == credential_id)).one_or_none()
    return None if row is None else _stored(row)


def rename(transaction: Connection, person_id: str, passkey_id: str, name: str) -> bool:
    """Name one of a person's passkeys; false if there is none of that id."""
    renamed = transaction.execute(
        update(passkeys)
        .where(passkeys.c.id == passkey_id, passkeys.c.person_id == person_id)
        .values(name=name)
    )
    return renamed.rowcount == 1


def used(
    transaction: Connection, passkey: StoredPasskey, sign_count: int, now_ns: int, *, backed_up: bool
) -> bool:
    """Note a use; false if it was removed, or its counter has reached this count meanwhile (a copy of it, a replay)."""
    # Authenticators that do not count say 0 each time.
    counts = passkeys.c.sign_count < sign_count if sign_count else passkeys.c.sign_count == 0
    noted = transaction.execute(
        update(passkeys)
        .where(passkeys.c.id == passkey.id, counts)
        .values(sign_count=sign_count, last_used_ns=now_ns, backed_up=backed_up)
    )
    return noted.rowcount == 1


def remove(transaction: Connection, person_id: str, passkey_id: str) -> str | None:
    """Forget one of a person's passkeys and return its name; None if there is none of that id."""
    query = select(passkeys.c.name).where(passkeys.c.id == passkey_id, passkeys.c.person_id == person_id)
    name: str | None = transaction.execute(query).scalar_one_or_none()
    transaction.execute(
        delete(passkeys).where(passkeys.c.id == passkey_id, passkeys.c.person_id == person_id)
    )
    return name


def remove_of_person(transaction: Connection, person_id: str) -> int:
    """Forget all passkeys of a person; returns how many."""
    return transaction.execute(delete(passkeys).where(passkeys.c.person_id == person_id)).rowcount


def _stored(row: Row[Any]) -> StoredPasskey:
    values = {name: getattr(row, name) for name in StoredPasskey.__struct_fields__}
    return StoredPasskey(**values | {"transports": tuple(json.loads(row.transports))})
