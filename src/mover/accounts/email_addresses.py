"""Whether an e-mail address is somebody's: a link that was sent there comes back; and changing one's address."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from mover.accounts.actor import Actor, ActorKind
from mover.accounts.attempts import Attempts, person_limit
from mover.accounts.audit import Action, Auditor
from mover.accounts.letters.email_address import address_changed_letter, verification_letter
from mover.accounts.queries import organisations, password_resets, people, tickets
from mover.accounts.records import Person, SignedIn
from mover.accounts.refusals import NoSuchThing, NotAcceptable, NotPossible
from mover.accounts.sessions import Sessions, require_own_credentials
from mover.accounts.site import Site
from mover.accounts.tickets import Purpose, new_ticket
from mover.accounts.tokens import hashed
from mover.accounts.typed import email_address
from mover.database.database import Database
from mover.mail.queue import MailQueue
from mover.vault.secret import Secret

_GONE = "this link does not exist, was used, or is more than a day old; ask for a new one"
_FREE = 5


class EmailAddresses:
    """Addresses of people: spelled one way, verified by a link (one day, one use).

    Args:
        database: Where they are.
        sessions: Says whether a sign-in is recent.
        attempts: Counts letters.
        auditor: Keeps what happened.
        site: Where links lead.
        queue: Sends mail in the background; None: there is no mail.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        attempts: Attempts,
        auditor: Auditor,
        site: Site,
        queue: MailQueue | None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._attempts = attempts
        self._auditor = auditor
        self._site = site
        self._queue = queue
        self._now = now

    async def ask(self, signed_in: SignedIn, email: str | None = None) -> None:
        """Send a link to the person's address, or to the one that shall take its place.

        It says the same whether the other address is taken: that shows when the link comes back.

        Raises PermissionDenied (another address without a recent sign-in, or by single sign-on), InvalidConfiguration,
        Throttled.
        """
        require_own_credentials(signed_in)
        person = signed_in.person
        if self._queue is None:
            raise NotAcceptable("this installation sends no mail; addresses cannot be verified")
        address = person.email if email is None else email_address(email)
        if address != person.email:
            self._sessions.require_recent(signed_in)
        await self._attempts.begin(person_limit("verify", person.id, free=_FREE))
        ticket = new_ticket(
            Purpose.EMAIL_ADDRESS,
            self._now_ns(),
            person_id=person.id,
            details={"before": person.email, "after": address},
        )
        await self._database.write(lambda transaction: tickets.add(transaction, ticket.kept))
        self._queue.post(verification_letter(address, person.name, self._site.email_address(ticket.token)))

    async def verify(self, token: Secret) -> Person:
        """The link came back: the address is the person's. Raises NotFound, Conflict (taken meanwhile)."""
        now_ns = self._now_ns()

        def verify(transaction: Connection) -> tuple[Person, str]:
            ticket = tickets.take(transaction, hashed(token), Purpose.EMAIL_ADDRESS, now_ns)
            person = people.find(transaction, ticket.person_id or "") if ticket else None
            if ticket is None or person is None or ticket.details["before"] != person.email:
                raise NoSuchThing(_GONE)
            address = str(ticket.details["after"])
            holder = people.by_email(transaction, address)
            if holder is not None and holder.person.id != person.id:
                raise NotPossible("this address belongs to another account")
            people.change(transaction, person.id, email=address, email_verified_ns=now_ns)
            if address != person.email:  # what was sent to the old one opens nothing any more
                password_resets.void(transaction, person.id, now_ns)
            for membership in organisations.of_person(transaction, person.id):
                self._auditor.record(
                    transaction,
                    Actor(membership.organisation_id, ActorKind.PERSON, person.id, person.email, frozenset()),
                    Action.EMAIL_VERIFIED,
                    f"person {address}",
                    {"before": person.email} if address != person.email else {},
                    now_ns=now_ns,
                )
            verified = msgspec.structs.replace(person, email=address, email_verified_ns=now_ns)
            return verified, person.email

        try:
            verified, before = await self._database.write(verify)
        except IntegrityError:
            raise NotPossible("this address belongs to another account") from None
        if self._queue is not None and before != verified.email:
            self._queue.post(address_changed_letter(before, verified.name, verified.email))
        return verified

    def _now_ns(self) -> int:
        return int(self._now() * 1e9)
