"""A forgotten password: a link by mail sets a new one."""

from __future__ import annotations

import time
from collections.abc import Callable
from secrets import token_hex

from sqlalchemy import Connection

from mover.accounts.actor import Actor
from mover.accounts.attempts import Attempts, account_limit, address_limit, count, person_limit, succeeded
from mover.accounts.audit import Action, Auditor
from mover.accounts.audit_log import nobody
from mover.accounts.letters.password_reset import password_reset_letter, password_was_reset_letter
from mover.accounts.passwords import Passwords
from mover.accounts.queries import organisations, people, sessions, tickets
from mover.accounts.queries import password_resets as queries
from mover.accounts.records import Client, Person
from mover.accounts.refusals import NoSuchThing, NotAcceptable, TooManyAttempts
from mover.accounts.site import Site
from mover.accounts.tokens import hashed, new_token
from mover.accounts.typed import email_address
from mover.database.database import Database
from mover.mail.queue import MailQueue
from mover.vault.secret import Secret

_LIFETIME_NS = 3600 * 1_000_000_000
_GONE = "this link does not exist, was used, or is more than an hour old; ask for a new one"
_FREE_FOR_AN_ADDRESS = 10
_FREE_FOR_A_PERSON = 3


class PasswordResets:
    """Links that set a password: hashed, one hour, one use. A second factor is still asked for at the next sign-in.

    Args:
        database: Where they are.
        passwords: Checks and hashes new ones.
        attempts: Counts who asks.
        auditor: Keeps what happened.
        site: Where links lead.
        queue: Sends mail in the background, so that an address that is known takes no longer; None: there is no mail.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        attempts: Attempts,
        auditor: Auditor,
        site: Site,
        queue: MailQueue | None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._attempts = attempts
        self._auditor = auditor
        self._site = site
        self._queue = queue
        self._now = now

    async def ask(self, email: str, client: Client) -> None:
        """Send a link if somebody has this address. Says and takes the same if nobody has.

        Raises Throttled (too many from this network), InvalidConfiguration (not an address; there is no mail).
        """
        if self._queue is None:
            raise NotAcceptable("this installation sends no mail; ask its operator for a new password")
        spelled = email_address(email)
        await self._attempts.begin(address_limit("reset", client.address, free=_FREE_FOR_AN_ADDRESS))
        token = new_token()
        now_ns = self._now_ns()
        limit = person_limit("reset-of", account_limit(spelled).key, free=_FREE_FOR_A_PERSON)

        def keep(transaction: Connection) -> Person | None:
            # Counted for nobody too: there is one transaction either way, and how long it takes tells nothing.
            count(transaction, [limit], now_ns)
            found = people.by_email(transaction, spelled)
            if found is None:
                return None
            queries.add(
                transaction,
                hashed(token),
                found.person.id,
                now_ns=now_ns,
                expires_ns=now_ns + _LIFETIME_NS,
            )
            self._record(transaction, found.person, Action.PASSWORD_RESET_ASKED, client)
            return found.person

        try:
            person = await self._database.write(keep)
        except TooManyAttempts:
            return  # said aloud it would tell that somebody else asks
        if person is not None:
            link = self._site.password_reset(token)
            self._queue.post(password_reset_letter(person.email, person.name, link, client.address))

    async def look(self, token: Secret) -> None:
        """Raise NotFound unless the link still works; for the page that asks for the new password."""
        now_ns = self._now_ns()
        if (
            await self._database.read(lambda transaction: queries.find(transaction, hashed(token), now_ns))
            is None
        ):
            raise NoSuchThing(_GONE)

    async def reset(self, token: Secret, new: Secret, client: Client) -> Secret:
        """Set the password and end all sessions of the person. Of two at once, one wins.

        Returns the known-device token for this browser: whoever keeps the account's counter of wrong passwords full
        does not keep its owner out. The address counts as verified.

        Raises NotFound (unknown, used, expired), InvalidConfiguration (`new` is too weak; the link goes on working).
        """
        now_ns = self._now_ns()

        def find(transaction: Connection) -> Person | None:
            person_id = queries.find(transaction, hashed(token), now_ns)
            return None if person_id is None else people.find(transaction, person_id)

        person = await self._database.read(find)
        if person is None:
            raise NoSuchThing(_GONE)
        self._passwords.check(new, own_words=(person.email, person.name))
        stored = await self._passwords.hash(new)
        device_id, device = token_hex(16), new_token()

        def reset(transaction: Connection) -> None:
            if not queries.use(transaction, hashed(token), now_ns):
                raise NoSuchThing(_GONE)
            people.change(
                transaction,
                person.id,
                password_hash=stored,
                email_verified_ns=person.email_verified_ns or now_ns,
            )
            sessions.remove_of_person(transaction, person.id)
            sessions.remove_devices(transaction, person.id)
            tickets.remove_of_person(transaction, person.id)
            sessions.add_device(transaction, device_id, hashed(device), person.id, now_ns)
            succeeded(transaction, [account_limit(person.email)])
            self._record(transaction, person, Action.PASSWORD_RESET, client)

        await self._database.write(reset)
        if self._queue is not None:
            self._queue.post(password_was_reset_letter(person.email, person.name, client.address))
        return device

    def _record(self, transaction: Connection, person: Person, action: Action, client: Client) -> None:
        for membership in organisations.of_person(transaction, person.id):
            actor: Actor = nobody(
                "somebody with access to the mail of this person", membership.organisation_id
            )
            self._auditor.record(
                transaction,
                actor,
                action,
                f"person {person.email}",
                {"address": client.address},
                now_ns=self._now_ns(),
            )

    def _now_ns(self) -> int:
        return int(self._now() * 1e9)
