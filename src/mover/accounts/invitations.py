"""Invitations to an organisation, by mail."""

from __future__ import annotations

from dataclasses import dataclass, field

from mover.accounts.actor import Actor, Role
from mover.accounts.records import Client, Entrance, Invitation, SignedIn
from mover.vault.secret import Secret


@dataclass(frozen=True)
class Invited:
    """An invitation. `link` is to be handed over by the one who invites; None if it went out by mail."""

    invitation: Invitation
    link: Secret | None = field(repr=False)


class Invitations:
    """Invitations: a random token by mail, hashed here; seven days, one use, revocable."""

    async def invite(self, actor: Actor, email: str, role: Role) -> Invited:
        """Invite somebody; an open invitation of the same address is replaced.

        Needs ADMINISTER; OWN to invite an owner. Raises InvalidConfiguration (address), Conflict (is a member already),
        and what `Mail.send` raises: then the invitation stands and can be sent again.
        """
        raise NotImplementedError

    async def open(self, actor: Actor) -> list[Invitation]:
        """List open invitations, the newest first. Needs ADMINISTER."""
        raise NotImplementedError

    async def revoke(self, actor: Actor, invitation_id: str) -> None:
        """Take an open invitation back. Needs ADMINISTER. Raises NotFound."""
        raise NotImplementedError

    async def look(self, token: Secret) -> Invitation:
        """Show an open invitation to the one who has its link. Raises NotFound."""
        raise NotImplementedError

    async def accept_as_new(self, token: Secret, *, name: str, password: Secret, client: Client) -> Entrance:
        """Become a person and a member; the address counts as verified. Of two at once, one wins.

        Raises NotFound (unknown, used, revoked, expired), Conflict (the address has an account: sign in first),
        InvalidConfiguration (name, password).
        """
        raise NotImplementedError

    async def accept(self, signed_in: SignedIn, token: Secret, client: Client) -> Entrance:
        """Become a member with the account that is signed in, whose address has to be the invited one; goes on there.

        Raises NotFound, PermissionDenied (another address; a session of single sign-on).
        """
        raise NotImplementedError
