"""Invitations to an organisation, by mail."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from mover.accounts.actor import Actor, ActorKind, Permission, Role
from mover.accounts.attempts import Attempts, account_limit, person_limit
from mover.accounts.audit import Action, Auditor
from mover.accounts.letters.invitation import invitation_letter
from mover.accounts.passwords import Passwords
from mover.accounts.queries import invitations as queries
from mover.accounts.queries import organisations, people
from mover.accounts.records import Client, Entrance, Invitation, Method, Person, SignedIn
from mover.accounts.refusals import MayNot, NoSuchThing, NotPossible
from mover.accounts.sessions import Sessions, require_own_credentials
from mover.accounts.site import Site
from mover.accounts.tokens import hashed, new_token
from mover.accounts.typed import email_address, shown_name
from mover.database.database import Database
from mover.mail.message import Mail
from mover.vault.secret import Secret

_LIFETIME_NS = 7 * 24 * 3600 * 1_000_000_000
_FREE_FOR_AN_ADDRESS = 5
_GONE = "this invitation does not exist, was used or taken back, or is more than seven days old"


@dataclass(frozen=True)
class Invited:
    """An invitation. `link` is to be handed over by the one who invites; None if it went out by mail."""

    invitation: Invitation
    link: Secret | None = field(repr=False)


class Invitations:
    """Invitations: a random token by mail, hashed here; seven days, one use, revocable.

    Args:
        database: Where they are.
        passwords: Checks and hashes those of new people.
        sessions: Begins sessions.
        attempts: Counts letters.
        auditor: Keeps what happened.
        site: Where links lead.
        mail: Sends them; None: this installation sends no mail, links are handed over by the one who invites.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        sessions: Sessions,
        attempts: Attempts,
        auditor: Auditor,
        site: Site,
        mail: Mail | None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._sessions = sessions
        self._attempts = attempts
        self._auditor = auditor
        self._site = site
        self._mail = mail
        self._now = now

    async def invite(self, actor: Actor, email: str, role: Role) -> Invited:
        """Invite somebody; an open invitation of the same address is replaced.

        Needs ADMINISTER; OWN to invite an owner. Raises InvalidConfiguration (address), Conflict (is a member already),
        Throttled (too many letters to this address, whoever had them sent), and what `Mail.send` raises: then the invitation stands, and inviting again sends a new link.
        """
        actor.require(Permission.ADMINISTER)
        actor.require(role.granting)
        spelled = email_address(email)
        token = new_token()
        invitation_id = token_hex(16)
        now_ns = self._now_ns()

        def invite(transaction: Connection) -> Invitation:
            organisation = organisations.lock(transaction, actor.organisation_id)
            if organisation is None:
                raise NoSuchThing("there is no such organisation")
            known = people.by_email(transaction, spelled)
            if known and organisations.role_of(transaction, organisation.id, known.person.id):
                raise NotPossible(f"{spelled} belongs to this organisation already")
            queries.revoke_of_address(transaction, organisation.id, spelled, now_ns)
            inviter = people.find(transaction, actor.id) if actor.kind is ActorKind.PERSON else None
            invitation = Invitation(
                id=invitation_id,
                organisation_id=organisation.id,
                organisation_name=organisation.name,
                email=spelled,
                role=role,
                invited_by_name=inviter.name if inviter else actor.name,
                created_ns=now_ns,
                expires_ns=now_ns + _LIFETIME_NS,
                accepted_ns=None,
                revoked_ns=None,
            )
            queries.add(transaction, invitation, hashed(token), inviter.id if inviter else None)
            self._record(transaction, actor, Action.INVITED, spelled, {"role": role.value})
            return invitation

        if self._mail is not None:
            await self._attempts.begin(
                person_limit("invite", account_limit(spelled).key, free=_FREE_FOR_AN_ADDRESS)
            )
        invitation = await self._database.write(invite)
        link = self._site.invitation(token)
        if self._mail is None:
            return Invited(invitation, Secret(link))
        await self._mail.send(invitation_letter(invitation, link))
        return Invited(invitation, None)

    async def open(self, actor: Actor) -> list[Invitation]:
        """List open invitations, the newest first. Needs ADMINISTER."""
        actor.require(Permission.ADMINISTER)
        now_ns = self._now_ns()
        return await self._database.read(
            lambda transaction: queries.open_ones(transaction, actor.organisation_id, now_ns)
        )

    async def revoke(self, actor: Actor, invitation_id: str) -> None:
        """Take an open invitation back. Needs ADMINISTER. Raises NotFound."""
        actor.require(Permission.ADMINISTER)
        now_ns = self._now_ns()

        def revoke(transaction: Connection) -> None:
            found = queries.open_ones(transaction, actor.organisation_id, now_ns)
            email = next((one.email for one in found if one.id == invitation_id), None)
            if email is None or not queries.revoke(transaction, actor.organisation_id, invitation_id, now_ns):
                raise NoSuchThing("there is no such open invitation")
            self._record(transaction, actor, Action.INVITATION_REVOKED, email, {})

        await self._database.write(revoke)

    async def look(self, token: Secret) -> Invitation:
        """Show an open invitation to the one who has its link. Raises NotFound."""
        now_ns = self._now_ns()
        return await self._database.read(lambda transaction: _there(transaction, token, now_ns))

    async def accept_as_new(self, token: Secret, *, name: str, password: Secret, client: Client) -> Entrance:
        """Become a person and a member. Of two at once, one wins.

        The address counts as verified if the link came by mail.

        Raises NotFound (unknown, used, revoked, expired), Conflict (the address has an account: sign in first),
        InvalidConfiguration (name, password).
        """
        invitation = await self._look_for_new(token)
        now_ns = self._now_ns()
        person = Person(
            id=token_hex(16),
            email=invitation.email,
            name=shown_name(name, "a person"),
            email_verified_ns=now_ns if self._mail is not None else None,
            created_ns=now_ns,
            last_sign_in_ns=None,
        )
        self._passwords.check(password, own_words=(person.email, person.name, invitation.organisation_name))
        stored = await self._passwords.hash(password)
        new = self._sessions.prepare(
            person.id, client, Method.PASSWORD, organisation_id=invitation.organisation_id
        )

        def accept(transaction: Connection) -> None:
            accepted = self._use(transaction, token)
            if people.by_email(transaction, accepted.email) is not None:
                raise _has_account(accepted.email)
            people.add(transaction, person, stored)
            self._join(transaction, accepted, person)
            self._sessions.begin(transaction, new, know_device=True)

        try:
            await self._database.write(accept)
        except IntegrityError:  # invited by two organisations, accepted at the same moment
            raise _has_account(person.email) from None
        return await self._sessions.entrance(new, device=new.device_token)

    async def accept(self, signed_in: SignedIn, token: Secret, client: Client) -> Entrance:
        """Become a member with the account that is signed in, whose address has to be the invited one; goes on there.

        Raises NotFound, Conflict (is a member already), PermissionDenied (another address; a session of single sign-on).
        """
        require_own_credentials(signed_in)
        person = signed_in.person
        organisation_id = (await self.look(token)).organisation_id
        old = signed_in.session
        new = self._sessions.prepare(
            person.id,
            client,
            old.method,
            second_factor=old.second_factor,
            organisation_id=organisation_id,
            going_on_from=old,
        )

        def accept(transaction: Connection) -> None:
            accepted = self._use(transaction, token)
            if accepted.email != person.email:
                raise MayNot(
                    f"this invitation is for {accepted.email}, and you are signed in as {person.email}"
                )
            if organisations.role_of(transaction, accepted.organisation_id, person.id):
                raise NotPossible("you belong to this organisation already")
            self._join(transaction, accepted, person)
            self._sessions.replace(transaction, old, new)

        await self._database.write(accept)
        return await self._sessions.entrance(new, device=None)

    async def _look_for_new(self, token: Secret) -> Invitation:
        """Find an invitation of somebody without an account, before a password is hashed for it: a hash is costly."""
        now_ns = self._now_ns()

        def look(transaction: Connection) -> Invitation:
            found = _there(transaction, token, now_ns)
            if people.by_email(transaction, found.email) is not None:
                raise _has_account(found.email)
            return found

        return await self._database.read(look)

    def _use(self, transaction: Connection, token: Secret) -> Invitation:
        now_ns = self._now_ns()
        invitation = _there(transaction, token, now_ns)
        if not queries.accept(transaction, invitation.id, now_ns):
            raise NoSuchThing(_GONE)
        return invitation

    def _join(self, transaction: Connection, invitation: Invitation, person: Person) -> None:
        now_ns = self._now_ns()
        organisations.add_member(transaction, invitation.organisation_id, person.id, invitation.role, now_ns)
        self._record(
            transaction,
            Actor(invitation.organisation_id, ActorKind.PERSON, person.id, person.email, frozenset()),
            Action.PERSON_JOINED,
            person.email,
            {"role": invitation.role.value, "invited_by": invitation.invited_by_name},
        )

    def _record(
        self, transaction: Connection, actor: Actor, action: Action, email: str, details: dict[str, str]
    ) -> None:
        self._auditor.record(transaction, actor, action, f"person {email}", details, now_ns=self._now_ns())

    def _now_ns(self) -> int:
        return int(self._now() * 1e9)


def _there(transaction: Connection, token: Secret, now_ns: int) -> Invitation:
    found = queries.by_token(transaction, hashed(token), now_ns)
    if found is None:
        raise NoSuchThing(_GONE)
    return found


def _has_account(email: str) -> NotPossible:
    return NotPossible(f"{email} has an account already; sign in, then open the link again")
