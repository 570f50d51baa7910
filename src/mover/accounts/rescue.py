"""What the operator of an installation can do for people who cannot help themselves any more."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from sqlalchemy import Connection

from mover.accounts.audit import Action, Auditor
from mover.accounts.audit_log import nobody
from mover.accounts.queries import organisations, passkeys, people, second_factors, sessions, tickets
from mover.accounts.records import Membership, Person, SecondFactor
from mover.accounts.refusals import NoSuchThing
from mover.accounts.second_factors import vault_owner
from mover.accounts.typed import email_address
from mover.database.database import Database
from mover.errors import one_line
from mover.vault.vault import Vault

OPERATOR = "the operator"


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A person, where they belong, and what they can show besides a password."""

    person: Person
    memberships: tuple[Membership, ...]
    ways: frozenset[SecondFactor]


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed of a person; `organisations` are the names of those whose audit log tells it."""

    email: str
    authenticator_app: bool
    recovery_codes: int
    passkeys: int
    sessions: int
    organisations: tuple[str, ...]

    @property
    def anything(self) -> bool:
        """Whether there was a second factor at all; if not, nothing was changed."""
        return bool(self.authenticator_app or self.recovery_codes or self.passkeys)


class Rescue:
    """For whoever has the database and the key; knows no actor, since the operator has no account.

    Args:
        database: Where people are.
        vault: Holds the secrets of authenticator apps.
        auditor: Keeps what happened, in every organisation of the person.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self, database: Database, vault: Vault, auditor: Auditor, *, now: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._vault = vault
        self._auditor = auditor
        self._now = now

    async def people(self) -> list[Known]:
        """List everybody of this installation by address."""

        def work(transaction: Connection) -> list[Known]:
            return [
                Known(
                    person=person,
                    memberships=tuple(organisations.of_person(transaction, person.id)),
                    ways=second_factors.ways(transaction, person.id),
                )
                for person in people.everybody(transaction)
            ]

        return await self._database.read(work)

    async def reset_second_factor(self, email: str) -> Removed:
        """Remove authenticator app, recovery codes and passkeys of a person, and end their sessions.

        The password stays, and API keys do. Somebody without any second factor is left as they are.

        Raises NotFound (nobody has the address), InvalidConfiguration (it is none).
        """
        email = email_address(email)
        nobody_there = NoSuchThing(f"nobody here has the mail address {one_line(email, limit=80)!r}")
        found = await self._database.read(lambda transaction: people.by_email(transaction, email))
        if found is None:
            raise nobody_there
        person_id = found.person.id
        done: Removed | None = None

        def remove(transaction: Connection) -> None:
            nonlocal done  # of the attempt that was committed: an earlier one is overwritten
            person = people.find(transaction, person_id)
            if person is None:
                raise nobody_there
            done = self._remove(transaction, person)

        await self._vault.destroy(vault_owner(person_id), along=remove)
        assert done is not None
        return done

    def _remove(self, transaction: Connection, person: Person) -> Removed:
        belongs = organisations.of_person(transaction, person.id)
        removed = Removed(
            email=person.email,
            recovery_codes=second_factors.recovery_codes_left(transaction, person.id),
            authenticator_app=second_factors.remove_totp(transaction, person.id),
            passkeys=passkeys.remove_of_person(transaction, person.id),
            sessions=0,
            organisations=tuple(one.organisation_name for one in belongs),
        )
        second_factors.remove_recovery_codes(transaction, person.id)
        if not removed.anything:
            return msgspec.structs.replace(removed, organisations=())
        tickets.remove_of_person(transaction, person.id)
        removed = msgspec.structs.replace(removed, sessions=sessions.remove_of_person(transaction, person.id))
        details = {
            "authenticator_app": "removed" if removed.authenticator_app else "none",
            "recovery_codes": str(removed.recovery_codes),
            "passkeys": str(removed.passkeys),
            "sessions_ended": str(removed.sessions),
        }
        # Who belongs to no organisation is nobody's, as is what happens to them.
        for organisation_id in [one.organisation_id for one in belongs] or [""]:
            self._auditor.record(
                transaction,
                nobody(OPERATOR, organisation_id),
                Action.SECOND_FACTOR_RESET,
                f"person {person.email}",
                details,
                now_ns=int(self._now() * 1e9),
            )
        return removed
