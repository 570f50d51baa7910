"""Signing in with a password, and with a second factor after it."""

from __future__ import annotations

from mover.accounts.records import Client, Entrance, SecondFactorNeeded, SignedIn
from mover.vault.secret import Secret


class SignIn:
    """The way in for people with a password. (Passkeys alone: `Passkeys`; single sign-on: `SingleSignOn`.)"""

    async def with_password(
        self, email: str, password: Secret, client: Client, *, device: Secret | None = None
    ) -> Entrance | SecondFactorNeeded:
        """Sign in, or get half-way if the person has a second factor.

        Args:
            email: In any case.
            password: As typed.
            client: Where the request comes from.
            device: The known-device cookie, if the browser has one.

        Raises SignInFailed (the same words for an unknown address and a wrong password), Throttled.
        """
        raise NotImplementedError

    async def with_code(self, ticket: Secret, code: str, client: Client) -> Entrance:
        """Finish with a TOTP or recovery code. Raises SignInFailed, Throttled. The ticket lives for five wrong codes."""
        raise NotImplementedError

    async def with_passkey(self, ticket: Secret, ceremony: Secret, response: str, client: Client) -> Entrance:
        """Finish with a passkey; `ceremony` is the ticket of `Passkeys.begin_second_factor`. Raises SignInFailed."""
        raise NotImplementedError

    async def confirm(
        self, signed_in: SignedIn, client: Client, *, password: Secret | None = None, code: str | None = None
    ) -> Entrance:
        """Show again who sits there, for a dangerous act: the password, and a code if the person has a second factor.

        The session goes on with a new token. Raises SignInFailed, Throttled.
        """
        raise NotImplementedError
