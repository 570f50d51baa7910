"""How long what is kept, as far as the operator decides it; organisations decide about their runs and reports themselves."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Retention(BaseModel):
    """Times after which things are removed or end. In the environment: `MOVER_RETENTION__AUDIT_DAYS` and so on.

    Attributes:
        audit_days: Events of the audit log of organisations, also of deleted ones.
        strangers_days: Events that belong to no organisation: attempts of strangers to sign in.
        notices_days: Messages to webhooks and mails that were sent, or given up.
        idle_connections_days: A connection that was not used for so long is de-authorised, its secrets are destroyed.
        session_hours: A sign-in ends after so long, whatever happens.
        session_idle_hours: It ends after so long without use.
        unused_days: Known browsers, counters of attempts, and ended invitations.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    audit_days: int = Field(400, ge=30, le=3650)
    strangers_days: int = Field(90, ge=1, le=3650)
    notices_days: int = Field(90, ge=1, le=3650)
    idle_connections_days: int = Field(90, ge=1, le=3650)
    session_hours: float = Field(7 * 24, gt=0, le=24 * 365, allow_inf_nan=False)
    session_idle_hours: float = Field(12, gt=0, le=24 * 365, allow_inf_nan=False)
    unused_days: int = Field(90, ge=1, le=3650)
