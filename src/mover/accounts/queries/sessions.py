"""Sessions and the devices that are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from mover.accounts.actor import Role
from mover.accounts.queries.people import PERSON, person_of
from mover.accounts.records import Method, Person, SecondFactor, Session
from mover.accounts.tables import (
    known_devices,
    memberships,
    organisations,
    people,
    sessions,
    single_sign_on,
)


@dataclass(frozen=True)
class Standing:
    """All that decides what a session may do now.

    `role` is None if the person does not belong to the session's organisation (any more), or it was deleted.
    """

    session: Session
    person: Person
    role: Role | None
    second_factor_required: bool
    single_sign_on_required: bool


def add(transaction: Connection, session: Session, token_hash: str) -> None:
    """Keep a new session."""
    transaction.execute(insert(sessions), msgspec.structs.asdict(session) | {"token_hash": token_hash})


def standing(transaction: Connection, token_hash: str, now_ns: int, idle_ns: int) -> Standing | None:
    """Find a session that has not expired, with what it may do."""
    query = (
        select(*PERSON)
        .add_columns(*(column.label(f"session_{column.name}") for column in sessions.c))
        .add_columns(
            memberships.c.role,
            organisations.c.id.label("living_organisation_id"),
            organisations.c.second_factor_required,
            single_sign_on.c.required.label("single_sign_on_required"),
        )
        .select_from(sessions)
        .join(people, people.c.id == sessions.c.person_id)
        .outerjoin(
            memberships,
            and_(
                memberships.c.person_id == sessions.c.person_id,
                memberships.c.organisation_id == sessions.c.organisation_id,
            ),
        )
        .outerjoin(
            organisations,
            and_(organisations.c.id == sessions.c.organisation_id, organisations.c.deleted_ns.is_(None)),
        )
        .outerjoin(single_sign_on, single_sign_on.c.organisation_id == sessions.c.organisation_id)
        .where(
            sessions.c.token_hash == token_hash,
            sessions.c.expires_ns > now_ns,
            sessions.c.last_seen_ns > now_ns - idle_ns,
        )
    )
    row = transaction.execute(query).one_or_none()
    if row is None:
        return None
    belongs = row.role is not None and row.living_organisation_id is not None
    return Standing(
        session=_session(row, "session_"),
        person=person_of(row),
        role=Role(row.role) if belongs else None,
        second_factor_required=bool(row.second_factor_required),
        single_sign_on_required=bool(row.single_sign_on_required),
    )


def seen(transaction: Connection, session_id: str, now_ns: int, before_ns: int) -> None:
    """Note that a session was used, unless that was noted since `before_ns`."""
    transaction.execute(
        update(sessions)
        .where(sessions.c.id == session_id, sessions.c.last_seen_ns < before_ns)
        .values(last_seen_ns=now_ns)
    )


def change(transaction: Connection, session_id: str, **values: Any) -> bool:
    """Change columns of a session; false if it has ended."""
    changed = transaction.execute(update(sessions).where(sessions.c.id == session_id).values(**values))
    return changed.rowcount == 1


def of_person(transaction: Connection, person_id: str, now_ns: int, idle_ns: int) -> list[Session]:
    """List a person's sessions that have not expired, the one used last first."""
    query = (
        select(sessions)
        .where(
            sessions.c.person_id == person_id,
            sessions.c.expires_ns > now_ns,
            sessions.c.last_seen_ns > now_ns - idle_ns,
        )
        .order_by(sessions.c.last_seen_ns.desc(), sessions.c.id)
    )
    return [_session(row) for row in transaction.execute(query)]


def remove(transaction: Connection, person_id: str, session_id: str) -> bool:
    """End one of a person's sessions; false if there is none of that id."""
    gone = transaction.execute(
        delete(sessions).where(sessions.c.id == session_id, sessions.c.person_id == person_id)
    )
    return gone.rowcount == 1


def remove_of_person(
    transaction: Connection, person_id: str, *, organisation_id: str | None = None, but: str | None = None
) -> int:
    """End a person's sessions, in one organisation or in all, except `but`; returns how many."""
    statement = delete(sessions).where(sessions.c.person_id == person_id)
    if organisation_id is not None:
        statement = statement.where(sessions.c.organisation_id == organisation_id)
    if but is not None:
        statement = statement.where(sessions.c.id != but)
    return transaction.execute(statement).rowcount


