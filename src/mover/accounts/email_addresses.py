"""Whether an e-mail address is somebody's: a link that was sent there comes back; and changing one's address."""

from __future__ import annotations

from mover.accounts.records import Person, SignedIn
from mover.vault.secret import Secret


class EmailAddresses:
    """Addresses of people: spelled one way, verified by a link (one day, one use)."""

    async def ask(self, signed_in: SignedIn, email: str | None = None) -> None:
        """Send a link to the person's address, or to the one that shall take its place.

        Raises PermissionDenied (another address without a recent sign-in, or by single sign-on), InvalidConfiguration,
        Throttled.
        """
        raise NotImplementedError

    async def verify(self, token: Secret) -> Person:
        """The link came back: the address is the person's. Raises NotFound, Conflict (taken meanwhile)."""
        raise NotImplementedError
