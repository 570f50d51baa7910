"""The people of an organisation, and what a person may change about themself."""

from __future__ import annotations

import time
from collections.abc import Callable

from mover.accounts.actor import Actor, Role
from mover.accounts.audit import Auditor
from mover.accounts.passwords import Passwords
from mover.accounts.records import Member, Membership, Person, SignedIn
from mover.database.database import Database
from mover.vault.secret import Secret


class People:
    """Members of organisations. An organisation always has an owner; nobody gives a role above their own."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        auditor: Auditor,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        raise NotImplementedError

    async def list(self, actor: Actor) -> list[Member]:
        """List the organisation's members by name. Needs READ."""
        raise NotImplementedError

    async def get(self, actor: Actor, person_id: str) -> Member:
        """Find a member. Needs READ. Raises NotFound."""
        raise NotImplementedError

    async def change_role(self, actor: Actor, person_id: str, role: Role) -> Member:
        """Give a member another role, and end all sessions of that person in this organisation.

        Needs ADMINISTER; OWN if an owner is made or unmade. Raises NotFound, Conflict (the last owner).
        """
        raise NotImplementedError

    async def remove(self, actor: Actor, person_id: str) -> None:
        """Remove a member: sessions in this organisation end, API keys that the person made here are revoked.

        Needs ADMINISTER; OWN for an owner. One may always remove oneself. Raises NotFound, Conflict (the last owner).
        """
        raise NotImplementedError

    async def memberships(self, signed_in: SignedIn) -> list[Membership]:
        """List the organisations of the person who is signed in, by name; only the session's own if it is bound to it."""
        raise NotImplementedError

    async def rename(self, signed_in: SignedIn, name: str) -> Person:
        """Change one's own name. Raises InvalidConfiguration."""
        raise NotImplementedError

    async def change_password(self, signed_in: SignedIn, current: Secret | None, new: Secret) -> None:
        """Set one's own password; all other sessions of the person end.

        Args:
            signed_in: Not by single sign-on: that one's provider does not vouch for other organisations.
            current: The present one; None for a person who has none, with a recent sign-in.
            new: See `Passwords.check`.

        Raises SignInFailed (`current` is wrong), Throttled, InvalidConfiguration (`new` is too weak), PermissionDenied.
        """
        raise NotImplementedError