def end_oldest(transaction: Connection, begins: Session, *, keep: int) -> None:
    """End all but `keep` sessions of the person, those that were not used for longest.

    Those that came by an organisation's provider are counted apart: it must not be able to end any others.
    """
    mine = [sessions.c.person_id == begins.person_id]
    if begins.method is Method.SINGLE_SIGN_ON:
        mine += [
            sessions.c.method == Method.SINGLE_SIGN_ON.value,
            sessions.c.organisation_id == begins.organisation_id,
        ]
    else:
        mine.append(sessions.c.method != Method.SINGLE_SIGN_ON.value)
    newest = select(sessions.c.id).where(*mine).order_by(sessions.c.last_seen_ns.desc(), sessions.c.id)
    kept = newest.limit(keep).scalar_subquery()
    transaction.execute(delete(sessions).where(*mine, sessions.c.id.not_in(kept)))


def remove_by_method(transaction: Connection, organisation_id: str, method: Method) -> int:
    """End the sessions in an organisation that were begun one way."""
    statement = delete(sessions).where(
        sessions.c.organisation_id == organisation_id, sessions.c.method == method.value
    )
    return transaction.execute(statement).rowcount


def last_organisation(transaction: Connection, person_id: str) -> str | None:
    """Name the organisation of the person's session that was used last, if it still belongs there."""
    query = (
        select(sessions.c.organisation_id)
        .join(organisations, organisations.c.id == sessions.c.organisation_id)
        .join(
            memberships,
            and_(
                memberships.c.organisation_id == sessions.c.organisation_id,
                memberships.c.person_id == sessions.c.person_id,
            ),
        )
        .where(
            sessions.c.person_id == person_id,
            sessions.c.method != Method.SINGLE_SIGN_ON.value,
            organisations.c.deleted_ns.is_(None),
        )
        .order_by(sessions.c.last_seen_ns.desc())
        .limit(1)
    )
    return transaction.execute(query).scalar_one_or_none()


def add_device(transaction: Connection, device_id: str, token_hash: str, person_id: str, now_ns: int) -> None:
    """Know a browser from now on."""
    transaction.execute(
        insert(known_devices),
        {
            "id": device_id,
            "token_hash": token_hash,
            "person_id": person_id,
            "created_ns": now_ns,
            "last_used_ns": now_ns,
        },
    )


def known_device(transaction: Connection, token_hash: str, person_id: str) -> str | None:
    """Find a browser in which a person has signed in before; returns its id."""
    query = select(known_devices.c.id).where(
        known_devices.c.token_hash == token_hash, known_devices.c.person_id == person_id
    )
    return transaction.execute(query).scalar_one_or_none()


def device_used(transaction: Connection, device_id: str, now_ns: int) -> None:
    """Note that a known browser was used."""
    transaction.execute(
        update(known_devices).where(known_devices.c.id == device_id).values(last_used_ns=now_ns)
    )


def forget_oldest_devices(transaction: Connection, person_id: str, *, keep: int) -> None:
    """Know only `keep` browsers of a person any more, those that were used last."""
    mine = known_devices.c.person_id == person_id
    newest = (
        select(known_devices.c.id)
        .where(mine)
        .order_by(known_devices.c.last_used_ns.desc(), known_devices.c.id)
        .limit(keep)
    )
    transaction.execute(
        delete(known_devices).where(mine, known_devices.c.id.not_in(newest.scalar_subquery()))
    )


def remove_devices(transaction: Connection, person_id: str) -> None:
    """Know no browser of a person any more."""
    transaction.execute(delete(known_devices).where(known_devices.c.person_id == person_id))


def _session(row: Row[Any], prefix: str = "") -> Session:
    values = {name: getattr(row, prefix + name) for name in Session.__struct_fields__}
    factor = values["second_factor"]
    values["method"] = Method(values["method"])
    values["second_factor"] = None if factor is None else SecondFactor(factor)
    return Session(**values)
