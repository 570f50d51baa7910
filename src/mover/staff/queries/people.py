"""The staff, and what they sign in with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, exists, insert, select, update

from mover.staff.records import StaffMember
from mover.staff.tables import staff_people, staff_totp

_p = staff_people.c
_has_second_factor = (
    exists()
    .where(staff_totp.c.staff_id == _p.id, staff_totp.c.confirmed_ns.is_not(None))
    .correlate(staff_people)
)
_MEMBER = (
    _p.id,
    _p.email,
    _p.name,
    _p.created_ns,
    _p.last_sign_in_ns,
    _p.password_given_ns,
    _has_second_factor.label("has_second_factor"),
)


@dataclass(frozen=True)
class StaffCredentials:
    """Somebody, and the hash of their password."""

    member: StaffMember
    password_hash: str = field(repr=False)


class StaffTotp(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's TOTP; the secret is in the vault under `setup_id`."""

    staff_id: str
    setup_id: str
    last_step: int
    created_ns: int
    confirmed_ns: int | None


def add(transaction: Connection, member: StaffMember, password_hash: str) -> None:
    """Keep somebody new."""
    transaction.execute(
        insert(staff_people),
        {
            "id": member.id,
            "email": member.email,
            "name": member.name,
            "password_hash": password_hash,
            "password_given_ns": member.created_ns,
            "created_ns": member.created_ns,
        },
    )


def everybody(transaction: Connection) -> list[StaffMember]:
    """List the staff by address."""
    return [_member(row) for row in transaction.execute(select(*_MEMBER).order_by(_p.email))]


def find(transaction: Connection, staff_id: str) -> StaffMember | None:
    """Find somebody."""
    row = transaction.execute(select(*_MEMBER).where(_p.id == staff_id)).one_or_none()
    return None if row is None else _member(row)


def by_email(transaction: Connection, email: str) -> StaffCredentials | None:
    """Find somebody by their address, in lower case."""
    row = transaction.execute(select(*_MEMBER, _p.password_hash).where(_p.email == email)).one_or_none()
    return None if row is None else StaffCredentials(_member(row), row.password_hash)


def credentials(transaction: Connection, staff_id: str) -> StaffCredentials | None:
    """Find somebody with the hash of their password."""
    row = transaction.execute(select(*_MEMBER, _p.password_hash).where(_p.id == staff_id)).one_or_none()
    return None if row is None else StaffCredentials(_member(row), row.password_hash)


def change(transaction: Connection, staff_id: str, **values: Any) -> None:
    """Change columns of somebody."""
    transaction.execute(update(staff_people).where(_p.id == staff_id).values(**values))


def change_password_if(transaction: Connection, staff_id: str, before: str, **values: Any) -> bool:
    """Change columns of somebody whose password is what it was; false if it was changed meanwhile."""
    changed = transaction.execute(
        update(staff_people).where(_p.id == staff_id, _p.password_hash == before).values(**values)
    )
    return changed.rowcount == 1


def remove(transaction: Connection, staff_id: str) -> bool:
    """Remove somebody with sessions, API keys and second factor; false if nobody is there."""
    return transaction.execute(delete(staff_people).where(_p.id == staff_id)).rowcount == 1


def find_totp(transaction: Connection, staff_id: str) -> StaffTotp | None:
    """Find somebody's TOTP, confirmed or not."""
    row = (
        transaction.execute(select(staff_totp).where(staff_totp.c.staff_id == staff_id))
        .mappings()
        .one_or_none()
    )
    return None if row is None else StaffTotp(**row)


def put_totp(transaction: Connection, made: StaffTotp) -> bool:
    """Keep a new one in the place of one that was never confirmed; false if there is a confirmed one."""
    transaction.execute(
        delete(staff_totp).where(staff_totp.c.staff_id == made.staff_id, staff_totp.c.confirmed_ns.is_(None))
    )
    if find_totp(transaction, made.staff_id) is not None:
        return False
    transaction.execute(insert(staff_totp), msgspec.structs.asdict(made))
    return True


def confirm_totp(transaction: Connection, staff_id: str, setup_id: str, step: int, now_ns: int) -> bool:
    """Take it into use; false if it was removed, replaced or confirmed meanwhile."""
    t = staff_totp.c
    confirmed = transaction.execute(
        update(staff_totp)
        .where(t.staff_id == staff_id, t.setup_id == setup_id, t.confirmed_ns.is_(None))
        .values(confirmed_ns=now_ns, last_step=step)
    )
    return confirmed.rowcount == 1


def use_step(transaction: Connection, staff_id: str, setup_id: str, step: int) -> bool:
    """Use up the code of a step, and all earlier ones; false if it was used."""
    t = staff_totp.c
    used = transaction.execute(
        update(staff_totp)
        .where(
            t.staff_id == staff_id, t.setup_id == setup_id, t.confirmed_ns.is_not(None), t.last_step < step
        )
        .values(last_step=step)
    )
    return used.rowcount == 1


def remove_totp(transaction: Connection, staff_id: str) -> bool:
    """Forget somebody's TOTP; false if there is none."""
    return transaction.execute(delete(staff_totp).where(staff_totp.c.staff_id == staff_id)).rowcount > 0


def _member(row: Row[Any]) -> StaffMember:
    return StaffMember(
        id=row.id,
        email=row.email,
        name=row.name,
        created_ns=row.created_ns,
        last_sign_in_ns=row.last_sign_in_ns,
        has_second_factor=bool(row.has_second_factor),
        password_given=row.password_given_ns is not None,
    )
