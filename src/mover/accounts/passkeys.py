"""Passkeys (WebAuthn level 2): as the only thing needed, as a second factor, and to confirm who sits there."""

from __future__ import annotations

import time
from collections.abc import Callable
from secrets import token_bytes, token_hex

from sqlalchemy import Connection
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from mover.accounts import webauthn_answers
from mover.accounts.attempts import Attempts, address_limit
from mover.accounts.audit import Action, Auditor
from mover.accounts.queries import passkeys as queries
from mover.accounts.queries import people, second_factors, sessions, tickets
from mover.accounts.queries.passkeys import StoredPasskey
from mover.accounts.queries.tickets import Ticket
from mover.accounts.records import Ceremony, Client, Entrance, Method, Passkey, SecondFactor, SignedIn
from mover.accounts.refusals import NoSuchThing, NotPossible, SignInRefused
from mover.accounts.sessions import Sessions, require_own_credentials
from mover.accounts.site import Site
from mover.accounts.tickets import Purpose, new_ticket
from mover.accounts.tokens import hashed
from mover.accounts.typed import shown_name
from mover.database.database import Database
from mover.vault.secret import Secret

_CHALLENGE_BYTES = 32
_MOST_PASSKEYS = 30
_FREE_FOR_AN_ADDRESS = 60
_TOO_LATE = "this took too long or was answered before; begin again"
_UNKNOWN = "this passkey is not known here"


