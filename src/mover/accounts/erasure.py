"""A person's end: everything that is theirs goes, and what others need to keep names them no longer.

audit log        the words that name them become a pseudonym (see `audit.custody`); that something was done, stays
vault            the person's key, and with it the secret of their authenticator app
accounts         the person, with sessions, devices, passkeys, API keys and memberships; invitations to them
rooms above      by their removers: views of theirs go, their name at runs and maps becomes the pseudonym
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from mover.accounts.actor import Actor, ActorKind
from mover.accounts.audit import Action, Auditor
from mover.accounts.queries import invitations, organisations, people, removal
from mover.accounts.records import Person, Requirement, SignedIn
from mover.accounts.refusals import MayNot, NoSuchThing, NotAcceptable, NotPossible
from mover.accounts.sessions import Sessions, require_own_credentials
from mover.audit.custody import Custodian, pseudonym
from mover.database.database import Database
from mover.vault.vault import Vault

PersonRemover = Callable[[Connection, Person, str], object]
"""Of a room above: removes what is a person's alone, and puts the pseudonym where others need to keep something."""


class BelongsElsewhere(Exception):
    """The person is a member of an organisation, and stays."""


class Erasure:
    """Removes people.

    Args:
        database: Where they are.
        vault: Holds their keys.
        removers: Of the rooms above.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        removers: Sequence[PersonRemover] = (),
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._vault = vault
        self._removers = tuple(removers)
        self._custodian = Custodian(database, vault, now_ns=lambda: int(now() * 1e9))

    async def forget(self, person_id: str, *, along: Callable[[Connection], object]) -> None:
        """Remove a person who then belongs nowhere. Idempotent; does nothing for one who is gone already.

        `along` ends memberships in the same transaction. Raises what it raises, and BelongsElsewhere if one is left: then
        nothing was removed.
        """
        person = await self._database.read(lambda transaction: people.find(transaction, person_id))
        if person is None:
            await self._database.write(along)
            return

        def erase(transaction: Connection) -> None:
            along(transaction)
            if removal.belongs_somewhere(transaction, person_id):
                raise BelongsElsewhere
            for remove in self._removers:
                remove(transaction, person, pseudonym(person_id))
            invitations.forget(transaction, person.id, person.email, pseudonym(person_id))
            people.remove(transaction, person_id)
            self._custodian.will_forget(transaction, person_id, [person.email, person.name])

        await self._vault.destroy_person(f"person:{person_id}", along=erase)
        await self._custodian.forget_due()


class Leaving:
    """A person's own wish to be deleted, or the operator's in their name.

    Args:
        database: Where people are.
        erasure: Removes them.
        sessions: Says whether a sign-in is recent.
        auditor: Keeps that they left, in each of their organisations.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        erasure: Erasure,
        sessions: Sessions,
        auditor: Auditor,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._erasure = erasure
        self._sessions = sessions
        self._auditor = auditor
        self._now = now

    async def leave(self, signed_in: SignedIn, *, typed_email: str) -> None:
        """Delete oneself. Needs a recent sign-in.

        Raises PermissionDenied, InvalidConfiguration (`typed_email` is not one's own), Conflict (the last owner).
        """
        require_own_credentials(signed_in)
        self._sessions.require_recent(signed_in)
        if signed_in.requirement is Requirement.SECOND_FACTOR:
            raise MayNot("your organisation asks for a second factor first")
        if typed_email.strip().lower() != signed_in.person.email:
            raise NotAcceptable("what you typed is not your mail address; nothing was deleted")
        actor = signed_in.actor
        await self._delete(
            signed_in.person.id, lambda chain: Actor(chain, actor.kind, actor.id, actor.name, frozenset())
        )

    async def remove(self, email: str) -> Person:
        """Delete somebody, as the operator. Raises NotFound, Conflict (the last owner)."""
        found = await self._database.read(lambda transaction: people.by_email(transaction, email.lower()))
        if found is None:
            raise NoSuchThing(f"nobody here has the mail address {email[:80]!r}")
        await self._delete(
            found.person.id, lambda chain: Actor(chain, ActorKind.SYSTEM, "", "the operator", frozenset())
        )
        return found.person

    async def _delete(self, person_id: str, actor_in: Callable[[str], Actor]) -> None:
        def leave_all(transaction: Connection) -> None:
            now_ns = int(self._now() * 1e9)
            for one in organisations.of_person(transaction, person_id):
                if one.role.is_owner and organisations.owners(transaction, one.organisation_id) == 1:
                    raise NotPossible(
                        f"they are the last owner of {one.organisation_name}; make somebody else an owner first, or "
                        "delete the organisation"
                    )
                organisations.remove_member(transaction, one.organisation_id, person_id, now_ns)
                self._auditor.record(
                    transaction,
                    actor_in(one.organisation_id),
                    Action.PERSON_DELETED,
                    pseudonym(person_id),
                    now_ns=now_ns,
                )

        try:
            await self._erasure.forget(person_id, along=leave_all)
        except BelongsElsewhere:
            raise NotPossible(
                "an organisation of theirs is being deleted at this moment; try again when it is gone"
            ) from None
