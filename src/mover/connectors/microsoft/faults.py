"""What Graph's refusals mean ("Microsoft Graph error responses and resource types"): the code first, then the status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from mover.errors import (
    Changed,
    Conflict,
    Locked,
    MalwareFlagged,
    MoverError,
    NameRejected,
    NotFound,
    PathTooLong,
    PermissionDenied,
    QuotaExceeded,
    ServiceFault,
    SignInFailed,
    Terminal,
    Throttled,
    TooLarge,
    Unsupported,
    UserNotFound,
)
from mover.transport.status import error_from_status, parse_retry_after
from mover.transport.unreadable import UNREADABLE

_LONGEST_SAID = 1000
_DEEPEST = 8
_SECRET = re.compile(r"[A-Za-z0-9_.~+/=!%-]{40,}")
_UNAVAILABLE = frozenset({429, 503, 509})

_MEANING: Mapping[str, tuple[type[Terminal], str]] = {
    "accessdenied": (PermissionDenied, "the account may not do this"),
    "authorization_requestdenied": (
        PermissionDenied,
        "the app lacks a permission, or an administrator's consent",
    ),
    "notallowed": (PermissionDenied, "the service does not allow this"),
    "itemnotfound": (NotFound, "there is no such entry"),
    "resyncrequired": (NotFound, "the changes since then are no longer known"),
    "resourcenotfound": (UserNotFound, "there is no such user or site, or its storage was not made yet"),
    "request_resourcenotfound": (UserNotFound, "there is no such user"),
    "noresolvedusers": (UserNotFound, "the service knows nobody of that address"),
    "namealreadyexists": (Conflict, "an entry of this name is there already"),
    "quotalimitreached": (QuotaExceeded, "the storage is full"),
    "insufficientstorage": (QuotaExceeded, "the storage is full"),
    "malwaredetected": (MalwareFlagged, "the service considers the file malicious"),
    "virussuspicious": (MalwareFlagged, "the service considers the file malicious"),
    "invalidname": (NameRejected, "the service does not accept the name"),
    "pathistoolong": (PathTooLong, "the path is longer than the service accepts"),
    "pathtoolong": (PathTooLong, "the path is longer than the service accepts"),
    "nametoolong": (PathTooLong, "the name is longer than the service accepts"),
    "maxfilesizeexceeded": (TooLarge, "the service does not accept files of this size"),
    "notsupported": (Unsupported, "the service cannot do this"),
    "invalidauthenticationtoken": (SignInFailed, "the service does not accept the access token"),
    "unauthenticated": (SignInFailed, "the service does not accept the access token"),
}
_TRANSIENT: Mapping[str, tuple[type[Changed | Locked | Throttled | ServiceFault], str]] = {
    "resourcemodified": (Changed, "the entry is no longer the one that was seen"),
    "resourcelocked": (Locked, "the entry or its site is locked"),
    "itemlocked": (Locked, "the entry is locked"),
    "activitylimitreached": (Throttled, "the service asks for fewer calls"),
    "toomanyrequests": (Throttled, "the service asks for fewer calls"),
    "throttledrequest": (Throttled, "the service asks for fewer calls"),
}


def error_of(
    status: int, headers: Mapping[str, str], body: bytes, *, service: str, operation: str, path: str
) -> MoverError:
    """Return what a refusal means."""
    codes, message = _read(body)
    said = ": ".join(part for part in (codes[0] if codes else "", message) if part)
    said = _without_secrets(said)
    pause = parse_retry_after(headers.get("Retry-After"))
    for code in reversed(codes):  # the innermost is the most exact
        if code in _MEANING and status not in _UNAVAILABLE:
            kind, text = _MEANING[code]
            return kind(f"{text} (HTTP {status})", service=service, operation=operation, path=path, said=said)
        if code in _TRANSIENT:
            passing, text = _TRANSIENT[code]
            return passing(
                f"{text} (HTTP {status})",
                retry_after_s=pause,
                service=service,
                operation=operation,
                path=path,
                said=said,
            )
    if status == 412:  # noqa: PLR2004 - HTTP statuses are best known as numbers
        return Changed(
            "the entry is no longer the one that was seen (HTTP 412)",
            service=service,
            operation=operation,
            path=path,
            said=said,
        )
    return error_from_status(
        status, headers=headers, service=service, operation=operation, path=path, said=said
    )


def _read(body: bytes) -> tuple[list[str], str]:
    """Return the codes in lower case, from the outer to the inner one, and the message."""
    try:
        found = msgspec.json.decode(body)
    except UNREADABLE:
        return [], ""
    error = found.get("error") if isinstance(found, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    codes: list[str] = []
    for _ in range(_DEEPEST):
        if not isinstance(error, dict):
            break
        code: Any = error.get("code")
        if isinstance(code, str):
            codes.append(code[:_LONGEST_SAID].lower())
        error = error.get("innerError") or error.get("innererror")
    return codes, message[:_LONGEST_SAID] if isinstance(message, str) else ""


def _without_secrets(said: str) -> str:
    """Cut out whatever is long enough to be a token."""
    return _SECRET.sub("…", said)
