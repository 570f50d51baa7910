"""Sessions: a random token with the browser, its SHA-256 in the database."""

from __future__ import annotations

import time
from collections.abc import Callable

from mover.accounts.audit import Auditor
from mover.accounts.records import Client, Entrance, Session, SignedIn
from mover.database.database import Database
from mover.vault.secret import Secret


class Sessions:
    """All sessions. What a session may do is read anew with every request.

    Args:
        database: Where they are.
        auditor: Keeps what happened.
        idle_s: Ends when unused for so long.
        absolute_s: Ends so long after the sign-in, whatever happens.
        recent_s: For how long a sign-in counts as recent.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        auditor: Auditor,
        *,
        idle_s: float = 12 * 3600,
        absolute_s: float = 7 * 24 * 3600,
        recent_s: float = 10 * 60,
        now: Callable[[], float] = time.time,
    ) -> None:
        raise NotImplementedError

    async def find(self, token: Secret) -> SignedIn:
        """Find who a token belongs to, and note that it was used (written at most once a minute).

        Raises SignInFailed: unknown, expired or revoked, in the same words.
        """
        raise NotImplementedError

    def require_recent(self, signed_in: SignedIn) -> None:
        """Raise PermissionDenied unless the person showed who they are in the last minutes; for dangerous acts."""
        raise NotImplementedError

    async def switch(self, signed_in: SignedIn, organisation_id: str, client: Client) -> Entrance:
        """Go on in another organisation of the same person, with a new token; the old one ends.

        Raises NotFound, PermissionDenied (a session of single sign-on stays in its organisation).
        """
        raise NotImplementedError

    async def list(self, signed_in: SignedIn) -> list[Session]:
        """List the person's sessions, the one used last first; only the present one if it is of single sign-on."""
        raise NotImplementedError

    async def end(self, signed_in: SignedIn) -> None:
        """Sign out."""
        raise NotImplementedError

    async def revoke(self, signed_in: SignedIn, session_id: str) -> None:
        """End one of the person's sessions. Raises NotFound."""
        raise NotImplementedError

    async def revoke_others(self, signed_in: SignedIn) -> int:
        """End all of the person's sessions but this one; returns how many."""
        raise NotImplementedError
