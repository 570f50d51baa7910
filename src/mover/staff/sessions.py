"""Sessions of the staff: a random token with the browser, its SHA-256 in a table apart from that of people's sessions."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex

import msgspec
from sqlalchemy import Connection

from mover.accounts.audit import Action, Auditor
from mover.accounts.records import Client, csrf_token
from mover.accounts.refusals import SignInRefused
from mover.accounts.tokens import hashed, new_token
from mover.database.database import Database
from mover.errors import one_line
from mover.staff.queries import people
from mover.staff.queries import sessions as queries
from mover.staff.records import StaffEntrance, StaffMember, StaffSession, StaffSignedIn, Step
from mover.staff.seals import Seals
from mover.vault.secret import Secret
from mover.vault.vault import Vault

_SECOND_NS = 1_000_000_000
_SEEN_EVERY_NS = 60 * _SECOND_NS
_HALF_S = 10 * 60
_LONGEST_DEVICE = 200
_LONGEST_ADDRESS = 45
_NOT_SIGNED_IN = "you are not signed in, or not any more"


@dataclass(frozen=True)
class NewStaffSession:
    """A session that is about to begin: made before the transaction that keeps it, so that this may run twice."""

    token: Secret = field(repr=False)
    session: StaffSession


class StaffSessions:
    """All sessions of the staff. Who somebody is, and what they have to do first, is read anew with every request.

    Args:
        database: Where they are.
        vault: Holds the key that seals them.
        auditor: Keeps what happened, in the staff's log.
        idle_s: Ends when unused for so long.
        absolute_s: Ends so long after the sign-in, whatever happens.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        auditor: Auditor,
        *,
        idle_s: float = 3600,
        absolute_s: float = 12 * 3600,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._seals = Seals(vault)
        self._auditor = auditor
        self._idle_ns = int(idle_s * _SECOND_NS)
        self._absolute_ns = int(absolute_s * _SECOND_NS)
        self._now = now

    async def find(self, token: Secret) -> StaffSignedIn:
        """Find who a token belongs to. Raises SignInFailed: unknown, expired or ended, in the same words."""
        now_ns = self._now_ns()

        def look(transaction: Connection) -> tuple[StaffSession, StaffMember] | None:
            session = queries.find(transaction, hashed(token), now_ns, self._idle_ns)
            member = people.find(transaction, session.staff_id) if session else None
            return (session, member) if session and member else None

        found = await self._database.read(look)
        if found is None or not await self._seals.holds_session(found[0], hashed(token)):
            raise SignInRefused(_NOT_SIGNED_IN)
        session, member = found
        before_ns = now_ns - _SEEN_EVERY_NS
        if session.last_seen_ns < before_ns:
            await self._database.write(
                lambda transaction: queries.seen(transaction, session.id, now_ns, before_ns)
            )
        return StaffSignedIn(session, member, _step(session, member), csrf_token(token, session.id))

    async def prepare(self, staff_id: str, client: Client, *, second_factor: bool) -> NewStaffSession:
        """Make a session that is to begin; without a second factor it lasts ten minutes."""
        now_ns = self._now_ns()
        session = StaffSession(
            id=token_hex(16),
            staff_id=staff_id,
            second_factor_ns=now_ns if second_factor else None,
            address=one_line(client.address, limit=_LONGEST_ADDRESS),
            device=one_line(client.device, limit=_LONGEST_DEVICE),
            created_ns=now_ns,
            last_seen_ns=now_ns,
            expires_ns=now_ns + (self._absolute_ns if second_factor else _HALF_S * _SECOND_NS),
        )
        token = new_token()
        seal = await self._seals.of_session(session, hashed(token))
        return NewStaffSession(token, msgspec.structs.replace(session, seal=seal))

    def begin(self, transaction: Connection, new: NewStaffSession, *, instead_of: str | None = None) -> None:
        """Keep a prepared session, in the place of another one that has to be there still. Raises SignInFailed."""
        if instead_of is not None and not queries.remove(transaction, instead_of):
            raise SignInRefused(_NOT_SIGNED_IN)
        queries.add(transaction, new.session, hashed(new.token))

    def entered(self, transaction: Connection, new: NewStaffSession, member: StaffMember) -> None:
        """Keep in the log that somebody is in."""
        people.change(transaction, member.id, last_sign_in_ns=new.session.created_ns)
        self._auditor.record(
            transaction,
            member.actor(),
            Action.STAFF_SIGNED_IN,
            f"staff {member.email}",
            {"address": new.session.address},
            now_ns=new.session.created_ns,
        )

    async def entrance(self, new: NewStaffSession) -> StaffEntrance:
        """Say what the browser gets once the transaction has kept the session."""
        return StaffEntrance(new.token, await self.find(new.token))

    async def end(self, signed_in: StaffSignedIn) -> None:
        """Sign out."""

        def end(transaction: Connection) -> None:
            if queries.remove(transaction, signed_in.session.id):
                self._auditor.record(
                    transaction,
                    signed_in.member.actor(),
                    Action.STAFF_SIGNED_OUT,
                    f"staff {signed_in.member.email}",
                    now_ns=self._now_ns(),
                )

        await self._database.write(end)

    async def remove_expired(self, *, limit: int = 1000) -> int:
        """Remove at most so many sessions that have ended; returns how many."""
        now_ns = self._now_ns()
        return await self._database.write(
            lambda transaction: queries.remove_expired(
                transaction, now_ns, idle_ns=self._idle_ns, limit=limit
            )
        )

    def _now_ns(self) -> int:
        return int(self._now() * _SECOND_NS)


def _step(session: StaffSession, member: StaffMember) -> Step | None:
    if session.second_factor_ns is None:
        return Step.CODE if member.has_second_factor else Step.SET_UP
    return Step.NEW_PASSWORD if member.password_given else None
