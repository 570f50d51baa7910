"""Links that set a password."""

from __future__ import annotations

from secrets import token_hex

from sqlalchemy import Connection, insert, select, update

from mover.accounts.tables import password_resets


def add(transaction: Connection, token_hash: str, person_id: str, *, now_ns: int, expires_ns: int) -> None:
    """Keep a link; those that the person asked for before end."""
    void(transaction, person_id, now_ns)
    transaction.execute(
        insert(password_resets),
        {
            "id": token_hex(16),
            "token_hash": token_hash,
            "person_id": person_id,
            "created_ns": now_ns,
            "expires_ns": expires_ns,
            "used_ns": None,
        },
    )


def find(transaction: Connection, token_hash: str, now_ns: int) -> str | None:
    """Tell whose password a link sets; None if it does not work (any more)."""
    query = select(password_resets.c.person_id).where(
        password_resets.c.token_hash == token_hash,
        password_resets.c.used_ns.is_(None),
        password_resets.c.expires_ns > now_ns,
    )
    return transaction.execute(query).scalar_one_or_none()


def use(transaction: Connection, token_hash: str, now_ns: int) -> bool:
    """Use a link up; false if it was used or has expired."""
    used = transaction.execute(
        update(password_resets)
        .where(
            password_resets.c.token_hash == token_hash,
            password_resets.c.used_ns.is_(None),
            password_resets.c.expires_ns > now_ns,
        )
        .values(used_ns=now_ns)
    )
    return used.rowcount == 1


def void(transaction: Connection, person_id: str, now_ns: int) -> None:
    """End all links of a person."""
    transaction.execute(
        update(password_resets)
        .where(password_resets.c.person_id == person_id, password_resets.c.used_ns.is_(None))
        .values(used_ns=now_ns)
    )
