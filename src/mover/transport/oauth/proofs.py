"""What has to be the same when somebody comes back who left for a service's sign-in page.

State, nonce and PKCE verifier are derived from a ticket, which only the one who left has: a browser in a cookie, a command
in its memory. Nothing that the database holds lets anybody else finish what was begun.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from mover.vault.secret import Secret


@dataclass(frozen=True)
class Proofs:
    """What one departure is recognised by."""

    state: str
    nonce: str
    verifier: Secret = field(repr=False)

    @classmethod
    def of(cls, ticket: Secret, purpose: str) -> Proofs:
        """Derive them from a ticket. Those of one purpose say nothing about those of another."""
        return cls(
            _derived(ticket, purpose, "state"),
            _derived(ticket, purpose, "nonce"),
            Secret(_derived(ticket, purpose, "verifier")),
        )

    def state_matches(self, presented: str) -> bool:
        """Tell whether the one who comes back is the one who left."""
        return hmac.compare_digest(self.state.encode(), presented.encode("utf-8", "surrogatepass"))


def _derived(ticket: Secret, purpose: str, what: str) -> str:
    return hmac.new(ticket.reveal().encode(), f"mover {purpose} {what}".encode(), hashlib.sha256).hexdigest()
