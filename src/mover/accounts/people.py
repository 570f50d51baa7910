"""The people of an organisation, and what a person may change about themself."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from sqlalchemy import Connection

from mover.accounts.actor import Actor, ActorKind, Permission, Role
from mover.accounts.attempts import Attempts, person_limit, succeeded
from mover.accounts.audit import Action, Auditor
from mover.accounts.passwords import Passwords
from mover.accounts.queries import invitations, organisations, password_resets, sessions, tickets
from mover.accounts.queries import people as queries
from mover.accounts.records import Member, Membership, Method, Person, SignedIn
from mover.accounts.refusals import NoSuchThing, NotPossible, SignInRefused
from mover.accounts.sessions import Sessions, require_own_credentials
from mover.accounts.typed import shown_name
from mover.database.database import Database
from mover.vault.secret import Secret


class People:
    """Members of organisations. An organisation always has an owner; nobody gives a role above their own."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        sessions: Sessions,
        attempts: Attempts,
        auditor: Auditor,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._sessions = sessions
        self._attempts = attempts
        self._auditor = auditor
        self._now = now

    async def all(self, actor: Actor) -> list[Member]:
        """List the organisation's members by name. Needs READ."""
        actor.require(Permission.READ)
        return await self._database.read(
            lambda transaction: queries.members(transaction, actor.organisation_id)
        )

    async def get(self, actor: Actor, person_id: str) -> Member:
        """Find a member. Needs READ. Raises NotFound."""
        actor.require(Permission.READ)
        return await self._database.read(lambda transaction: _member(transaction, actor, person_id))

    async def has_password(self, signed_in: SignedIn) -> bool:
        """Tell whether the person can sign in with a password."""
        person_id = signed_in.person.id
        return await self._database.read(lambda transaction: queries.has_password(transaction, person_id))

    async def change_role(self, actor: Actor, person_id: str, role: Role) -> Member:
        """Give a member another role, and end all sessions of that person in this organisation.

        Their open invitations end that they could not make any more.

        Needs ADMINISTER; OWN if an owner is made or unmade. Raises NotFound, Conflict (the last owner).
        """
        actor.require(Permission.ADMINISTER)

        def change(transaction: Connection) -> Member:
            organisations.lock(transaction, actor.organisation_id)
            before = _member(transaction, actor, person_id)
            if before.role is role:
                return before
            actor.require(before.role.granting)
            actor.require(role.granting)
            _keep_an_owner(transaction, actor, before)
            organisations.change_role(transaction, actor.organisation_id, person_id, role)
            sessions.remove_of_person(transaction, person_id, organisation_id=actor.organisation_id)
            invitations.revoke_of_inviter(
                transaction,
                actor.organisation_id,
                person_id,
                self._now_ns(),
                but=[one for one in Role if one.granting in role.permissions],
            )
            self._auditor.record(
                transaction,
                actor,
                Action.ROLE_CHANGED,
                f"person {before.email}",
                {"before": before.role.value, "after": role.value},
                now_ns=self._now_ns(),
            )
            return msgspec.structs.replace(before, role=role)

        return await self._database.write(change)

    async def remove(self, actor: Actor, person_id: str) -> None:
        """Remove a member: sessions in this organisation end, API keys and invitations that the person made here are revoked.

        Needs ADMINISTER; OWN for an owner. One may always remove oneself. Raises NotFound, Conflict (the last owner).
        """
        if not (actor.kind is ActorKind.PERSON and actor.id == person_id):
            actor.require(Permission.ADMINISTER)

        def remove(transaction: Connection) -> None:
            organisations.lock(transaction, actor.organisation_id)
            before = _member(transaction, actor, person_id)
            if not (actor.kind is ActorKind.PERSON and actor.id == person_id):
                actor.require(before.role.granting)
            _keep_an_owner(transaction, actor, before)
            now_ns = self._now_ns()
            organisations.remove_member(transaction, actor.organisation_id, person_id, now_ns)
            sessions.remove_of_person(transaction, person_id, organisation_id=actor.organisation_id)
            invitations.revoke_of_inviter(transaction, actor.organisation_id, person_id, now_ns)
            self._auditor.record(
                transaction, actor, Action.PERSON_REMOVED, f"person {before.email}", now_ns=now_ns
            )

        await self._database.write(remove)

    async def memberships(self, signed_in: SignedIn) -> list[Membership]:
        """List the organisations of the person who is signed in, by name; only the session's own if it is bound to it."""
        found = await self._database.read(
            lambda transaction: organisations.of_person(transaction, signed_in.person.id)
        )
        if signed_in.session.method is Method.SINGLE_SIGN_ON:
            return [one for one in found if one.organisation_id == signed_in.session.organisation_id]
        return found

    async def rename(self, signed_in: SignedIn, name: str) -> Person:
        """Change one's own name. Raises InvalidConfiguration."""
        require_own_credentials(signed_in)
        spelled = shown_name(name, "a person")

        def rename(transaction: Connection) -> None:
            queries.change(transaction, signed_in.person.id, name=spelled)
            self._auditor.record(
                transaction,
                signed_in.actor,
                Action.PERSON_CHANGED,
                f"person {signed_in.person.email}",
                {"name": spelled},
                now_ns=self._now_ns(),
            )

        await self._database.write(rename)
        return msgspec.structs.replace(signed_in.person, name=spelled)

    async def change_password(self, signed_in: SignedIn, current: Secret | None, new: Secret) -> None:
        """Set one's own password; all other sessions of the person end.

        Args:
            signed_in: Not by single sign-on: that one's provider does not vouch for other organisations.
            current: The present one; None for a person who has none, with a recent sign-in.
            new: See `Passwords.check`.

        Raises SignInFailed (`current` is wrong), Throttled, InvalidConfiguration (`new` is too weak), PermissionDenied.
        """
        require_own_credentials(signed_in)
        person = signed_in.person
        limit = person_limit("password", person.id, free=5)
        stored = await self._database.read(lambda transaction: queries.credentials(transaction, person.id))
        if stored is None:
            raise NoSuchThing("there is no such person")
        if stored.password_hash is None:
            self._sessions.require_recent(signed_in)
        else:
            await self._attempts.begin(limit)
            if current is None or not await self._passwords.verify(current, stored.password_hash):
                raise SignInRefused("the present password is wrong")
        self._passwords.check(new, own_words=(person.email, person.name))
        after = await self._passwords.hash(new)

        def change(transaction: Connection) -> None:
            if not queries.change_password_if(transaction, person.id, stored.password_hash, after):
                raise NotPossible("the password was changed by somebody else at this moment")
            succeeded(transaction, [limit])
            sessions.remove_of_person(transaction, person.id, but=signed_in.session.id)
            tickets.remove_of_person(transaction, person.id)
            password_resets.void(transaction, person.id, self._now_ns())
            self._auditor.record(
                transaction,
                signed_in.actor,
                Action.PASSWORD_CHANGED,
                f"person {person.email}",
                now_ns=self._now_ns(),
            )

        await self._database.write(change)

    def _now_ns(self) -> int:
        return int(self._now() * 1e9)


def _member(transaction: Connection, actor: Actor, person_id: str) -> Member:
    found = queries.member(transaction, actor.organisation_id, person_id)
    if found is None:
        raise NoSuchThing("there is no such person in this organisation")
    return found


def _keep_an_owner(transaction: Connection, actor: Actor, leaving: Member) -> None:
    if leaving.role.is_owner and organisations.owners(transaction, actor.organisation_id) == 1:
        raise NotPossible(
            f"{leaving.email} is the last owner of this organisation; make somebody else an owner first"
        )
