"""Signing in with a password, and with a second factor after it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from mover.accounts.actor import Actor, ActorKind
from mover.accounts.attempts import (
    Attempts,
    Limit,
    account_limit,
    address_limit,
    device_limit,
    person_limit,
    succeeded,
)
from mover.accounts.audit import Action, Auditor
from mover.accounts.audit_log import nobody
from mover.accounts.passwords import Passwords
from mover.accounts.queries import organisations, people, second_factors, tickets
from mover.accounts.queries import sessions as session_queries
from mover.accounts.queries.people import Credentials
from mover.accounts.queries.tickets import Ticket
from mover.accounts.records import Client, Entrance, Method, Person, SecondFactorNeeded, SignedIn
from mover.accounts.refusals import SignInRefused
from mover.accounts.second_factors import SecondFactors
from mover.accounts.sessions import Sessions, require_own_credentials
from mover.accounts.tickets import NewTicket, Purpose, new_ticket
from mover.accounts.tokens import hashed
from mover.accounts.typed import email_address
from mover.database.database import Database
from mover.errors import InvalidConfiguration
from mover.vault.secret import Secret

_WRONG = "the address or the password is wrong"
_WRONG_CODE = "the code is wrong, was used before, or is too old"
_BEGIN_AGAIN = "this sign-in took too long or had too many wrong codes; begin again"
_CODES_FOR_A_TICKET = 5
_FREE_FOR_AN_ADDRESS = 30


@dataclass(frozen=True)
class _Counted:
    """What an attempt was counted under: `own` of the person, `shared` of the network."""

    own: tuple[Limit, ...]
    shared: tuple[Limit, ...]
    device_id: str | None


class SignIn:
    """The way in for people with a password; passkeys alone are in `Passkeys`, single sign-on in `SingleSignOn`."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        sessions: Sessions,
        second_factors: SecondFactors,
        attempts: Attempts,
        auditor: Auditor,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._sessions = sessions
        self._second_factors = second_factors
        self._attempts = attempts
        self._auditor = auditor
        self._now = now

    async def with_password(
        self, email: str, password: Secret, client: Client, *, device: Secret | None = None
    ) -> Entrance | SecondFactorNeeded:
        """Sign in, or get half-way if the person has a second factor.

        Args:
            email: In any case.
            password: As typed.
            client: Where the request comes from.
            device: The known-device cookie, if the browser has one.

        Raises SignInFailed (the same words for an unknown address and a wrong password), Throttled.
        """
        try:
            spelled = email_address(email)
        except InvalidConfiguration:
            spelled = ""
        found, device_id = await self._database.read(
            lambda transaction: _look_up(transaction, spelled, device)
        )
        counted = _limits(spelled, device_id, client)
        await self._attempts.begin(*counted.own, *counted.shared)
        stored = found.password_hash if found else None
        if not await self._passwords.verify(password, stored) or found is None or stored is None:
            await self._note_failure(found, spelled, client)
            raise SignInRefused(_WRONG)
        anew = await self._passwords.hash(password) if self._passwords.outdated(stored) else None
        return await self._let_in(found.person, client, counted, stored, anew)

    async def with_code(self, ticket: Secret, code: str, client: Client) -> Entrance:
        """Finish with a TOTP or recovery code. Raises SignInFailed, Throttled. The ticket lives for five wrong codes."""
        begun = await self._database.write(lambda transaction: self._count_code(transaction, hashed(ticket)))
        if begun is None or begun.person_id is None:
            raise SignInRefused(_BEGIN_AGAIN)
        person_id = begun.person_id
        limit = person_limit("code", person_id, free=20)
        await self._attempts.begin(limit)
        ready = await self._second_factors.ready(person_id, code)
        new = self._sessions.prepare(person_id, client, Method.PASSWORD)
        know_device = begun.details.get("device_id") is None

        def let_in(transaction: Connection) -> bool:
            person = people.find(transaction, person_id)
            if person is None:
                return False
            factor = self._second_factors.use(transaction, ready, _as_person(transaction, person))
            if factor is None:
                return False
            if tickets.take(transaction, hashed(ticket), Purpose.SECOND_FACTOR, self._now_ns()) is None:
                raise SignInRefused(_BEGIN_AGAIN)
            succeeded(transaction, [limit])
            self._sessions.begin(transaction, new.with_second_factor(factor), know_device=know_device)
            return True

        if not await self._database.write(let_in):
            await self._database.write(
                lambda transaction: self._record_failure(transaction, person_id, client)
            )
            raise SignInRefused(_WRONG_CODE)
        return await self._sessions.entrance(new, device=new.device_token if know_device else None)

    async def confirm(
        self, signed_in: SignedIn, client: Client, *, password: Secret | None = None, code: str | None = None
    ) -> Entrance:
        """Show again who sits there, for a dangerous act: the password, and a code if the person has a second factor.

        The session goes on with a new token. Whoever has no password confirms with a passkey: `Passkeys.finish_confirm`.
        Raises SignInFailed, Throttled, PermissionDenied (a session of single sign-on).
        """
        require_own_credentials(signed_in)
        person = signed_in.person
        limit = person_limit("confirm", person.id, free=5)
        await self._attempts.begin(limit)
        stored = await self._database.read(lambda transaction: people.credentials(transaction, person.id))
        given = password if password is not None else Secret("")
        if not await self._passwords.verify(given, stored.password_hash if stored else None):
            raise SignInRefused("the password is wrong")
        ready = await self._second_factors.ready(person.id, code) if code is not None else None
        old = signed_in.session
        new = self._sessions.renewed(old, client)

        def go_on(transaction: Connection) -> bool:
            going_on = new
            if second_factors.any_left(transaction, person.id):
                factor = self._second_factors.use(transaction, ready, signed_in.actor) if ready else None
                if factor is None:
                    return False
                going_on = new.with_second_factor(factor)
            self._sessions.replace(transaction, old, going_on)
            succeeded(transaction, [limit])
            return True

        if not await self._database.write(go_on):
            raise SignInRefused(_WRONG_CODE)
        return await self._sessions.entrance(new, device=None)

    async def _let_in(
        self, person: Person, client: Client, counted: _Counted, stored: str, anew: str | None
    ) -> Entrance | SecondFactorNeeded:
        new = self._sessions.prepare(person.id, client, Method.PASSWORD)
        know_device = counted.device_id is None
        waiting = new_ticket(
            Purpose.SECOND_FACTOR,
            self._now_ns(),
            person_id=person.id,
            details={"codes": 0, "device_id": counted.device_id},
        )

        def let_in(transaction: Connection) -> NewTicket | None:
            now = people.credentials(transaction, person.id)
            if now is None or now.password_hash != stored:  # changed while it was compared
                raise SignInRefused(_WRONG)
            succeeded(transaction, counted.own, counted.shared)
            if anew is not None:
                people.change_password_if(transaction, person.id, stored, anew)
            if counted.device_id is not None:
                session_queries.device_used(transaction, counted.device_id, self._now_ns())
            if second_factors.any_left(transaction, person.id):
                tickets.add(transaction, waiting.kept)
                return waiting
            self._sessions.begin(transaction, new, know_device=know_device)
            return None

        if await self._database.write(let_in) is not None:
            ways = await self._second_factors.ways(person.id)
            return SecondFactorNeeded(waiting.token, ways, waiting.kept.expires_ns)
        return await self._sessions.entrance(new, device=new.device_token if know_device else None)

    def _count_code(self, transaction: Connection, token_hash: str) -> Ticket | None:
        """Count a code before it is looked at; the ticket ends with the one that is too many."""
        found = tickets.find(transaction, token_hash, Purpose.SECOND_FACTOR, self._now_ns())
        if found is None:
            return None
        codes = int(found.details["codes"]) + 1
        if codes > _CODES_FOR_A_TICKET:
            tickets.remove(transaction, token_hash)
            return None
        tickets.change_details(transaction, token_hash, {**found.details, "codes": codes})
        return found

    async def _note_failure(self, found: Credentials | None, spelled: str, client: Client) -> None:
        def note(transaction: Connection) -> None:
            if found is not None:
                self._record_failure(transaction, found.person.id, client)
                return
            self._auditor.record(
                transaction,
                nobody("somebody who is not known"),
                Action.SIGN_IN_FAILED,
                f"address {spelled}",
                {"address": client.address},
                now_ns=self._now_ns(),
            )

        await self._database.write(note)

    def _record_failure(self, transaction: Connection, person_id: str, client: Client) -> None:
        """Note it in every organisation of the person: all of them have reason to know."""
        person = people.find(transaction, person_id)
        if person is None:
            return
        for membership in organisations.of_person(transaction, person_id):
            self._auditor.record(
                transaction,
                nobody("somebody who did not sign in", membership.organisation_id),
                Action.SIGN_IN_FAILED,
                f"person {person.email}",
                {"address": client.address},
                now_ns=self._now_ns(),
            )

    def _now_ns(self) -> int:
        return int(self._now() * 1e9)


def _look_up(
    transaction: Connection, email: str, device: Secret | None
) -> tuple[Credentials | None, str | None]:
    found = people.by_email(transaction, email) if email else None
    if found is None or device is None:
        return found, None
    return found, session_queries.known_device(transaction, hashed(device), found.person.id)


def _limits(email: str, device_id: str | None, client: Client) -> _Counted:
    if device_id is not None:
        return _Counted((device_limit(device_id),), (), device_id)
    network = address_limit("address", client.address, free=_FREE_FOR_AN_ADDRESS)
    return _Counted((account_limit(email),), (network,), None)


def _as_person(transaction: Connection, person: Person) -> Actor:
    """The person who is about to be let in, for the audit log of the organisation that it will be."""
    organisation_id = session_queries.last_organisation(transaction, person.id) or organisations.joined_first(
        transaction, person.id
    )
    return Actor(organisation_id or "", ActorKind.PERSON, person.id, person.email, frozenset())
