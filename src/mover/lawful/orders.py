"""Orders: asked for by one of the staff, approved by two others, stopped by anybody who has doubts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from mover.accounts.refusals import NoSuchThing, NotPossible
from mover.database.database import Database
from mover.errors import InvalidConfiguration
from mover.lawful.queries import naming, removal
from mover.lawful.queries import orders as queries
from mover.lawful.recipients import read_recipients, recipients_digest
from mover.lawful.records import Order
from mover.lawful.refusals import NoSuchCase
from mover.staff.records import Request, RequestKind, Scope, StaffMember
from mover.staff.requests import Requests

_MOST_OF_A_CASE = 50
_ROWS = 500


class Orders:
    """The requests for lawful exports, with their recipients, which nobody can change: those who approve see them.

    Args:
        database: Where they are.
        requests: Asks, approves and keeps the log.
        now_ns: Nanoseconds since 1970 UTC.
    """

    def __init__(
        self, database: Database, requests: Requests, *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._database = database
        self._requests = requests
        self._now_ns = now_ns

    async def scope(
        self,
        organisation: str,
        *,
        person: str | None = None,
        connection: str | None = None,
        pair: str | None = None,
        from_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Scope:
        """Find what an order is to be about, by names, addresses or ids.

        Raises NotFound, InvalidConfiguration (several organisations of that name).
        """

        def find(transaction: Connection) -> Scope:
            found = naming.organisations_called(transaction, organisation)
            if len(found) > 1:
                raise InvalidConfiguration(
                    f"there are {len(found)} organisations of that name; give the id: {', '.join(found)}"
                )
            if not found:
                raise NoSuchThing("there is no such organisation")
            (organisation_id,) = found
            return Scope(
                organisation_id=organisation_id,
                person_id=_there(naming.person_called, transaction, organisation_id, person, "person"),
                connection_id=_there(
                    naming.connection_called, transaction, organisation_id, connection, "connection"
                ),
                pair_id=pair,
                from_ns=from_ns,
                until_ns=until_ns,
            )

        return await self._database.read(find)

    async def ask(
        self,
        staff: StaffMember,
        scope: Scope,
        reason: str,
        case: str,
        recipients: Sequence[str],
        expires_ns: int,
    ) -> Order:
        """Ask for an export. Raises as `Requests.ask`, and InvalidConfiguration for recipients that are none."""
        keys = read_recipients(recipients)

        def keep(transaction: Connection, request: Request) -> None:
            queries.add(transaction, request.id, scope.organisation_id, keys)

        asked = await self._requests.ask(
            staff,
            RequestKind.LEGAL_EXPORT,
            scope,
            reason,
            case,
            expires_ns,
            bound=recipients_digest(keys),
            along=keep,
        )
        return Order(request=asked, recipients=keys)

    async def find(self, case: str, request_id: str | None = None) -> Order:
        """Find the request of a case; `request_id` says which, where a case has several.

        Raises NoSuchCase, InvalidConfiguration (several, or asked for without recipients).
        """
        ids = await self._database.read(lambda connection: queries.of_case(connection, case, _MOST_OF_A_CASE))
        chosen = [one for one in ids if request_id in {None, one}]
        if not chosen:
            raise NoSuchCase("nobody asked for a lawful export of this case")
        if len(chosen) > 1:
            raise InvalidConfiguration(
                f"there are {len(chosen)} requests of this case; say which with --request: {', '.join(chosen)}"
            )
        return (await self._with_recipients([await self._requests.find(chosen[0])]))[0]

    async def all(self, *, limit: int = 100) -> list[Order]:
        """List them, the newest first."""
        found = await self._requests.newest(limit=limit)
        return await self._with_recipients(
            [request for request in found if request.kind is RequestKind.LEGAL_EXPORT]
        )

    async def approve(self, staff: StaffMember, order: Order) -> Order:
        """Approve what somebody else asked for, as it was shown. Raises as `Requests.approve`.

        Raises Conflict too if these recipients are not those that it was asked for with: what is signed is their digest.
        """
        if not order.is_bound:
            raise NotPossible(
                "the recipients of this request are not those that it was asked for with; refuse it, and have it asked anew"
            )
        return Order(request=await self._requests.approve(staff, order.request), recipients=order.recipients)

    async def stop(self, staff: StaffMember, order: Order, why: str) -> Order:
        """Refuse it, or withdraw one's own; what was handed over for it and not exported is removed.

        Raises as `Requests.refuse` and `Requests.withdraw`.
        """
        if staff.id == order.request.asked_by:
            ended = await self._requests.withdraw(staff, order.request.id)
        else:
            ended = await self._requests.refuse(staff, order.request.id, why)
        await self.remove_over()
        return Order(request=ended, recipients=order.recipients)

    async def remove_over(self) -> int:
        """Remove what was handed over and can be exported no more; returns how many rows. Several may at the same time."""
        return await remove_over(self._database, self._now_ns())

    async def _with_recipients(self, requests: Sequence[Request]) -> list[Order]:
        recipients = await self._database.read(
            lambda connection: queries.recipients_of(connection, [one.id for one in requests])
        )
        return [Order(request=one, recipients=recipients.get(one.id, ())) for one in requests]


def _there(
    find: Callable[[Connection, str, str], str | None],
    transaction: Connection,
    organisation_id: str,
    text: str | None,
    what: str,
) -> str | None:
    if text is None:
        return None
    found = find(transaction, organisation_id, text)
    if found is None:
        raise NoSuchThing(f"there is no such {what} in this organisation")
    return found


async def remove_over(database: Database, now_ns: int) -> int:
    """Remove what was handed over and can be exported no more, in small steps; returns how many rows."""
    removed = 0
    while some := await database.write(lambda connection: removal.remove_over(connection, now_ns, _ROWS)):
        removed += some
    if removed:
        await database.forget_removed()
    return removed
