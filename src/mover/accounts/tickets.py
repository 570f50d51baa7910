"""What waits for its second half: a sign-in for its code, a passkey ceremony for its answer, a browser for its return."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mover.accounts.queries.tickets import Ticket
from mover.accounts.tokens import hashed, new_token
from mover.vault.secret import Secret


class Purpose(enum.StrEnum):
    """What a ticket is good for, and for nothing else."""

    SECOND_FACTOR = "second_factor"
    PASSKEY_REGISTRATION = "passkey_registration"
    PASSKEY_SIGN_IN = "passkey_sign_in"
    PASSKEY_SECOND_FACTOR = "passkey_second_factor"
    SINGLE_SIGN_ON = "single_sign_on"
    EMAIL_ADDRESS = "email_address"
    CONNECTION = "connection"

    @property
    def lifetime_s(self) -> int:
        """For how long such a ticket is good."""
        match self:
            case Purpose.SECOND_FACTOR | Purpose.SINGLE_SIGN_ON | Purpose.CONNECTION:
                return 10 * 60
            case Purpose.PASSKEY_REGISTRATION | Purpose.PASSKEY_SIGN_IN | Purpose.PASSKEY_SECOND_FACTOR:
                return 5 * 60
            case Purpose.EMAIL_ADDRESS:
                return 24 * 3600


@dataclass(frozen=True)
class NewTicket:
    """A ticket's text, for the browser, and what is kept of it."""

    token: Secret = field(repr=False)
    kept: Ticket


def new_ticket(
    purpose: Purpose,
    now_ns: int,
    *,
    person_id: str | None = None,
    organisation_id: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> NewTicket:
    """Make a ticket, to be kept by `queries.tickets.add`."""
    token = new_token()
    kept = Ticket(
        token_hash=hashed(token),
        purpose=purpose.value,
        person_id=person_id,
        organisation_id=organisation_id,
        details=details or {},
        created_ns=now_ns,
        expires_ns=now_ns + purpose.lifetime_s * 1_000_000_000,
    )
    return NewTicket(token, kept)
