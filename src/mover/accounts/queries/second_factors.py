"""TOTP and recovery codes."""

from __future__ import annotations

from collections.abc import Iterable
from secrets import token_hex

import msgspec
from sqlalchemy import Connection, delete, exists, func, insert, or_, select, update

from mover.accounts.records import SecondFactor
from mover.accounts.tables import passkeys, recovery_codes, totp


class Totp(msgspec.Struct, frozen=True, kw_only=True):
    """TOTP of a person; the secret is in the vault under `setup_id`."""

    person_id: str
    setup_id: str
    last_step: int
    created_ns: int
    confirmed_ns: int | None


def find_totp(transaction: Connection, person_id: str) -> Totp | None:
    """Find a person's TOTP, confirmed or not."""
    row = transaction.execute(select(totp).where(totp.c.person_id == person_id)).mappings().one_or_none()
    return None if row is None else Totp(**row)


def put_totp(transaction: Connection, made: Totp) -> bool:
    """Keep a new one in the place of one that was never confirmed; false if there is a confirmed one."""
    transaction.execute(delete(totp).where(totp.c.person_id == made.person_id, totp.c.confirmed_ns.is_(None)))
    if find_totp(transaction, made.person_id) is not None:
        return False
    transaction.execute(insert(totp), msgspec.structs.asdict(made))
    return True


def confirm_totp(transaction: Connection, person_id: str, setup_id: str, step: int, now_ns: int) -> bool:
    """Take it into use; false if it was removed, replaced or confirmed meanwhile."""
    confirmed = transaction.execute(
        update(totp)
        .where(totp.c.person_id == person_id, totp.c.setup_id == setup_id, totp.c.confirmed_ns.is_(None))
        .values(confirmed_ns=now_ns, last_step=step)
    )
    return confirmed.rowcount == 1


def use_step(transaction: Connection, person_id: str, setup_id: str, step: int) -> bool:
    """Use up the code of a step, and all earlier ones; false if it was used."""
    used = transaction.execute(
        update(totp)
        .where(
            totp.c.person_id == person_id,
            totp.c.setup_id == setup_id,
            totp.c.confirmed_ns.is_not(None),
            totp.c.last_step < step,
        )
        .values(last_step=step)
    )
    return used.rowcount == 1


def remove_totp(transaction: Connection, person_id: str) -> bool:
    """Forget a person's TOTP; false if there is none."""
    return transaction.execute(delete(totp).where(totp.c.person_id == person_id)).rowcount == 1


def ways(transaction: Connection, person_id: str) -> frozenset[SecondFactor]:
    """Tell which second factors a person can show now."""
    has_totp = exists().where(totp.c.person_id == person_id, totp.c.confirmed_ns.is_not(None))
    has_passkey = exists().where(passkeys.c.person_id == person_id)
    has_code = exists().where(recovery_codes.c.person_id == person_id, recovery_codes.c.used_ns.is_(None))
    row = transaction.execute(select(has_totp, has_passkey, has_code)).one()
    found = set()
    if row[0]:
        found.add(SecondFactor.TOTP)
    if row[1]:
        found.add(SecondFactor.PASSKEY)
    if found and row[2]:  # recovery codes are for those who lost one of the others
        found.add(SecondFactor.RECOVERY_CODE)
    return frozenset(found)


def put_recovery_codes(
    transaction: Connection, person_id: str, code_hashes: Iterable[str], now_ns: int
) -> None:
    """Put these in the place of all that a person has."""
    remove_recovery_codes(transaction, person_id)
    transaction.execute(
        insert(recovery_codes),
        [
            {
                "id": token_hex(16),
                "person_id": person_id,
                "code_hash": code_hash,
                "created_ns": now_ns,
                "used_ns": None,
            }
            for code_hash in code_hashes
        ],
    )


def remove_recovery_codes(transaction: Connection, person_id: str) -> None:
    """Forget all recovery codes of a person."""
    transaction.execute(delete(recovery_codes).where(recovery_codes.c.person_id == person_id))


def use_recovery_code(transaction: Connection, person_id: str, code_hash: str, now_ns: int) -> bool:
    """Use up a recovery code; false if it is none, or was used."""
    used = transaction.execute(
        update(recovery_codes)
        .where(
            recovery_codes.c.person_id == person_id,
            recovery_codes.c.code_hash == code_hash,
            recovery_codes.c.used_ns.is_(None),
        )
        .values(used_ns=now_ns)
    )
    return used.rowcount == 1


def recovery_codes_left(transaction: Connection, person_id: str) -> int:
    """Count unused recovery codes."""
    query = (
        select(func.count())
        .select_from(recovery_codes)
        .where(recovery_codes.c.person_id == person_id, recovery_codes.c.used_ns.is_(None))
    )
    return transaction.execute(query).scalar_one()


def any_left(transaction: Connection, person_id: str) -> bool:
    """Tell whether a person has TOTP or a passkey."""
    has_totp = exists().where(totp.c.person_id == person_id, totp.c.confirmed_ns.is_not(None))
    has_passkey = exists().where(passkeys.c.person_id == person_id)
    return bool(transaction.execute(select(or_(has_totp, has_passkey))).scalar_one())
