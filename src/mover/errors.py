"""The one tree of errors: what went wrong, and whether trying again can help.

    MoverError
    ├── Transient                    the same call may succeed later
    │   ├── Throttled                the service asks for fewer calls
    │   ├── Unreachable              no connection, or it broke
    │   ├── TimedOut                 connected, then silence
    │   ├── ServiceFault             the service failed on its side (5xx)
    │   ├── Locked                   somebody else holds the entry
    │   ├── Changed                  the file changed while it was read or replaced
    │   ├── MissingDependency        it refers to another entry that is not there, or not yet
    │   └── IntegrityError           the bytes that arrived are not those that were sent
    └── Terminal                     the same call will fail again
        ├── NotFound
        ├── Conflict                 something else stands at that place
        ├── SignInFailed
        ├── PermissionDenied
        ├── QuotaExceeded            the account's storage is full
        ├── NameRejected
        ├── PathTooLong
        ├── TooLarge
        ├── Unsupported              the service cannot do this to this entry
        ├── NotOpened                it is encrypted for others, or was changed since
        ├── MalwareFlagged
        ├── ProtocolViolation        the service answered what its protocol does not allow
        ├── AddressRefused           the operator does not allow that address
        ├── UntrustedServer          wrong certificate or changed host key
        ├── StagingFull              no room for encrypted parts on this machine
        ├── InvalidConfiguration     what a person filled in cannot work
        └── Canceled                 a person or the operator ended it

The ledger's reason code and the advice shown to a person come from the class. `str()` of an error is one line for
people: it names the thing and what the service said, and never holds a secret.
"""

from __future__ import annotations

import enum
import unicodedata
from typing import Self

_SAID_LIMIT = 300


class Reason(enum.StrEnum):
    """The closed set of reason codes that an item in the ledger can carry."""

    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    SERVICE_FAULT = "service_fault"
    LOCKED = "locked"
    CHANGED_WHILE_READ = "changed_while_read"
    HASH_MISMATCH = "hash_mismatch"
    MISSING_DEPENDENCY = "missing_dependency"
    GONE = "gone"
    CONFLICT = "conflict"
    SIGN_IN_FAILED = "sign_in_failed"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a reason
    ACCOUNT_SUSPENDED = "account_suspended"
    USER_NOT_FOUND = "user_not_found"
    PERMISSION_DENIED = "permission_denied"
    WOULD_BE_WIDER = "would_be_wider"
    QUOTA = "quota"
    API_QUOTA = "api_quota"
    NAME_REJECTED = "name_rejected"
    NAME_COLLISION = "name_collision"
    PATH_TOO_LONG = "path_too_long"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    UNSUPPORTED_TYPE = "unsupported_type"
    NOT_OPENED = "not_opened"
    MALWARE = "malware"
    PROTOCOL = "protocol"
    ADDRESS_REFUSED = "address_refused"
    UNTRUSTED_SERVER = "untrusted_server"
    STAGING_FULL = "staging_full"
    CONFIGURATION = "configuration"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


