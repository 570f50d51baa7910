"""From Google's refusals to `mover.errors` ("Resolve errors" of the Drive guides).

The status says little: too many calls, no room and no permission are all 403. What counts is the reason in the body.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from mover.errors import (
    ApiQuotaExceeded,
    Conflict,
    MalwareFlagged,
    MoverError,
    NotFound,
    PathTooLong,
    PermissionDenied,
    QuotaExceeded,
    ServiceFault,
    Terminal,
    Throttled,
    TooLarge,
    Transient,
    Unsupported,
    UserNotFound,
)
from mover.transport.status import error_from_status, parse_retry_after
from mover.transport.unreadable import UNREADABLE

BODY_LIMIT = 64 * 1024

_TERMINAL: Mapping[str, tuple[type[Terminal], str]] = {
    "dailyLimitExceeded": (ApiQuotaExceeded, "the calls that Google grants for a day are used up"),
    "dailyLimitExceededUnreg": (ApiQuotaExceeded, "the calls that Google grants for a day are used up"),
    "quotaExceeded": (ApiQuotaExceeded, "the calls that Google grants are used up"),
    "downloadQuotaExceeded": (ApiQuotaExceeded, "the file was downloaded too often for today"),
    "sharingRateLimitExceeded": (ApiQuotaExceeded, "Google grants no more sharing for today"),
    "storageQuotaExceeded": (QuotaExceeded, "the storage of the account is full"),
    "teamDriveFileLimitExceeded": (QuotaExceeded, "the shared drive holds as many items as it may"),
    "numChildrenInNonRootLimitExceeded": (Unsupported, "the folder holds as many items as it may"),
    "activeItemCreationLimitExceeded": (QuotaExceeded, "the account has made as many items as it may"),
    "teamDriveHierarchyTooDeep": (PathTooLong, "the shared drive takes no folders as deep as that"),
    "cannotDownloadAbusiveFile": (
        MalwareFlagged,
        "Google takes this file for malicious and does not hand it out",
    ),
    "cannotDownloadFile": (PermissionDenied, "its owner does not let it be downloaded"),
    "exportSizeLimitExceeded": (TooLarge, "the document is too large to be exported this way"),
    "fileNotDownloadable": (Unsupported, "it has no content that could be downloaded"),
    "fileNotExportable": (Unsupported, "it cannot be exported"),
    "revisionsNotSupported": (Unsupported, "Google keeps no versions of it"),
    "teamDrivesFolderMoveInNotSupported": (Unsupported, "folders cannot be moved into a shared drive"),
    "notFound": (NotFound, "there is no such entry, or the account may not see it"),
    "fileIdInUse": (Conflict, "an entry with this id is there already"),
    "parentNotAFolder": (NotFound, "what it should go into is not a folder"),
    "invalidSharingRequest": (UserNotFound, "Google does not know whom it should be shared with"),
    "accessNotConfigured": (
        PermissionDenied,
        "the Drive API is not switched on in the project of Mover's app",
    ),
    "insufficientPermissions": (PermissionDenied, "the account has not granted Mover what this needs"),
    "appNotAuthorizedToFile": (PermissionDenied, "the account has not granted Mover access to this file"),
    "domainPolicy": (PermissionDenied, "the domain's administrators do not allow this"),
}
_TRANSIENT: Mapping[str, tuple[type[Transient], str]] = {
    "userRateLimitExceeded": (Throttled, "Google asks for fewer calls of this account"),
    "rateLimitExceeded": (Throttled, "Google asks for fewer calls"),
    "rateLimitExceededUnreg": (Throttled, "Google asks for fewer calls"),
    "backendError": (ServiceFault, "Google reports a fault of its own"),
    "internalError": (ServiceFault, "Google reports a fault of its own"),
}


class IdRefused(Unsupported):
    """A generated id cannot be used here (any more)."""


class _Detail(msgspec.Struct, frozen=True):
    reason: str = ""
    location: str = ""


class _Error(msgspec.Struct, frozen=True):
    message: str = ""
    errors: tuple[_Detail, ...] = ()
    status: str = ""


class _Body(msgspec.Struct, frozen=True):
    error: _Error = _Error()


class Refused(msgspec.Struct, frozen=True):
    """What a refusal says.

    Attributes:
        status: HTTP.
        reason: Google's word for it; empty where it has none.
        location: Which parameter is meant.
        said: For people.
    """

    status: int
    reason: str
    location: str
    said: str

    @classmethod
    def read(cls, status: int, body: bytes) -> Refused:
        """Read a body; anything else than Google's form says nothing."""
        try:
            error = msgspec.json.decode(body, type=_Body).error
        except UNREADABLE:
            return cls(status, "", "", "")
        first = error.errors[0] if error.errors else _Detail()
        return cls(status, first.reason, first.location, error.message)


def fault(refused: Refused, headers: Mapping[str, str], *, operation: str, path: str) -> MoverError:
    """Return the error for a refusal."""
    return _meaning(refused, headers).at(operation=operation, path=path)


def _meaning(refused: Refused, headers: Mapping[str, str]) -> MoverError:
    said = refused.said
    if refused.status >= 400 and (terminal := _TERMINAL.get(refused.reason)):  # noqa: PLR2004 - HTTP statuses are best known as numbers
        kind, message = terminal
        return kind(message, said=said)
    if passing := _TRANSIENT.get(refused.reason):
        transient, message = passing
        return transient(message, retry_after_s=parse_retry_after(headers.get("Retry-After")), said=said)
    match refused.status:
        case 400 if refused.location == "pageToken":
            return NotFound("Google no longer knows how far the listing had come", said=said)
        case 400 if refused.location == "file.id":
            return IdRefused("Google does not take an id that it gave out", said=said)
        case 499:
            return NotFound("the upload was cancelled", said=said)
    return error_from_status(refused.status, headers=headers, said=said)
