"""Sessions: a random token with the browser, its SHA-256 in the database."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from secrets import token_hex

import msgspec
from sqlalchemy import Connection

from mover.accounts.actor import Actor, ActorKind
from mover.accounts.audit import Action, Auditor
from mover.accounts.queries import organisations, people
from mover.accounts.queries import sessions as queries
from mover.accounts.queries.sessions import Standing
from mover.accounts.records import (
    Client,
    Entrance,
    Method,
    Requirement,
    SecondFactor,
    Session,
    SignedIn,
    csrf_token,
)
from mover.accounts.refusals import MayNot, NoSuchThing, RecentSignInNeeded, SignInRefused
from mover.accounts.tokens import hashed, new_token
from mover.database.database import Database
from mover.errors import one_line
from mover.vault.secret import Secret

MOST_SESSIONS = 50
"""Of a person; also known browsers. Each costs a row, and may hold streams open."""

_SECOND_NS = 1_000_000_000
_SEEN_EVERY_NS = 60 * _SECOND_NS
_LONGEST_DEVICE = 200
_LONGEST_ADDRESS = 45
_NOT_SIGNED_IN = "you are not signed in, or not any more"


@dataclass(frozen=True)
class NewSession:
    """A session that is about to begin: made before the transaction that keeps it, so that this may run twice."""

    token: Secret = field(repr=False)
    session: Session
    device_id: str
    device_token: Secret = field(repr=False)

    def of_person(self, person_id: str) -> NewSession:
        """The same session, of another person."""
        return replace(self, session=msgspec.structs.replace(self.session, person_id=person_id))

    def with_second_factor(self, factor: SecondFactor) -> NewSession:
        """The same session, in which a second factor was shown now."""
        session = msgspec.structs.replace(
            self.session, second_factor=factor, second_factor_ns=self.session.signed_in_ns
        )
        return replace(self, session=session)


class Sessions:
    """All sessions. What a session may do is read anew with every request.

    Args:
        database: Where they are.
        auditor: Keeps what happened.
        idle_s: Ends when unused for so long.
        absolute_s: Ends so long after the sign-in, whatever happens.
        recent_s: For how long a sign-in counts as recent.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        auditor: Auditor,
        *,
        idle_s: float = 12 * 3600,
        absolute_s: float = 7 * 24 * 3600,
        recent_s: float = 10 * 60,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._auditor = auditor
        self._idle_ns = int(idle_s * _SECOND_NS)
        self._absolute_ns = int(absolute_s * _SECOND_NS)
        self._recent_ns = int(recent_s * _SECOND_NS)
        self._now = now

    async def find(self, token: Secret, *, used: bool = True) -> SignedIn:
        """Find who a token belongs to, and note that it was used (written at most once a minute).

        Not `used` is what a page does by itself while nobody need be there: that keeps no session alive.

        Raises SignInFailed: unknown, expired or revoked, in the same words.
        """
        now_ns = self._now_ns()
        found = await self._database.read(
            lambda transaction: queries.standing(transaction, hashed(token), now_ns, self._idle_ns)
        )
        if found is None:
            raise SignInRefused(_NOT_SIGNED_IN)
        before_ns = now_ns - _SEEN_EVERY_NS
        if used and found.session.last_seen_ns < before_ns:
            await self._database.write(
                lambda transaction: queries.seen(transaction, found.session.id, now_ns, before_ns)
            )
        return _signed_in(found, token)

    def require_recent(self, signed_in: SignedIn) -> None:
        """Raise PermissionDenied unless the person showed who they are in the last minutes; for dangerous acts."""
        if signed_in.session.signed_in_ns < self._now_ns() - self._recent_ns:
            raise RecentSignInNeeded("for this, show again that it is you: your sign-in is some time ago")

    async def switch(self, signed_in: SignedIn, organisation_id: str, client: Client) -> Entrance:
        """Go on in another organisation of the same person, with a new token; the old one ends.

        Raises NotFound, PermissionDenied (a session of single sign-on stays in its organisation).
        """
        require_own_credentials(signed_in)
        old = signed_in.session
        new = self.prepare(
            old.person_id,
            client,
            old.method,
            second_factor=old.second_factor,
            organisation_id=organisation_id,
            going_on_from=old,
        )

        def go_over(transaction: Connection) -> None:
            organisation = organisations.find(transaction, organisation_id)
            if organisation is None or not organisations.role_of(transaction, organisation_id, old.person_id):
                raise NoSuchThing("there is no such organisation")
            self.replace(transaction, old, new)

        await self._database.write(go_over)
        return await self.entrance(new, device=None)

    async def all(self, signed_in: SignedIn) -> list[Session]:
        """List the person's sessions, the one used last first; only the present one if it is of single sign-on."""
        if signed_in.session.method is Method.SINGLE_SIGN_ON:
            return [signed_in.session]
        now_ns = self._now_ns()
        return await self._database.read(
            lambda transaction: queries.of_person(transaction, signed_in.person.id, now_ns, self._idle_ns)
        )

    async def end(self, signed_in: SignedIn) -> None:
        """Sign out."""
        now_ns = self._now_ns()

        def end(transaction: Connection) -> None:
            if queries.remove(transaction, signed_in.person.id, signed_in.session.id):
                self._auditor.record(
                    transaction,
                    signed_in.actor,
                    Action.SIGNED_OUT,
                    f"person {signed_in.person.email}",
                    now_ns=now_ns,
                )

        await self._database.write(end)

    async def revoke(self, signed_in: SignedIn, session_id: str) -> None:
        """End one of the person's sessions. Raises NotFound; PermissionDenied for another one than its own in a session of single sign-on."""
        if session_id != signed_in.session.id:
            require_own_credentials(signed_in)
        now_ns = self._now_ns()

        def revoke(transaction: Connection) -> None:
            if not queries.remove(transaction, signed_in.person.id, session_id):
                raise NoSuchThing("there is no such session")
            self._auditor.record(
                transaction,
                signed_in.actor,
                Action.SESSION_REVOKED,
                f"session of {signed_in.person.email}",
                now_ns=now_ns,
            )

        await self._database.write(revoke)

    async def revoke_others(self, signed_in: SignedIn) -> int:
        """End all of the person's sessions but this one; returns how many. Raises PermissionDenied (single sign-on)."""
        require_own_credentials(signed_in)
        now_ns = self._now_ns()

        def revoke(transaction: Connection) -> int:
            ended = queries.remove_of_person(transaction, signed_in.person.id, but=signed_in.session.id)
            if ended:
                self._auditor.record(
                    transaction,
                    signed_in.actor,
                    Action.SESSION_REVOKED,
                    f"all other sessions of {signed_in.person.email}",
                    now_ns=now_ns,
                )
            return ended

        return await self._database.write(revoke)

    def prepare(
        self,
        person_id: str,
        client: Client,
        method: Method,
        *,
        second_factor: SecondFactor | None = None,
        organisation_id: str | None = None,
        going_on_from: Session | None = None,
    ) -> NewSession:
        """Make a session that is to begin, for the services that let people in.

        With `going_on_from` nothing was shown anew: times of signing in and expiry are those of that session.
        """
        now_ns = self._now_ns()
        old = going_on_from
        factor_ns = old.second_factor_ns if old else (now_ns if second_factor else None)
        session = Session(
            id=token_hex(16),
            person_id=person_id,
            organisation_id=organisation_id,
            method=method,
            second_factor=second_factor,
            second_factor_ns=factor_ns,
            address=one_line(client.address, limit=_LONGEST_ADDRESS),
            device=one_line(client.device, limit=_LONGEST_DEVICE),
            created_ns=old.created_ns if old else now_ns,
            signed_in_ns=old.signed_in_ns if old else now_ns,
            last_seen_ns=now_ns,
            expires_ns=old.expires_ns if old else now_ns + self._absolute_ns,
        )
        return NewSession(new_token(), session, token_hex(16), new_token())

    def renewed(self, old: Session, client: Client) -> NewSession:
        """Make the session that takes the place of one whose person has shown again who they are."""
        new = self.prepare(
            old.person_id,
            client,
            old.method,
            second_factor=old.second_factor,
            organisation_id=old.organisation_id,
            going_on_from=old,
        )
        session = msgspec.structs.replace(new.session, signed_in_ns=new.session.last_seen_ns)
        return replace(new, session=session)

    def begin(self, transaction: Connection, new: NewSession, *, know_device: bool) -> None:
        """Keep a prepared session in the transaction that lets the person in, and write that into the audit log.

        Of very many sessions and browsers of a person those end that were not used for longest.
        Without an organisation it begins in the one that was used last, or that the person joined first.
        """
        session = new.session
        person = people.find(transaction, session.person_id)
        if person is None:
            raise SignInRefused(_NOT_SIGNED_IN)
        chosen = (
            session.organisation_id
            or queries.last_organisation(transaction, person.id)
            or organisations.joined_first(transaction, person.id)
        )
        queries.end_oldest(transaction, session, keep=MOST_SESSIONS - 1)
        queries.add(transaction, msgspec.structs.replace(session, organisation_id=chosen), hashed(new.token))
        if know_device:
            queries.forget_oldest_devices(transaction, person.id, keep=MOST_SESSIONS - 1)
            queries.add_device(
                transaction, new.device_id, hashed(new.device_token), person.id, session.created_ns
            )
        people.change(transaction, person.id, last_sign_in_ns=session.signed_in_ns)
        self._auditor.record(
            transaction,
            Actor(chosen or "", ActorKind.PERSON, person.id, person.email, frozenset()),
            Action.SIGNED_IN,
            f"person {person.email}",
            {
                "method": session.method.value,
                "second_factor": session.second_factor.value if session.second_factor else "none",
                "address": session.address,
            },
            now_ns=session.last_seen_ns,
        )

    def replace(self, transaction: Connection, old: Session, new: NewSession) -> None:
        """Put a prepared session in the place of one that still lives. Raises SignInFailed if it does not."""
        if not queries.remove(transaction, old.person_id, old.id):
            raise SignInRefused(_NOT_SIGNED_IN)
        queries.add(transaction, new.session, hashed(new.token))

    async def entrance(self, new: NewSession, *, device: Secret | None) -> Entrance:
        """Say what the browser gets once the transaction has kept the session."""
        return Entrance(new.token, await self.find(new.token), device)

    def _now_ns(self) -> int:
        return int(self._now() * _SECOND_NS)