def one_line(text: str, *, limit: int = _SAID_LIMIT) -> str:
    """Make text from outside safe to print: one line, no control or format characters, at most `limit` characters."""
    flat = "".join(
        " " if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else c for c in text[: limit * 4]
    )
    flat = " ".join(flat.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


class MoverError(Exception):
    """Something went wrong with one thing.

    Args:
        message: What happened, one sentence without a final full stop, without secrets.
        service: The connector's name (`sftp`), or the connection's once it is known.
        operation: What was tried (`upload`).
        path: The entry concerned, as a person would name it.
        said: The service's own words; made safe and shortened here.
    """

    reason: Reason = Reason.UNKNOWN
    advice: str = "Look at the message; if it does not help, report it with the run's item log."

    def __init__(
        self, message: str, *, service: str = "", operation: str = "", path: str = "", said: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.service = service
        self.operation = operation
        self.path = path
        self.said = one_line(said)

    def at(self, *, service: str = "", operation: str = "", path: str = "") -> Self:
        """Fill in where it happened, keeping what a deeper layer already said; returns the error itself."""
        self.service = self.service or service
        self.operation = self.operation or operation
        self.path = self.path or path
        return self

    def __str__(self) -> str:
        where = " ".join(part for part in (self.service, self.operation) if part)
        text = f"{where}: {self.message}" if where else self.message
        if self.path:
            text += f": {one_line(self.path, limit=1000)}"
        if self.said:
            text += f" (the service said: {self.said})"
        return text


class Transient(MoverError):
    """The same call may succeed later.

    `retry_after_s` is the service's own wish in seconds, already converted from whatever form it came in; None if it
    named none.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        service: str = "",
        operation: str = "",
        path: str = "",
        said: str = "",
    ) -> None:
        super().__init__(message, service=service, operation=operation, path=path, said=said)
        self.retry_after_s = retry_after_s


class Terminal(MoverError):
    """The same call will fail again."""


class Throttled(Transient):
    """The service asks for fewer calls.

    Attributes:
        did_nothing: Nothing came of the operation, so nothing of it needs to be looked for. Told by connectors that know:
            they made no other call, or none that could have brought the thing there.
        in_turn: The call waited for its turn, and many operations may share it, so that fewer at once would make no fewer
            calls.
    """

    did_nothing: bool = False
    in_turn: bool = False
    reason = Reason.THROTTLED
    advice = "The service limits calls. Run the same command again later; it goes on where it was."


class Unreachable(Transient):
    """No connection could be made, or it broke."""

    reason = Reason.UNREACHABLE
    advice = "Check that the service is up and that this machine may reach it (network, proxy, firewall)."


class TimedOut(Transient):
    """A connection stood, and then nothing came within the limit."""

    reason = Reason.TIMED_OUT
    advice = "The service stopped answering. Run the same command again; it goes on where it was."


class ServiceFault(Transient):
    """The service failed on its side."""

    reason = Reason.SERVICE_FAULT
    advice = "The service reported a fault of its own. Run the same command again later."


class Locked(Transient):
    """Somebody else holds the entry, or an administrator its whole drive."""

    reason = Reason.LOCKED
    advice = "Somebody has this file open, or an administrator has locked its drive or site. Have it closed or unlocked, then run again."


class Changed(Transient):
    """The file changed while it was read, or the one to be replaced is no longer the one that was seen."""

    reason = Reason.CHANGED_WHILE_READ
    advice = "The file was being edited during the move. Run again when it is at rest."


class MissingDependency(Transient):
    """The entry refers to another one that is not at the destination, or not yet.

    Nothing but the arrival of other entries helps: the engine tries again when all others have been moved.
    """

    reason = Reason.MISSING_DEPENDENCY
    advice = "Move what it refers to as well (the message names it), then run again."


class IntegrityError(Transient):
    """The bytes that arrived are not those that were sent."""

    reason = Reason.HASH_MISMATCH
    advice = (
        "The content was damaged on its way. Run again; if it stays, check the service and the network path."
    )


class NotFound(Terminal):
    """The entry is not there, or no longer."""

    reason = Reason.GONE
    advice = "The entry was removed or renamed meanwhile. Nothing to do if that was meant."


class Conflict(Terminal):
    """Something else stands at that place."""

    reason = Reason.CONFLICT
    advice = "Rename or remove one of the two, or run with --conflict overwrite to let the source win."


class SignInFailed(Terminal):
    """The service does not accept the credentials."""

    reason = Reason.SIGN_IN_FAILED
    advice = "Check user name and password, key or token; connect the service again with `mover connect`."


class TokenRenewed(Transient):
    """The service no longer took the access token; there is a new one by now, so that the same call may succeed."""

    reason = Reason.TOKEN_EXPIRED
    advice = "Nothing to do: Mover signed in anew by itself. If it stays so, connect the account again."


class AccountSuspended(SignInFailed):
    """The account exists and may not sign in: suspended, disabled, deleted."""

    reason = Reason.ACCOUNT_SUSPENDED
    advice = "Have the service's administrator activate the account again, or take it out of the migration."


class UserNotFound(NotFound):
    """The service has no such person, group or site, or has not made its storage yet."""

    reason = Reason.USER_NOT_FOUND
    advice = "Correct the address in the pair or the map, or have the service's administrator create the user and its storage."


class PermissionDenied(Terminal):
    """The account is signed in but may not do this."""

    reason = Reason.PERMISSION_DENIED
    advice = "Give the account the right to read (source) or write (destination) this entry."


class QuotaExceeded(Terminal):
    """The account's storage is full."""

    reason = Reason.QUOTA
    advice = "Make room at the destination or raise its quota, then run again."


class ApiQuotaExceeded(Terminal):
    """The calls that the service grants for a day or longer are used up; waiting a little does not help."""

    reason = Reason.API_QUOTA
    advice = (
        "Run again when the service grants calls anew (mostly the next day), or have the plan's limit raised."
    )


class NameRejected(Terminal):
    """The service does not accept that name."""

    reason = Reason.NAME_REJECTED
    advice = "Rename the entry at the source."


class PathTooLong(NameRejected):
    """The name or the whole path is longer than the service accepts."""

    reason = Reason.PATH_TOO_LONG
    advice = "Shorten the name or move the entry higher up."


class TooLarge(Terminal):
    """The file is larger than the service accepts."""

    reason = Reason.TOO_LARGE
    advice = "The destination does not take files of this size. Split the file or choose another destination."


class Unsupported(Terminal):
    """The service cannot do this to this entry."""

    reason = Reason.UNSUPPORTED
    advice = "The service has no way to do this. The entry stays where it is."


class NotOpened(Terminal):
    """The file is encrypted, and the keys that were given do not open it, or it was changed after it was encrypted."""

    reason = Reason.NOT_OPENED
    advice = "Give the private key or password that the file was encrypted for, or move it as it is, without opening."


class MalwareFlagged(Terminal):
    """The service calls the file malicious and does not hand it out or take it."""

    reason = Reason.MALWARE
    advice = "The service considers this file malicious. Have it checked before moving it by other means."


class ProtocolViolation(Terminal):
    """The service answered what its protocol does not allow."""

    reason = Reason.PROTOCOL
    advice = "Check that the address really is such a service; if it is, report the message."


class AddressRefused(Terminal):
    """The operator does not allow connections to that address."""

    reason = Reason.ADDRESS_REFUSED
    advice = "The address is private or reserved. If it is yours, allow its network in MOVER_ALLOW_PRIVATE_ADDRESSES."


class UntrustedServer(Terminal):
    """The server could not prove that it is who it should be."""

    reason = Reason.UNTRUSTED_SERVER
    advice = "Somebody may be listening in, or the server was set up anew. Compare its certificate or host key with its administrator before trusting it."


class StagingFull(Terminal):
    """No room for encrypted parts on this machine."""

    reason = Reason.STAGING_FULL
    advice = "Make room on the disk that holds the staging folder, or point MOVER_STAGING_DIR elsewhere."


class InvalidConfiguration(Terminal):
    """What a person filled in cannot work."""

    reason = Reason.CONFIGURATION
    advice = "Correct what the message names, then try again."


class Canceled(Terminal):
    """A person or the operator ended it."""

    reason = Reason.CANCELED
    advice = "Run the same command again; it goes on where it was."


def advice_for(reason: str) -> str:
    """What a person can do about a reason code; from the class of error that carries it."""
    return _ADVICE.get(reason, MoverError.advice)


def _advice_of_classes() -> dict[str, str]:
    advice = {
        Reason.WOULD_BE_WIDER.value: (
            "Take the people named in the message off the destination folder, or map them, and run again; "
            "or let it be put there all the same (--wider allow)."
        ),
        Reason.NAME_COLLISION.value: "Rename one of the entries at the source.",
        Reason.UNSUPPORTED_TYPE.value: Unsupported.advice,
    }
    waiting: list[type[MoverError]] = [Transient, Terminal]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        advice.setdefault(kind.reason, kind.advice)
    return advice


_ADVICE = _advice_of_classes()
