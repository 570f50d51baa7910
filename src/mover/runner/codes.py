"""The code of a run that ended before its engine could say one."""

from __future__ import annotations

from mover.connections.connections import ConnectionGone
from mover.connections.service_rules import NotAllowed
from mover.errors import (
    AddressRefused,
    ApiQuotaExceeded,
    InvalidConfiguration,
    MoverError,
    NotFound,
    QuotaExceeded,
    SignInFailed,
    Throttled,
    TimedOut,
    Unreachable,
    UntrustedServer,
    UserNotFound,
)
from mover.migrations.states import RunCode


def code_of(error: MoverError) -> RunCode:
    """The code of a run that ended before its engine could say one."""
    match error:
        case ConnectionGone():
            return RunCode.CONNECTION_NOT_FOUND
        case SignInFailed() | NotAllowed():
            return RunCode.SIGN_IN_FAILED
        case UserNotFound():
            return RunCode.USER_NOT_FOUND
        case NotFound() | InvalidConfiguration():
            return RunCode.ROOT_INVALID
        case QuotaExceeded():
            return RunCode.DESTINATION_QUOTA
        case Throttled() | ApiQuotaExceeded():
            return RunCode.API_QUOTA
        case Unreachable() | TimedOut() | AddressRefused() | UntrustedServer():
            return RunCode.SOURCE_UNREACHABLE
        case _:
            return RunCode.GENERAL_FAILURE
