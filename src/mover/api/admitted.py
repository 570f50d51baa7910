"""A caller that was let in."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from mover.accounts.actor import Actor
from mover.accounts.records import ApiKey, Client, SignedIn
from mover.staff.keys import StaffKeyUse
from mover.vault.secret import Secret


@dataclass(frozen=True)
class Admitted:
    """A caller that was let in.

    Attributes:
        actor: What it may do.
        credential: What it showed; keys are derived from it that the database must not have.
        client: Where the request came from.
        signed_in: The session, for those who come with one.
        key: The API key, for those who come with one.
        staff: Who of the staff, and with which key, at their API.
        headers: For the answer.
    """

    actor: Actor
    credential: Secret = field(repr=False)
    client: Client
    signed_in: SignedIn | None = None
    key: ApiKey | None = None
    staff: StaffKeyUse | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def derive(self, purpose: str) -> bytes:
        """Derive 32 bytes from the credential, which is random enough for a key and is not kept here in the clear."""
        return hmac.new(
            self.credential.reveal().encode(), b"mover " + purpose.encode(), hashlib.sha256
        ).digest()