def require_own_credentials(signed_in: SignedIn) -> None:
    """Raise PermissionDenied for a session of single sign-on.

    An organisation's provider vouches for a person in that organisation. If such a session could change what the person
    signs in with, or go over to another organisation, every provider could take over every account.
    """
    if signed_in.session.method is Method.SINGLE_SIGN_ON:
        raise MayNot(
            "you came in through your organisation's sign-in, which is good for that organisation only; "
            "sign in with your own password or passkey for this"
        )


def _signed_in(found: Standing, token: Secret) -> SignedIn:
    requirement = _requirement(found)
    allowed = found.role.permissions if found.role and requirement is None else frozenset()
    actor = Actor(
        found.session.organisation_id or "", ActorKind.PERSON, found.person.id, found.person.email, allowed
    )
    return SignedIn(found.session, found.person, actor, requirement, csrf_token(token, found.session.id))


def _requirement(found: Standing) -> Requirement | None:
    by_provider = found.session.method is Method.SINGLE_SIGN_ON
    if found.role is None:
        return Requirement.ORGANISATION
    if found.single_sign_on_required and not by_provider and not found.role.is_owner:
        return Requirement.SINGLE_SIGN_ON
    if found.second_factor_required and not by_provider and found.session.second_factor is None:
        return Requirement.SECOND_FACTOR  # the organisation's own provider asks for one by itself
    return None
