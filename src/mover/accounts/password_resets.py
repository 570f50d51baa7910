"""A forgotten password: a link by mail sets a new one."""

from __future__ import annotations

from mover.accounts.records import Client
from mover.vault.secret import Secret


class PasswordResets:
    """Links that set a password: hashed, one hour, one use. A second factor is still asked for at the next sign-in."""

    async def ask(self, email: str, client: Client) -> None:
        """Send a link if somebody has this address. Says and takes the same if nobody has.

        Raises Throttled (too many from this network), InvalidConfiguration (this installation sends no mail).
        """
        raise NotImplementedError

    async def look(self, token: Secret) -> None:
        """Raise NotFound unless the link still works; for the page that asks for the new password."""
        raise NotImplementedError

    async def reset(self, token: Secret, new: Secret, client: Client) -> None:
        """Set the password and end all sessions of the person. Of two at once, one wins.

        Raises NotFound (unknown, used, expired), InvalidConfiguration (`new` is too weak; the link goes on working).
        """
        raise NotImplementedError
