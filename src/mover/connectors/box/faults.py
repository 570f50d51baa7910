"""What Box's refusals mean: its codes first, the HTTP status where there is none.

Source: Box guide "Common errors"; what was seen elsewhere is marked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import msgspec

from mover.connectors.box.answers import Item
from mover.errors import (
    Changed,
    Conflict,
    IntegrityError,
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
    Throttled,
    TooLarge,
    Transient,
    Unsupported,
)
from mover.transport.http import HttpResponse
from mover.transport.status import error_from_status, parse_retry_after
from mover.transport.unreadable import UNREADABLE

NAME_IN_USE = "item_name_in_use"
OVERLAP = "range_overlaps_existing_part"
PARTS_MISMATCH = "parts_mismatch"
TOO_SMALL = "file_size_too_small"
ALREADY_THERE = "user_already_collaborator"

ACCEPTED = 202
_FIRST_NO_SUCCESS = 300
_LONGEST = 256 * 1024

_MEANINGS: Mapping[str, tuple[type[MoverError], str]] = {
    "access_denied_insufficient_permissions": (PermissionDenied, "the account may not do this"),
    "access_denied_item_locked": (Locked, "somebody has locked the file"),
    "access_from_location_blocked": (PermissionDenied, "the administrator does not allow access from here"),
    "bad_digest": (IntegrityError, "other bytes arrived than were sent"),
    "conflict": (Conflict, "something of that name is there"),
    "cyclical_folder_structure": (Unsupported, "a folder cannot be moved into itself"),
    "digest_mismatch": (IntegrityError, "other bytes arrived than were sent"),  # unconfirmed
    "file_size_limit_exceeded": (TooLarge, "the owner's plan does not allow files of this size"),
    TOO_SMALL: (Unsupported, "the service does not take files of this size in chunks"),
    "forbidden": (PermissionDenied, "the account may not do this"),
    "forbidden_by_policy": (PermissionDenied, "a policy of the organisation does not allow this"),
    "insufficient_scope": (PermissionDenied, "the app was not granted what this needs"),
    "invalid_collaboration_item": (Unsupported, "this cannot be shared"),
    "invalid_upload_session_id": (NotFound, "the upload is gone"),
    NAME_IN_USE: (Conflict, "something of that name is there"),
    "item_name_invalid": (NameRejected, "the service does not accept this name"),
    "item_name_too_long": (PathTooLong, "the name is longer than the service accepts"),
    "collaborations_not_available_on_root_folder": (Unsupported, "the root folder cannot be shared"),
    "name_temporarily_reserved": (Locked, "another upload of that name is under way"),
    "not_found": (NotFound, "there is no such entry"),
    "operation_blocked_temporary": (Locked, "another operation on the folder is under way"),
    PARTS_MISMATCH: (
        ServiceFault,
        "the service has not put all chunks together yet",
    ),  # seen: rclone issue 2054
    "password_reset_required": (SignInFailed, "the user has to reset the password first"),
    "precondition_failed": (Changed, "the entry is no longer what it was"),
    "rate_limit_exceeded": (Throttled, "the service asks for fewer calls"),
    "request_entity_too_large": (TooLarge, "the service does not accept files of this size"),
    "session_expired": (NotFound, "the upload has expired"),
    "storage_limit_exceeded": (QuotaExceeded, "the account's storage is full"),
    "sync_state_precondition_failed": (Changed, "the entry is no longer what it was"),
    "terms_of_service_required": (SignInFailed, "the user has to accept the organisation's terms first"),
    "trashed": (NotFound, "the entry is in the trash"),
    "unauthorized": (SignInFailed, "the service does not accept the sign-in"),
    "upload_failed": (NotFound, "the upload cannot go on"),
    "user_email_confirmation_required": (SignInFailed, "the user has to confirm the address first"),
}
_MALWARE = "malware"


class _ManyConflicts(msgspec.Struct, frozen=True):
    conflicts: list[Item] | None = None


class _OneConflict(msgspec.Struct, frozen=True):
    conflicts: Item | None = None


class _Words(msgspec.Struct, frozen=True):
    code: str | None = None
    message: str | None = None
    context_info: msgspec.Raw = msgspec.Raw(b"null")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is no success.

    Attributes:
        status: Of HTTP.
        code: Box's; empty if it gave none.
        message: Box's words.
        conflict: What stands in the way.
        headers: Of the answer.
    """

    status: int
    code: str = ""
    message: str = ""
    conflict: Item | None = None
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)

    def error(
        self, *, service: str, operation: str, path: str, now: Callable[[], float] = time.time
    ) -> MoverError:
        """Return the error that this answer means."""
        said = ": ".join(part for part in (self.code, self.message) if part)
        place = {"service": service, "operation": operation, "path": path, "said": said}
        kind, message = _MEANINGS.get(self.code, (None, ""))
        if self.code == "forbidden_by_policy" and _MALWARE in self.message.lower():
            kind, message = MalwareFlagged, "the service calls the file malicious"
        if kind is None:
            return error_from_status(self.status, headers=self.headers, now=now, **place)
        if issubclass(kind, Transient):
            retry_after_s = parse_retry_after(self.headers.get("Retry-After"), now=now)
            return kind(message, retry_after_s=retry_after_s, **place)
        return kind(message, **place)


async def fault_in(answer: HttpResponse) -> Fault | None:
    """Read what is wrong with an answer; None if nothing is."""
    if answer.status < _FIRST_NO_SUCCESS:
        return None
    return _read(answer.status, dict(answer.headers), await answer.read(_LONGEST))


def _read(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    try:
        words = msgspec.json.decode(body, type=_Words)
    except UNREADABLE:
        return Fault(status=status, headers=headers)
    return Fault(
        status=status,
        code=words.code or "",
        message=words.message or "",
        conflict=_conflict(words.context_info),
        headers=headers,
    )


def _conflict(raw: msgspec.Raw) -> Item | None:
    """Read what stands in the way: one item, or a list of them (both are seen)."""
    try:
        many = msgspec.json.decode(raw, type=_ManyConflicts).conflicts
    except UNREADABLE:
        pass
    else:
        return many[0] if many else None
    try:
        return msgspec.json.decode(raw, type=_OneConflict).conflicts
    except UNREADABLE:
        return None


@contextmanager
def placed(service: str, operation: str, path: str) -> Iterator[None]:
    """Let errors say where they happened."""
    try:
        yield
    except MoverError as error:
        error.at(service=service, operation=operation, path=path)
        raise
