"""Using what was approved: each look is kept before it is taken, and each act before it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from mover.accounts.actor import Actor, ActorKind, Permission
from mover.accounts.audit import Action, Auditor
from mover.accounts.refusals import NoSuchThing
from mover.database.database import Database
from mover.staff.queries import exceptions as queries
from mover.staff.records import STAFF_LOG, RequestKind, Scope, StaffMember
from mover.staff.requests import NotApproved, Requests


@dataclass(frozen=True, kw_only=True)
class Target:
    """What of an organisation is to be looked at in full, or acted upon: exactly one of these."""

    migration_id: str | None = None
    pair_id: int | None = None
    connection_id: str | None = None
    person_id: str | None = None


class Exceptions:
    """The one place that makes an actor with permissions of somebody of the staff, and the one that keeps their looks.

    Args:
        database: Where requests and the audit log are.
        requests: Say what stands.
        auditor: Keeps what happened.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        requests: Requests,
        auditor: Auditor,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._requests = requests
        self._auditor = auditor
        self._now = now

    async def use(self, staff: StaffMember, organisation_id: str, target: Target, what: str) -> Actor:
        """Keep a look or an act in the organisation's audit log, and return who does it there: it may READ and RUN.

        Args:
            staff: Who.
            organisation_id: Where.
            target: What of it; the approved scope has to cover it.
            what: `pair in full`, `pause`: for the audit log.

        Raises PermissionDenied (`NotApproved`), NotFound (no such thing in this organisation).
        """
        proof = await self._requests.proof()

        def use(transaction: Connection) -> None:
            standing = self._requests.expect_exception(
                transaction, staff, organisation_id, RequestKind.BREAK_GLASS, proof
            )
            place = _place(transaction, organisation_id, target)
            request = next((one for one in standing if _covers(one.scope, place)), None)
            if request is None:
                raise NotApproved("what was approved for you here does not cover this")
            self._requests.record_use(transaction, staff, request, what, on=place.words)

        await self._database.write(use)
        return Actor(
            organisation_id,
            ActorKind.STAFF,
            staff.id,
            staff.email,
            frozenset({Permission.READ, Permission.RUN}),
        )

    async def looked(
        self,
        staff: StaffMember,
        organisation_id: str | None,
        what: str,
        details: Mapping[str, str] | None = None,
    ) -> None:
        """Keep that somebody looked at metadata: of an organisation, or (None) of the installation as a whole."""
        await self._database.write(
            lambda transaction: self._auditor.record(
                transaction,
                staff.actor(organisation_id or STAFF_LOG),
                Action.STAFF_LOOKED,
                what,
                details,
                now_ns=int(self._now() * 1e9),
            )
        )


@dataclass(frozen=True)
class _Place:
    """Where a target is, for comparing it with a scope."""

    words: str
    pair_id: str | None = None
    connections: frozenset[str] = frozenset()
    person_id: str | None = None


def _place(transaction: Connection, organisation_id: str, target: Target) -> _Place:
    match target:
        case Target(migration_id=str(migration_id)):
            between = queries.connections_of_migration(transaction, organisation_id, migration_id)
            place = _Place(f"migration {migration_id}", connections=between) if between else None
        case Target(pair_id=int(pair_id)):
            between = queries.connections_of_pair(transaction, organisation_id, pair_id)
            place = _Place(f"pair {pair_id}", str(pair_id), between) if between else None
        case Target(connection_id=str(connection_id)):
            there = queries.has_connection(transaction, organisation_id, connection_id)
            one = frozenset({connection_id})
            place = _Place(f"connection {connection_id}", connections=one) if there else None
        case Target(person_id=str(person_id)):
            there = queries.has_person(transaction, organisation_id, person_id)
            place = _Place(f"person {person_id}", person_id=person_id) if there else None
        case _:
            place = None
    if place is None:
        raise NoSuchThing("there is no such thing in this organisation")
    return place


def _covers(scope: Scope, place: _Place) -> bool:
    """Each part that a scope names has to fit; one that names none covers the whole organisation."""
    if scope.from_ns is not None or scope.until_ns is not None:
        return False  # what is looked at here has no period
    return (
        (scope.pair_id is None or scope.pair_id == place.pair_id)
        and (scope.connection_id is None or scope.connection_id in place.connections)
        and (scope.person_id is None or scope.person_id == place.person_id)
    )
