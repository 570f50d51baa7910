"""Passkeys (WebAuthn level 2): as the only thing needed, and as a second factor."""

from __future__ import annotations

from mover.accounts.records import Ceremony, Client, Entrance, Passkey, SignedIn
from mover.vault.secret import Secret


class Passkeys:
    """Passkeys of people. Challenges are kept here, work once, and for five minutes."""

    async def list(self, signed_in: SignedIn) -> list[Passkey]:
        """List one's own passkeys."""
        raise NotImplementedError

    async def begin_registration(self, signed_in: SignedIn) -> Ceremony:
        """Ask the browser for a new passkey. Raises PermissionDenied (no recent sign-in, or by single sign-on)."""
        raise NotImplementedError

    async def finish_registration(
        self, signed_in: SignedIn, ticket: Secret, response: str, *, name: str
    ) -> Passkey:
        """Keep the passkey that the browser made (`response`: its JSON). Raises SignInFailed, InvalidConfiguration."""
        raise NotImplementedError

    async def rename(self, signed_in: SignedIn, passkey_id: str, name: str) -> Passkey:
        """Name a passkey. Raises NotFound, InvalidConfiguration."""
        raise NotImplementedError

    async def remove(self, signed_in: SignedIn, passkey_id: str) -> None:
        """Forget a passkey; all other sessions of the person end. Raises NotFound, PermissionDenied."""
        raise NotImplementedError

    async def begin_sign_in(self, client: Client) -> Ceremony:
        """Ask the browser for any passkey of this site; who it is, the passkey says. Raises Throttled."""
        raise NotImplementedError

    async def finish_sign_in(self, ticket: Secret, response: str, client: Client) -> Entrance:
        """Sign in with a passkey alone: it verified its user, so it is both factors. Raises SignInFailed."""
        raise NotImplementedError

    async def begin_second_factor(self, ticket: Secret) -> Ceremony:
        """Ask for a passkey of the person whose password was right (`ticket` of SecondFactorNeeded). Raises SignInFailed."""
        raise NotImplementedError
