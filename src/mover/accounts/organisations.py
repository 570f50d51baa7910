"""Organisations: the first one, more of them, their settings, and their end."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from secrets import token_hex

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from mover.accounts.actor import Actor, ActorKind, Permission, Role
from mover.accounts.audit import Action, Auditor
from mover.accounts.passwords import Passwords
from mover.accounts.queries import organisations as queries
from mover.accounts.queries import people
from mover.accounts.records import LEAST_KEPT_DAYS, MOST_KEPT_DAYS, Organisation, Person, SignedIn
from mover.accounts.refusals import MayNot, NoSuchThing, NotAcceptable, NotPossible
from mover.accounts.sessions import Sessions, require_own_credentials
from mover.accounts.typed import email_address, shown_name
from mover.database.database import Database
from mover.vault.secret import Secret
from mover.vault.vault import Vault

Farewell = Callable[[str], Awaitable[Callable[[], Awaitable[None]]]]
"""Of a room above: called with the id of an organisation that is about to be deleted; what it returns is called when it is."""


async def in_silence(_organisation_id: str) -> Callable[[], Awaitable[None]]:
    """Satisfy `Farewell` where nothing was granted."""

    async def nothing() -> None:
        pass

    return nothing


_FOUNDED = "this installation has its first owner already"


@dataclass(frozen=True)
class Founded:
    """The first organisation and its owner. `password` is the one that was made up, to be shown once; None if given."""

    organisation: Organisation
    owner: Person
    password: Secret | None = field(repr=False)


class Organisations:
    """All organisations of this installation.

    Args:
        database: Where they are.
        vault: Holds a key for each.
        passwords: Hashes the first owner's.
        sessions: Says whether a sign-in is recent.
        auditor: Keeps what happened.
        farewell: Gives back what others granted an organisation that ends.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        passwords: Passwords,
        sessions: Sessions,
        auditor: Auditor,
        *,
        farewell: Farewell = in_silence,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._vault = vault
        self._passwords = passwords
        self._sessions = sessions
        self._auditor = auditor
        self._farewell = farewell
        self._now = now

    async def nobody_yet(self) -> bool:
        """Tell whether this installation waits for its first owner."""
        return not await self._database.read(queries.anybody)

    async def found(
        self, name: str, *, owner_email: str, owner_name: str, password: Secret | None = None
    ) -> Founded:
        """Make the first organisation and its owner; of several calls at once, in any process, one succeeds.

        Raises Conflict (there is somebody already), InvalidConfiguration (a bad name, address or password).
        """
        organisation = self._new(name)
        person = Person(
            id=token_hex(16),
            email=email_address(owner_email),
            name=shown_name(owner_name, "the owner"),
            email_verified_ns=None,
            created_ns=organisation.created_ns,
            last_sign_in_ns=None,
        )
        made_up = None if password is not None else self._passwords.make()
        if password is not None:
            self._passwords.check(password, own_words=(person.email, person.name, organisation.name))
        # Anybody may ask for this at any time, and a hash is costly: it is not made for nothing.
        if not await self.nobody_yet():
            raise NotPossible(_FOUNDED)
        stored = await self._passwords.hash(password or made_up or Secret(""))

        def found(transaction: Connection) -> None:
            if queries.anybody(transaction):
                raise NotPossible(_FOUNDED)
            queries.add(transaction, organisation, first=True)
            people.add(transaction, person, stored)
            queries.add_member(transaction, organisation.id, person.id, Role.OWNER, organisation.created_ns)
            self._auditor.record(
                transaction,
                Actor(organisation.id, ActorKind.PERSON, person.id, person.email, frozenset()),
                Action.ORGANISATION_FOUNDED,
                f"organisation {organisation.name}",
                now_ns=organisation.created_ns,
            )

        try:
            await self._database.write(found)
        except IntegrityError:  # another process was in the same transaction of its own: `first` is unique
            raise NotPossible(_FOUNDED) from None
        return Founded(organisation, person, made_up)

    async def create(self, actor: Actor, name: str) -> Organisation:
        """Make another organisation, owned by the person who acts. Needs OWN. Raises InvalidConfiguration."""
        actor.require(Permission.OWN)
        if actor.kind is not ActorKind.PERSON:
            raise MayNot("organisations are made by people")
        organisation = self._new(name)

        def create(transaction: Connection) -> None:
            queries.add(transaction, organisation)
            queries.add_member(transaction, organisation.id, actor.id, Role.OWNER, organisation.created_ns)
            self._auditor.record(
                transaction,
                Actor(organisation.id, actor.kind, actor.id, actor.name, frozenset()),
                Action.ORGANISATION_FOUNDED,
                f"organisation {organisation.name}",
                now_ns=organisation.created_ns,
            )

        await self._database.write(create)
        return organisation

    async def get(self, actor: Actor) -> Organisation:
        """The actor's organisation. Needs READ."""
        actor.require(Permission.READ)
        found = await self._database.read(
            lambda transaction: queries.find(transaction, actor.organisation_id)
        )
        return _there(found)

    async def change(
        self, actor: Actor, *, name: str | None = None, second_factor_required: bool | None = None
    ) -> Organisation:
        """Change what is given. Needs OWN. Raises InvalidConfiguration."""
        actor.require(Permission.OWN)
        given: dict[str, str | bool] = {}
        if name is not None:
            given["name"] = shown_name(name, "the organisation")
        if second_factor_required is not None:
            given["second_factor_required"] = second_factor_required

        def change(transaction: Connection) -> Organisation:
            before = _there(queries.lock(transaction, actor.organisation_id))
            changed = {key: value for key, value in given.items() if getattr(before, key) != value}
            if not changed:
                return before
            queries.change(transaction, before.id, **changed)
            self._auditor.record(
                transaction,
                actor,
                Action.ORGANISATION_CHANGED,
                f"organisation {before.name}",
                {key: str(value) for key, value in changed.items()},
                now_ns=self._now_ns(),
            )
            return msgspec.structs.replace(before, **changed)

        return await self._database.write(change)

    async def keep_for(self, actor: Actor, days: int) -> Organisation:
        """Keep runs, items and reports for so many days after their end. Needs ADMINISTER.

        What is older by then is removed by the next housekeeping. Raises InvalidConfiguration.
        """
        actor.require(Permission.ADMINISTER)
        if not LEAST_KEPT_DAYS <= days <= MOST_KEPT_DAYS:
            raise NotAcceptable(f"reports are kept from {LEAST_KEPT_DAYS} to {MOST_KEPT_DAYS} days")

        def change(transaction: Connection) -> Organisation:
            before = _there(queries.lock(transaction, actor.organisation_id))
            if before.kept_days == days:
                return before
            queries.change(transaction, before.id, kept_days=days)
            self._auditor.record(
                transaction,
                actor,
                Action.RETENTION_CHANGED,
                f"organisation {before.name}",
                {"days_before": str(before.kept_days), "days": str(days)},
                now_ns=self._now_ns(),
            )
            return msgspec.structs.replace(before, kept_days=days)

        return await self._database.write(change)

    async def delete(self, signed_in: SignedIn, *, typed_name: str) -> None:
        """End the organisation at once: its key in the vault is destroyed, sessions, API keys and invitations end.

        Its rows are removed in batches by `Departures`, and what services had granted it is given back to them, as far as
        they answer within some seconds. Needs OWN and a recent sign-in.

        Raises PermissionDenied, InvalidConfiguration (`typed_name` is not the organisation's name).
        """
        actor = signed_in.actor
        actor.require(Permission.OWN)
        require_own_credentials(signed_in)
        self._sessions.require_recent(signed_in)
        now_ns = self._now_ns()

        def delete(transaction: Connection) -> None:
            organisation = _there(queries.lock(transaction, actor.organisation_id))
            if typed_name.strip() != organisation.name:
                raise NotAcceptable("what you typed is not the organisation's name; nothing was deleted")
            queries.mark_deleted(transaction, organisation.id, now_ns)
            self._auditor.record(
                transaction,
                actor,
                Action.ORGANISATION_DELETED,
                f"organisation {organisation.name}",
                now_ns=now_ns,
            )

        give_back = await self._farewell(actor.organisation_id)
        # One transaction: there is no moment in which the key is gone and the organisation still lives, or the reverse.
        await self._vault.destroy_person(vault_holder(actor.organisation_id), along=delete)
        await give_back()

    def _new(self, name: str) -> Organisation:
        return Organisation(
            id=token_hex(16),
            name=shown_name(name, "the organisation"),
            second_factor_required=False,
            created_ns=self._now_ns(),
        )

    def _now_ns(self) -> int:
        return int(self._now() * 1e9)


def vault_holder(organisation_id: str) -> str:
    """Name the holder of an organisation's key in the vault."""
    return f"organisation:{organisation_id}"


def _there(organisation: Organisation | None) -> Organisation:
    if organisation is None:
        raise NoSuchThing("there is no such organisation")
    return organisation
