"""What an HTTP status means, for services that say nothing better. Connectors look at their service's own codes first."""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Callable, Mapping

from mover.errors import (
    Conflict,
    Locked,
    MoverError,
    NameRejected,
    NotFound,
    PermissionDenied,
    ProtocolViolation,
    QuotaExceeded,
    ServiceFault,
    SignInFailed,
    Terminal,
    Throttled,
    TimedOut,
    TooLarge,
    Transient,
    Unsupported,
)

_DELAY_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_LONGEST_RETRY_AFTER_S = 7 * 24 * 3600.0

_TERMINAL: Mapping[int, tuple[type[Terminal], str]] = {
    401: (SignInFailed, "the service does not accept the credentials"),
    402: (QuotaExceeded, "the service wants to be paid first"),
    403: (PermissionDenied, "the account may not do this"),
    404: (NotFound, "there is no such entry"),
    405: (Unsupported, "the service does not allow this operation here"),
    409: (Conflict, "something else stands in the way"),
    410: (NotFound, "the entry is gone"),
    411: (Unsupported, "the service needs to know the size in advance"),
    412: (Conflict, "the entry is no longer what it was"),
    413: (TooLarge, "the service does not accept a body of this size"),
    414: (NameRejected, "the path is too long for the service"),
    415: (Unsupported, "the service does not accept this media type"),
    431: (NameRejected, "the path or a header is too long for the service"),
    451: (PermissionDenied, "the service may not give this out for legal reasons"),
    501: (Unsupported, "the service cannot do this"),
    505: (ProtocolViolation, "the service does not speak this version of HTTP"),
    507: (QuotaExceeded, "the storage is full"),
    511: (ProtocolViolation, "something on the way (a captive portal) wants a sign-in"),
}
_TRANSIENT: Mapping[int, tuple[type[Transient], str]] = {
    408: (TimedOut, "the service grew tired of waiting for the request"),
    423: (Locked, "the entry is locked"),
    425: (ServiceFault, "the service is not ready for the request"),
    429: (Throttled, "the service asks for fewer calls"),
    504: (TimedOut, "something behind the service did not answer"),
    509: (Throttled, "the bandwidth that the service grants is used up"),
}


def error_from_status(
    status: int,
    *,
    headers: Mapping[str, str],
    said: str = "",
    service: str = "",
    operation: str = "",
    path: str = "",
    now: Callable[[], float] = time.time,
) -> MoverError:
    """Return the error for an HTTP status that is not the expected one.

    Args:
        status: As received.
        headers: The answer's, looked up without regard to case; `Retry-After` is read.
        said: The service's own words (a short body).
        service: Fills in the error, as do `operation` and `path`.
        operation: See `service`.
        path: See `service`.
        now: Seconds since 1970, for a `Retry-After` with a date.
    """
    # 503 without a wish for a pause is a fault; with one, it is how many services throttle (RFC 9110 15.6.4).
    retry_after_s = parse_retry_after(headers.get("Retry-After"), now=now)
    if found := _TERMINAL.get(status):
        refusal, message = found
        return refusal(
            f"{message} (HTTP {status})", service=service, operation=operation, path=path, said=said
        )
    if status in _TRANSIENT:
        kind, message = _TRANSIENT[status]
    elif status == 503 and retry_after_s is not None:  # noqa: PLR2004 - HTTP statuses are best known as numbers
        kind, message = Throttled, "the service asks for fewer calls"
    elif 500 <= status <= 599:  # noqa: PLR2004 - likewise
        kind, message = ServiceFault, "the service reports a fault of its own"
    else:
        return ProtocolViolation(
            f"unexpected answer (HTTP {status})", service=service, operation=operation, path=path, said=said
        )
    return kind(
        f"{message} (HTTP {status})",
        retry_after_s=retry_after_s,
        service=service,
        operation=operation,
        path=path,
        said=said,
    )


def parse_retry_after(value: str | None, *, now: Callable[[], float] = time.time) -> float | None:
    """Read `Retry-After` (RFC 9110 10.2.3): seconds, or an HTTP date in any of its three forms, as seconds from now.

    None if it is absent or unreadable. A date in the past is 0; more than a week is cut to a week.
    """
    text = (value or "").strip()
    if _DELAY_SECONDS.fullmatch(text):
        return min(float(text), _LONGEST_RETRY_AFTER_S)
    fields = email.utils.parsedate_tz(text) if len(text) <= 64 else None  # noqa: PLR2004 - no date is longer
    if fields is None:
        return None
    try:
        seconds = email.utils.mktime_tz(fields) - now()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_S) if math.isfinite(seconds) else None
