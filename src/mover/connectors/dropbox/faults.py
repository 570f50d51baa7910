"""What Dropbox's refusals mean.

Source: "Dropbox API v2: Errors" and the unions of the API's description: 409 has `{"error_summary", "error": {".tag"}}`
with one union in another, 400 is text, 401, 403, 422 and most of 429 are JSON of the same form.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mover.errors import (
    AccountSuspended,
    Conflict,
    IntegrityError,
    Locked,
    MoverError,
    NameRejected,
    NotFound,
    PermissionDenied,
    ProtocolViolation,
    QuotaExceeded,
    ServiceFault,
    SignInFailed,
    Throttled,
    TooLarge,
    Transient,
    Unsupported,
    UserNotFound,
)
from mover.transport.status import error_from_status, parse_retry_after
from mover.transport.unreadable import UNREADABLE

BAD_REQUEST = 400
UNAUTHORIZED = 401
FORBIDDEN = 403
ROUTE_ERROR = 409
RANGE_NOT_SATISFIABLE = 416
BAD_ROOT = 422
TOO_MANY = 429

_DEEPEST = 6
_STALE_TOKENS = frozenset({"expired_access_token", "invalid_access_token"})

_AUTHENTICATION: Mapping[str, tuple[type[MoverError], str]] = {
    "user_suspended": (AccountSuspended, "the account is suspended"),
    "invalid_select_user": (UserNotFound, "the team has no such member, or it is not active"),
    "invalid_select_admin": (
        PermissionDenied,
        "the person who signed in is no administrator of the team any more",
    ),
    "missing_scope": (PermissionDenied, "the app has not been granted a permission that this needs"),
    "route_access_denied": (PermissionDenied, "the app may not do this"),
}

# In this order: what is most telling about an error that has several of these tags comes first.
_MEANINGS: Mapping[str, tuple[type[MoverError], str]] = {
    "too_many_write_operations": (Throttled, "too many changes at once in one folder tree"),
    "rate_limit": (Throttled, "the service asks for fewer calls"),
    "insufficient_space": (QuotaExceeded, "the account's storage is full"),
    "insufficient_quota": (QuotaExceeded, "the account's storage is full"),
    "disallowed_name": (NameRejected, "Dropbox keeps no files of this name"),
    "folder_name_reserved": (NameRejected, "Dropbox keeps this name for itself"),
    "invalid_folder_name": (NameRejected, "Dropbox does not accept this name"),
    "malformed_path": (NameRejected, "Dropbox does not accept this name"),
    "no_write_permission": (PermissionDenied, "the folder may only be read"),
    "access_restricted": (PermissionDenied, "the team's rules do not allow this"),
    "operation_suppressed": (PermissionDenied, "the team's rules do not allow this"),
    "cant_share_outside_team": (PermissionDenied, "the team does not let this be shared outside of it"),
    "email_unverified": (PermissionDenied, "the account's e-mail address must be confirmed at Dropbox first"),
    "banned_member": (PermissionDenied, "Dropbox does not let this be shared with that person"),
    "insufficient_plan": (PermissionDenied, "the account's plan does not allow this"),
    "team_policy_disallows_member_policy": (PermissionDenied, "the team's rules do not allow this"),
    "not_a_member": (PermissionDenied, "the account is no member of this shared folder"),
    "no_permission": (PermissionDenied, "the account may not do this"),
    "folder_owner": (PermissionDenied, "the owner of a folder keeps it"),
    "group_access": (PermissionDenied, "the person may use the folder as a member of a group"),
    "restricted_content": (PermissionDenied, "Dropbox does not give this file out, for legal reasons"),
    "invalid_email": (UserNotFound, "Dropbox does not accept that address"),
    "invalid_dropbox_id": (UserNotFound, "Dropbox does not know that person or group"),
    "unverified_dropbox_id": (UserNotFound, "that person has not confirmed their address yet"),
    "invalid_member": (UserNotFound, "Dropbox does not know that person or group"),
    "group_deleted": (UserNotFound, "the group is gone"),
    "group_not_on_team": (UserNotFound, "the group is of another team"),
    "automatic_group": (Unsupported, "nothing can be shared with a group that Dropbox fills by itself"),
    "conflict": (Conflict, "something of that name is there"),
    "folder_name_already_used": (Conflict, "something of that name is there"),
    "not_found": (NotFound, "there is no such entry"),
    "not_file": (NotFound, "this is a folder"),
    "not_folder": (NotFound, "this is no folder"),
    "invalid_file": (NotFound, "there is no such file"),
    "invalid_path": (NotFound, "there is no such folder"),
    "invalid_id": (NotFound, "there is no such shared folder"),
    "locked": (Locked, "the file is locked"),
    "content_hash_mismatch": (IntegrityError, "other bytes arrived than were sent"),
    "length_mismatch": (IntegrityError, "other bytes arrived than were sent"),
    "incorrect_offset": (IntegrityError, "the upload does not stand where it should"),
    "concurrent_session_missing_data": (IntegrityError, "parts of the upload are missing"),
    "payload_too_large": (TooLarge, "Dropbox does not accept that much at once"),
    "too_large": (TooLarge, "Dropbox does not accept files of this size"),
    "retry_error": (ServiceFault, "Dropbox has not got the document ready yet"),
    "internal_error": (ServiceFault, "Dropbox reports a fault of its own"),
    "unsupported_file": (Unsupported, "this document can only be exported"),
    "non_exportable": (Unsupported, "this document cannot be exported"),
    "invalid_export_format": (Unsupported, "this document cannot be exported in that format"),
    "unsupported_content_type": (Unsupported, "Dropbox does not do this with entries of this kind"),
    "team_folder": (Unsupported, "Dropbox does not do this with team folders"),
    "inside_shared_folder": (Unsupported, "Dropbox does not share folders inside of shared folders"),
    "contains_shared_folder": (Unsupported, "Dropbox does not share folders that hold shared folders"),
    "too_many_files": (Unsupported, "Dropbox does not do this with so many files at once"),
    "no_one": (Unsupported, "Dropbox does not do this"),
}


class Fault(msgspec.Struct, frozen=True):
    """An answer other than success, or the failure of one entry of a batch.

    Attributes:
        status: Of HTTP; 409 for an entry of a batch.
        tags: Of the unions, outermost first.
        said: Dropbox's own words.
        retry_after_s: What it wishes.
        value: What the innermost union holds beside its tag.
        headers: Of the answer.
    """

    status: int
    tags: tuple[str, ...] = ()
    said: str = ""
    retry_after_s: float | None = None
    value: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}

    @classmethod
    def read(
        cls, status: int, headers: Mapping[str, str], body: bytes, *, now: Callable[[], float] = time.time
    ) -> Fault:
        """Read an answer; whatever it is."""
        retry_after_s = parse_retry_after(headers.get("Retry-After"), now=now)
        try:
            found = msgspec.json.decode(body)
        except UNREADABLE:
            found = None
        if not isinstance(found, dict):
            text = body[:2000].decode("utf-8", "replace")
            return cls(status, (), text, retry_after_s, {}, headers)
        error = found.get("error")
        tags, value = _tags(error)
        if status == TOO_MANY and isinstance(error, dict):
            tags, value = _tags(error.get("reason"))
        summary = found.get("error_summary")
        said = summary if isinstance(summary, str) else "/".join(tags)
        return cls(status, tags, said, retry_after_s, value, headers)

    @classmethod
    def of_union(cls, union: object) -> Fault:
        """Read the failure of an entry of a batch."""
        tags, value = _tags(union)
        return cls(ROUTE_ERROR, tags, "/".join(tags), None, value)

    @property
    def is_stale_token(self) -> bool:
        """A new access token may mend it."""
        return self.status == UNAUTHORIZED and (not self.tags or self.tags[0] in _STALE_TOKENS)

    @property
    def is_lost_session(self) -> bool:
        """The upload session is gone, or closed: of the entries of an upload nothing else is not found."""
        where = self.tags[1:] if self.tags[:1] == ("lookup_failed",) else self.tags
        return where[:1] in {("not_found",), ("closed",)}

    def has(self, *tags: str) -> bool:
        """Tell whether all of these tags are among its own."""
        return all(tag in self.tags for tag in tags)

    def error(self, *, service: str, operation: str, path: str) -> MoverError:
        """Return the error that this means."""
        kind, message = self._meaning()
        if kind is None:
            error = error_from_status(self.status, headers=self.headers, said=self.said)
        else:
            error = kind(message, said=self.said)
        if isinstance(error, Transient):
            error.retry_after_s = self.retry_after_s
        return error.at(service=service, operation=operation, path=path)

    def _meaning(self) -> tuple[type[MoverError] | None, str]:
        match self.status:
            case 401:
                known = next((_AUTHENTICATION[tag] for tag in self.tags if tag in _AUTHENTICATION), None)
                return known or (
                    SignInFailed,
                    "Dropbox does not accept the access token; it has ended or was revoked",
                )
            case 403:
                return PermissionDenied, "the account may not do this at Dropbox"
            case 409:
                known = next((meaning for tag, meaning in _MEANINGS.items() if tag in self.tags), None)
                return known or (
                    ProtocolViolation,
                    "Dropbox refused this for a reason that Mover does not know",
                )
            case 400:
                return ProtocolViolation, "Dropbox did not understand the request"
            case 422:
                return PermissionDenied, "the account may not use the team's space, or it was set up anew"
            case 429:
                return Throttled, "Dropbox asks for fewer calls"
            case _:
                return None, ""


def _tags(union: object) -> tuple[tuple[str, ...], Mapping[str, Any]]:
    """Walk down the unions: the value of a tag stands under the tag's own name, in structs under `reason`."""
    tags: list[str] = []
    value: Mapping[str, Any] = {}
    while len(tags) < _DEEPEST:
        if isinstance(union, str):
            tags.append(union)
            break
        if not isinstance(union, dict) or not isinstance(tag := union.get(".tag"), str):
            break
        tags.append(tag)
        value = union
        inner = union.get(tag)
        union = inner if isinstance(inner, dict) else union.get("reason")
    return tuple(tags), value
