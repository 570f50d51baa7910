"""Requests and their approvals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, cast, delete, exists, insert, select, update
from sqlalchemy import String as Text_

from mover.accounts.actor import Role
from mover.accounts.tables import memberships, organisations
from mover.connections.tables import connections
from mover.database.removal import remove_some
from mover.migrations.tables import migration_pairs
from mover.staff.records import Approval, Request, RequestKind, RequestState, Scope
from mover.staff.tables import staff_approvals, staff_requests

_r = staff_requests.c
_a = staff_approvals.c


def add(transaction: Connection, request: Request) -> None:
    """Keep a new request."""
    scope = request.scope
    transaction.execute(
        insert(staff_requests),
        {
            "id": request.id,
            "kind": request.kind.value,
            "organisation_id": scope.organisation_id,
            "organisation_name": request.organisation_name,
            "person_id": scope.person_id,
            "connection_id": scope.connection_id,
            "pair_id": scope.pair_id,
            "from_ns": scope.from_ns,
            "until_ns": scope.until_ns,
            "reason": request.reason,
            "case_name": request.case,
            "asked_by": request.asked_by,
            "asked_by_email": request.asked_by_email,
            "asked_ns": request.asked_ns,
            "expires_ns": request.expires_ns,
            "state": request.state.value,
            "bound": request.bound or None,
            "ended_why": "",
        },
    )


def find(transaction: Connection, request_id: str) -> Request | None:
    """Find a request with its approvals."""
    row = transaction.execute(select(staff_requests).where(_r.id == request_id)).one_or_none()
    return None if row is None else _with_approvals(transaction, [row])[0]


def lock(transaction: Connection, request_id: str) -> Request | None:
    """Find a request, and keep others from changing it until the transaction ends."""
    query = select(_r.id).where(_r.id == request_id).with_for_update()
    if transaction.execute(query).one_or_none() is None:
        return None
    return find(transaction, request_id)


def newest(transaction: Connection, *, organisation_id: str | None, limit: int) -> list[Request]:
    """List requests, the newest first, of all organisations or one."""
    query = select(staff_requests).order_by(_r.asked_ns.desc(), _r.id).limit(limit)
    if organisation_id is not None:
        query = query.where(_r.organisation_id == organisation_id)
    return _with_approvals(transaction, transaction.execute(query).all())


def standing_of(
    transaction: Connection, staff_id: str, organisation_id: str, kind: RequestKind, now_ns: int
) -> list[Request]:
    """List what somebody asked for about an organisation, is called approved, and is not over; what lasts longest first."""
    query = (
        select(staff_requests)
        .where(
            _r.asked_by == staff_id,
            _r.organisation_id == organisation_id,
            _r.kind == kind.value,
            _r.state == RequestState.APPROVED.value,
            _r.expires_ns > now_ns,
        )
        .order_by(_r.expires_ns.desc(), _r.id)
    )
    return _with_approvals(transaction, transaction.execute(query).all())


def undisclosed(transaction: Connection, now_ns: int, limit: int) -> list[Request]:
    """List what organisations may know by now and have not been told."""
    query = (
        select(staff_requests)
        .where(_r.disclosed_ns <= now_ns, _r.told_ns.is_(None))
        .order_by(_r.disclosed_ns, _r.id)
        .limit(limit)
    )
    return _with_approvals(transaction, transaction.execute(query).all())


def approve(transaction: Connection, request_id: str, approval: Approval) -> None:
    """Keep an approval; each person's once, which the table's key sees to."""
    transaction.execute(
        insert(staff_approvals),
        {
            "request_id": request_id,
            "staff_id": approval.staff_id,
            "email": approval.email,
            "approved_ns": approval.approved_ns,
            "signature": approval.signature,
        },
    )


def remove_approval(transaction: Connection, request_id: str, staff_id: str) -> None:
    """Remove what stands in the place of somebody's approval."""
    transaction.execute(delete(staff_approvals).where(_a.request_id == request_id, _a.staff_id == staff_id))


def void_approvals(transaction: Connection, request_id: str) -> None:
    """Take the signatures from a request's approvals: who gave them stays, and they count no more."""
    transaction.execute(update(staff_approvals).where(_a.request_id == request_id).values(signature=None))


def change(transaction: Connection, request_id: str, **values: Any) -> None:
    """Change columns of a request."""
    transaction.execute(update(staff_requests).where(_r.id == request_id).values(**values))


