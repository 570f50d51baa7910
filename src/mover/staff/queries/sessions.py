"""Sessions of the staff."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from mover.database.removal import remove_some
from mover.staff.records import StaffSession
from mover.staff.tables import staff_sessions

_s = staff_sessions.c


def add(transaction: Connection, session: StaffSession, token_hash: str) -> None:
    """Keep a session that begins."""
    transaction.execute(
        insert(staff_sessions),
        {
            "id": session.id,
            "token_hash": token_hash,
            "staff_id": session.staff_id,
            "second_factor_ns": session.second_factor_ns,
            "address": session.address,
            "device": session.device,
            "created_ns": session.created_ns,
            "last_seen_ns": session.last_seen_ns,
            "expires_ns": session.expires_ns,
            "seal": session.seal,
        },
    )


def find(transaction: Connection, token_hash: str, now_ns: int, idle_ns: int) -> StaffSession | None:
    """Find the session of a token that has neither expired nor been idle for too long."""
    query = select(staff_sessions).where(
        _s.token_hash == token_hash, _s.expires_ns > now_ns, _s.last_seen_ns > now_ns - idle_ns
    )
    row = transaction.execute(query).one_or_none()
    return None if row is None else _session(row)


def seen(transaction: Connection, session_id: str, now_ns: int, before_ns: int) -> None:
    """Note that a session was used, unless somebody noted it a moment ago."""
    transaction.execute(
        update(staff_sessions)
        .where(_s.id == session_id, _s.last_seen_ns < before_ns)
        .values(last_seen_ns=now_ns)
    )


def remove(transaction: Connection, session_id: str) -> bool:
    """End a session; false if it has ended."""
    return transaction.execute(delete(staff_sessions).where(_s.id == session_id)).rowcount == 1


def remove_of(transaction: Connection, staff_id: str, *, but: str = "") -> int:
    """End all sessions of somebody, but one; returns how many."""
    gone = transaction.execute(delete(staff_sessions).where(_s.staff_id == staff_id, _s.id != but))
    return gone.rowcount


def remove_expired(transaction: Connection, now_ns: int, *, idle_ns: int, limit: int) -> int:
    """Remove at most so many sessions that have ended; returns how many."""
    over = (_s.expires_ns <= now_ns) | (_s.last_seen_ns <= now_ns - idle_ns)
    return remove_some(transaction, staff_sessions, over, limit)


def _session(row: Row[Any]) -> StaffSession:
    return StaffSession(
        id=row.id,
        staff_id=row.staff_id,
        second_factor_ns=row.second_factor_ns,
        address=row.address,
        device=row.device,
        created_ns=row.created_ns,
        last_seen_ns=row.last_seen_ns,
        expires_ns=row.expires_ns,
        seal=row.seal or "",
    )
