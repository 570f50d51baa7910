"""Time-based codes (TOTP, RFC 6238) and recovery codes."""

from __future__ import annotations

from mover.accounts.records import SecondFactor, SignedIn, TotpSetup
from mover.vault.secret import Secret


class SecondFactors:
    """Codes of people. The TOTP secret is in the vault of `person:<id>`, recovery codes are hashed; each works once."""

    async def ways(self, person_id: str) -> frozenset[SecondFactor]:
        """Tell which second factors a person has set up."""
        raise NotImplementedError

    async def begin_totp(self, signed_in: SignedIn) -> TotpSetup:
        """Make a TOTP secret to be scanned. It counts once `finish_totp` has seen a code of it.

        Raises PermissionDenied (no recent sign-in, or signed in by single sign-on), Conflict (there is one already).
        """
        raise NotImplementedError

    async def finish_totp(self, signed_in: SignedIn, code: str) -> list[Secret]:
        """Take TOTP into use; returns ten recovery codes, shown once. Other sessions of the person end.

        Raises SignInFailed (wrong code), Throttled, NotFound (nothing was begun).
        """
        raise NotImplementedError

    async def remove_totp(self, signed_in: SignedIn) -> None:
        """Stop using TOTP; the recovery codes go with it unless there are passkeys. Raises PermissionDenied, NotFound."""
        raise NotImplementedError

    async def new_recovery_codes(self, signed_in: SignedIn) -> list[Secret]:
        """Make ten new recovery codes; the old ones stop working. Raises PermissionDenied, Conflict (no second factor)."""
        raise NotImplementedError

    async def recovery_codes_left(self, signed_in: SignedIn) -> int:
        """Count the person's unused recovery codes."""
        raise NotImplementedError

    async def redeem(self, person_id: str, code: str) -> SecondFactor | None:
        """Use up a TOTP or recovery code; None if it is wrong or was used. Of two at once, one wins."""
        raise NotImplementedError