def open_of(transaction: Connection, staff_id: str) -> list[Request]:
    """List what somebody asked for that is not over."""
    ended = [state.value for state in RequestState if state.is_over]
    query = select(staff_requests).where(_r.asked_by == staff_id, _r.state.not_in(ended)).order_by(_r.id)
    return _with_approvals(transaction, transaction.execute(query).all())


def forget_open_approvals(transaction: Connection, staff_id: str) -> int:
    """Take back what somebody approved that waits for others still; returns how many."""
    waiting = select(_r.id).where(_r.state == RequestState.OPEN.value)
    gone = transaction.execute(
        delete(staff_approvals).where(_a.staff_id == staff_id, _a.request_id.in_(waiting.scalar_subquery()))
    )
    return gone.rowcount


def missing_part(transaction: Connection, scope: Scope) -> str | None:
    """Say what of a scope is not in its organisation (`person`, `connection`, `pair`); None if all of it is."""
    there = {
        "person": scope.person_id is None
        or exists().where(
            memberships.c.organisation_id == scope.organisation_id, memberships.c.person_id == scope.person_id
        ),
        "connection": scope.connection_id is None
        or exists().where(
            connections.c.person == f"organisation:{scope.organisation_id}",
            connections.c.id == scope.connection_id,
        ),
        "pair": scope.pair_id is None
        or exists().where(
            migration_pairs.c.organisation_id == scope.organisation_id,
            cast(migration_pairs.c.id, Text_) == scope.pair_id,
        ),
    }
    for part, found in there.items():
        if found is not True and not transaction.execute(select(found)).scalar_one():
            return part
    return None


def organisation_name(transaction: Connection, organisation_id: str) -> str | None:
    """Tell the name of an organisation that was not deleted."""
    query = select(organisations.c.name).where(
        organisations.c.id == organisation_id, organisations.c.deleted_ns.is_(None)
    )
    return transaction.execute(query).scalar_one_or_none()


def owners(transaction: Connection, organisation_id: str) -> list[str]:
    """List the ids of an organisation's owners."""
    query = select(memberships.c.person_id).where(
        memberships.c.organisation_id == organisation_id, memberships.c.role == Role.OWNER.value
    )
    return list(transaction.scalars(query.order_by(memberships.c.person_id)))


def remove_organisation(transaction: Connection, organisation_id: str, limit: int) -> int:
    """Remove at most `limit` requests about a deleted organisation. Those for a legal export stay: they are owed to the law."""
    of_it = (_r.organisation_id == organisation_id) & (_r.kind != RequestKind.LEGAL_EXPORT.value)
    return remove_some(transaction, staff_requests, of_it, limit)


def _with_approvals(transaction: Connection, rows: Sequence[Row[Any]]) -> list[Request]:
    approvals: dict[str, list[Approval]] = {row.id: [] for row in rows}
    if rows:
        query = select(staff_approvals).where(_a.request_id.in_(list(approvals)))
        for row in transaction.execute(query.order_by(_a.approved_ns, _a.email, _a.staff_id)):
            approvals[row.request_id].append(_approval(row))
    return [_request(row, tuple(approvals[row.id])) for row in rows]


def _approval(row: Row[Any]) -> Approval:
    return Approval(row.staff_id, row.email, row.approved_ns, row.signature or "")


def _request(row: Row[Any], approvals: tuple[Approval, ...]) -> Request:
    return Request(
        id=row.id,
        kind=RequestKind(row.kind),
        scope=Scope(
            organisation_id=row.organisation_id,
            person_id=row.person_id,
            connection_id=row.connection_id,
            pair_id=row.pair_id,
            from_ns=row.from_ns,
            until_ns=row.until_ns,
        ),
        organisation_name=row.organisation_name,
        reason=row.reason,
        case=row.case_name,
        asked_by=row.asked_by,
        asked_by_email=row.asked_by_email,
        asked_ns=row.asked_ns,
        expires_ns=row.expires_ns,
        state=RequestState(row.state),
        bound=row.bound or "",
        approvals=approvals,
        approved_ns=row.approved_ns,
        ended_by_email=row.ended_by_email,
        ended_ns=row.ended_ns,
        ended_why=row.ended_why,
        disclosed_ns=row.disclosed_ns,
        told_ns=row.told_ns,
    )
