"""What a token endpoint's "no" means (RFC 6749 section 5.2)."""

from __future__ import annotations

from typing import Any

from mover.errors import InvalidConfiguration, SignInFailed

_TELL_THE_APP = frozenset(
    {"invalid_client", "unauthorized_client", "invalid_scope", "unsupported_grant_type"}
)


class GrantRefused(SignInFailed):
    """The service gives no tokens for what it was shown: expired, revoked, or used already.

    Attributes:
        code: The service's error code, such as `invalid_grant`; empty if it gave none. From outside.
        description: Its words beside it; what was shown to it is cut out of them. From outside.
    """

    advice = "Connect the account again under the same name; pairs and history are kept."

    def __init__(self, message: str, *, code: str = "", description: str = "", **place: Any) -> None:
        super().__init__(message, said=": ".join(part for part in (code, description) if part), **place)
        self.code = code
        self.description = description


class AppRefused(GrantRefused):
    """The service does not accept the app as which Mover shows itself, or grants it less than it asks for."""

    advice = (
        "Have the app's registration at the service checked: its client id, its secret (it may have expired), its "
        "redirect address and its permissions."
    )


class AppMissing(InvalidConfiguration):
    """Mover is not registered at the vendor, or nobody has said as what."""

    advice = "Have the operator register Mover at the service as docs/services tells, and set its client id."

    @classmethod
    def at_vendor(cls, vendor: str) -> AppMissing:
        """Say which settings are missing."""
        name = vendor.upper()
        return cls(
            f"Mover is not registered as an app at {vendor.capitalize()}: its operator sets MOVER_{name}_CLIENT_ID and "
            f"MOVER_{name}_CLIENT_SECRET; or give client_id and client_secret of an app of your own"
        )


def refusal(code: str, description: str, **place: Any) -> GrantRefused:
    """Return the error for a token endpoint's error code."""
    if code in _TELL_THE_APP:
        return AppRefused(
            "the service does not accept the app that Mover is registered as",
            code=code,
            description=description,
            **place,
        )
    return GrantRefused(
        "the service does not accept the sign-in any more", code=code, description=description, **place
    )