class Passkeys:
    """Passkeys of people. Challenges are kept in the database, work once, and for five minutes.

    Args:
        database: Where they are.
        sessions: Begins sessions, and says whether a sign-in is recent.
        attempts: Counts sign-ins that were begun from one network.
        auditor: Keeps what happened.
        site: Whose passkeys they are.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        attempts: Attempts,
        auditor: Auditor,
        site: Site,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._attempts = attempts
        self._auditor = auditor
        self._site = site
        self._now = now

    async def all(self, signed_in: SignedIn) -> list[Passkey]:
        """List one's own passkeys, the oldest first; none to a session of single sign-on, which they are no business of."""
        if signed_in.session.method is Method.SINGLE_SIGN_ON:
            return []
        found = await self._database.read(
            lambda transaction: queries.of_person(transaction, signed_in.person.id)
        )
        return [passkey.shown for passkey in found]

    async def begin_registration(self, signed_in: SignedIn) -> Ceremony:
        """Ask the browser for a new passkey. Raises PermissionDenied (no recent sign-in, or by single sign-on), Conflict."""
        self._protect(signed_in)
        person = signed_in.person
        existing = await self._database.read(lambda transaction: queries.of_person(transaction, person.id))
        if len(existing) >= _MOST_PASSKEYS:
            raise NotPossible(f"there are {_MOST_PASSKEYS} passkeys already; remove one first")
        challenge = token_bytes(_CHALLENGE_BYTES)
        options = webauthn_answers.registration_options(self._site, person, challenge, existing)
        return await self._begin(Purpose.PASSKEY_REGISTRATION, challenge, options, person.id)

    async def finish_registration(
        self, signed_in: SignedIn, ticket: Secret, response: str, *, name: str
    ) -> Passkey:
        """Keep the passkey that the browser made (`response`: its JSON). Raises SignInFailed, InvalidConfiguration.

        The session counts as one with a second factor from now on: its user was verified by the new passkey.
        """
        self._protect(signed_in)
        spelled = shown_name(name, "the passkey")
        begun = await self._take(ticket, Purpose.PASSKEY_REGISTRATION)
        if begun.person_id != signed_in.person.id:
            raise SignInRefused(_TOO_LATE)
        made = webauthn_answers.verified_registration(self._site, response, _challenge(begun))
        now_ns = self._now_ns()
        passkey = StoredPasskey(
            id=token_hex(16),
            person_id=signed_in.person.id,
            credential_id=bytes_to_base64url(made.credential_id),
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            name=spelled,
            transports=webauthn_answers.transports_of(response),
            backed_up=made.credential_backed_up,
            created_ns=now_ns,
            last_used_ns=None,
        )

        def keep(transaction: Connection) -> None:
            if not queries.add(transaction, passkey):
                raise NotPossible("this passkey is registered already")
            sessions.remove_of_person(transaction, passkey.person_id, but=signed_in.session.id)
            sessions.change(
                transaction,
                signed_in.session.id,
                second_factor=SecondFactor.PASSKEY.value,
                second_factor_ns=now_ns,
            )
            self._record(transaction, signed_in, Action.PASSKEY_ADDED, spelled)

        await self._database.write(keep)
        return passkey.shown

    async def rename(self, signed_in: SignedIn, passkey_id: str, name: str) -> Passkey:
        """Name a passkey. Raises NotFound, InvalidConfiguration, PermissionDenied (single sign-on)."""
        require_own_credentials(signed_in)
        spelled = shown_name(name, "the passkey")

        def rename(transaction: Connection) -> list[StoredPasskey]:
            if not queries.rename(transaction, signed_in.person.id, passkey_id, spelled):
                raise NoSuchThing("there is no such passkey")
            return queries.of_person(transaction, signed_in.person.id)

        found = await self._database.write(rename)
        return next(passkey.shown for passkey in found if passkey.id == passkey_id)

    async def remove(self, signed_in: SignedIn, passkey_id: str) -> None:
        """Forget a passkey; all other sessions of the person end. Raises NotFound, PermissionDenied.

        The recovery codes go with the last second factor. The last way in stays: Conflict.
        """
        self._protect(signed_in)
        person = signed_in.person

        def remove(transaction: Connection) -> None:
            name = queries.remove(transaction, person.id, passkey_id)
            if name is None:
                raise NoSuchThing("there is no such passkey")
            if not people.has_password(transaction, person.id) and not queries.of_person(
                transaction, person.id
            ):
                raise NotPossible(
                    "this passkey is your only way in; set a password or add another passkey first"
                )
            if not second_factors.any_left(transaction, person.id):
                second_factors.remove_recovery_codes(transaction, person.id)
            sessions.remove_of_person(transaction, person.id, but=signed_in.session.id)
            self._record(transaction, signed_in, Action.PASSKEY_REMOVED, name)

        await self._database.write(remove)

    async def begin_sign_in(self, client: Client) -> Ceremony:
        """Ask the browser for any passkey of this site; who it is, the passkey says. Raises Throttled."""
        await self._attempts.begin(
            address_limit("passkey", client.address, free=_FREE_FOR_AN_ADDRESS)
        )  # each costs a row
        challenge = token_bytes(_CHALLENGE_BYTES)
        options = webauthn_answers.sign_in_options(self._site, challenge)
        return await self._begin(Purpose.PASSKEY_SIGN_IN, challenge, options, None)

    async def finish_sign_in(self, ticket: Secret, response: str, client: Client) -> Entrance:
        """Sign in with a passkey alone: it verified its user, so it is both factors. Raises SignInFailed."""
        begun = await self._take(ticket, Purpose.PASSKEY_SIGN_IN)
        passkey, sign_count, backed_up = await self._answer(begun, response)
        new = self._sessions.prepare(
            passkey.person_id, client, Method.PASSKEY, second_factor=SecondFactor.PASSKEY
        )

        def let_in(transaction: Connection) -> None:
            self._use(transaction, passkey, sign_count, backed_up=backed_up)
            self._sessions.begin(transaction, new, know_device=True)

        await self._database.write(let_in)
        return await self._sessions.entrance(new, device=new.device_token)

    async def begin_second_factor(self, ticket: Secret) -> Ceremony:
        """Ask for a passkey of the person whose password was right (`ticket` of SecondFactorNeeded). Raises SignInFailed."""
        now_ns = self._now_ns()
        waiting = await self._database.read(
            lambda transaction: tickets.find(transaction, hashed(ticket), Purpose.SECOND_FACTOR, now_ns)
        )
        if waiting is None or waiting.person_id is None:
            raise SignInRefused(_TOO_LATE)
        return await self._ask_person(waiting.person_id, Purpose.PASSKEY_SECOND_FACTOR)

    async def finish_second_factor(
        self, ticket: Secret, ceremony: Secret, response: str, client: Client
    ) -> Entrance:
        """Finish a sign-in with a passkey. Raises SignInFailed.

        Args:
            ticket: Of SecondFactorNeeded.
            ceremony: Of `begin_second_factor`.
            response: The browser's answer, JSON.
            client: Where the request comes from.
        """
        begun = await self._take(ceremony, Purpose.PASSKEY_SECOND_FACTOR)
        passkey, sign_count, backed_up = await self._answer(begun, response)
        new = self._sessions.prepare(
            passkey.person_id, client, Method.PASSWORD, second_factor=SecondFactor.PASSKEY
        )

        def let_in(transaction: Connection) -> None:
            waiting = tickets.take(transaction, hashed(ticket), Purpose.SECOND_FACTOR, self._now_ns())
            if waiting is None or waiting.person_id != passkey.person_id:
                raise SignInRefused(_TOO_LATE)
            self._use(transaction, passkey, sign_count, backed_up=backed_up)
            self._sessions.begin(transaction, new, know_device=True)

        await self._database.write(let_in)
        return await self._sessions.entrance(new, device=new.device_token)

    async def begin_confirm(self, signed_in: SignedIn) -> Ceremony:
        """Ask for a passkey of the one who is signed in, to show again who sits there. Raises Conflict (there is none)."""
        require_own_credentials(signed_in)
        return await self._ask_person(signed_in.person.id, Purpose.PASSKEY_SECOND_FACTOR)

    async def finish_confirm(
        self, signed_in: SignedIn, ceremony: Secret, response: str, client: Client
    ) -> Entrance:
        """The session counts as recent, and goes on with a new token. Raises SignInFailed."""
        require_own_credentials(signed_in)
        begun = await self._take(ceremony, Purpose.PASSKEY_SECOND_FACTOR)
        passkey, sign_count, backed_up = await self._answer(begun, response)
        if passkey.person_id != signed_in.person.id:
            raise SignInRefused(_UNKNOWN)
        new = self._sessions.renewed(signed_in.session, client).with_second_factor(SecondFactor.PASSKEY)

        def go_on(transaction: Connection) -> None:
            self._use(transaction, passkey, sign_count, backed_up=backed_up)
            self._sessions.replace(transaction, signed_in.session, new)

        await self._database.write(go_on)
        return await self._sessions.entrance(new, device=None)

    async def _ask_person(self, person_id: str, purpose: Purpose) -> Ceremony:
        existing = await self._database.read(lambda transaction: queries.of_person(transaction, person_id))
        if not existing:
            raise NotPossible("there is no passkey; use a code")
        challenge = token_bytes(_CHALLENGE_BYTES)
        options = webauthn_answers.sign_in_options(self._site, challenge, existing)
        return await self._begin(purpose, challenge, options, person_id)

    async def _begin(
        self, purpose: Purpose, challenge: bytes, options: str, person_id: str | None
    ) -> Ceremony:
        ticket = new_ticket(
            purpose,
            self._now_ns(),
            person_id=person_id,
            details={"challenge": bytes_to_base64url(challenge)},
        )
        await self._database.write(lambda transaction: tickets.add(transaction, ticket.kept))
        return Ceremony(ticket.token, options)

    async def _take(self, ticket: Secret, purpose: Purpose) -> Ticket:
        """Use a challenge up, before its answer is looked at."""
        now_ns = self._now_ns()
        taken = await self._database.write(
            lambda transaction: tickets.take(transaction, hashed(ticket), purpose, now_ns)
        )
        if taken is None:
            raise SignInRefused(_TOO_LATE)
        return taken

    async def _answer(self, begun: Ticket, response: str) -> tuple[StoredPasskey, int, bool]:
        credential_id = webauthn_answers.credential_of(response)
        passkey = await self._database.read(
            lambda transaction: queries.by_credential(transaction, credential_id)
        )
        if passkey is None or begun.person_id not in {None, passkey.person_id}:
            raise SignInRefused(_UNKNOWN)
        answer = webauthn_answers.verified_sign_in(self._site, response, _challenge(begun), passkey)
        return passkey, answer.new_sign_count, answer.credential_backed_up

    def _use(
        self, transaction: Connection, passkey: StoredPasskey, sign_count: int, *, backed_up: bool
    ) -> None:
        if not queries.used(transaction, passkey, sign_count, self._now_ns(), backed_up=backed_up):
            raise SignInRefused(_UNKNOWN)

    def _record(self, transaction: Connection, signed_in: SignedIn, action: Action, name: str) -> None:
        self._auditor.record(
            transaction,
            signed_in.actor,
            action,
            f"person {signed_in.person.email}",
            {"passkey": name},
            now_ns=self._now_ns(),
        )

    def _protect(self, signed_in: SignedIn) -> None:
        require_own_credentials(signed_in)
        self._sessions.require_recent(signed_in)

    def _now_ns(self) -> int:
        return int(self._now() * 1e9)


def _challenge(begun: Ticket) -> bytes:
    return base64url_to_bytes(begun.details["challenge"])
