"""What went wrong, in the words of `mover.errors`: replies of FTP (RFC 959, section 4.2) and the texts of servers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from mover.errors import (
    Conflict,
    InvalidConfiguration,
    Locked,
    MoverError,
    NameRejected,
    NotFound,
    PathTooLong,
    PermissionDenied,
    ProtocolViolation,
    QuotaExceeded,
    ServiceFault,
    SignInFailed,
    Throttled,
    TooLarge,
    Unreachable,
    Unsupported,
)
from mover.transport.ftp_replies import Refusal, Reply

_MEANING: dict[int, tuple[type[MoverError], str]] = {
    421: (Unreachable, "the server has closed the connection"),
    425: (Unreachable, "the server opens no data connection"),
    426: (Unreachable, "the server broke off the transfer"),
    430: (SignInFailed, "the server does not accept the credentials"),
    450: (Locked, "somebody else holds it"),
    451: (ServiceFault, "the server failed on its side"),
    452: (QuotaExceeded, "the server has no room for it"),
    500: (Unsupported, "the server does not know the command"),
    501: (NameRejected, "the server does not accept the name"),
    502: (Unsupported, "the server does not have the command"),
    504: (Unsupported, "the server does not have the command in this form"),
    522: (Unsupported, "the server refuses the way in which data connections are protected"),
    530: (SignInFailed, "the server does not accept the credentials"),
    534: (Unsupported, "the server refuses TLS"),
    550: (NotFound, "it is not there, or the account may not see it"),
    551: (Unsupported, "the server cannot do this"),
    552: (QuotaExceeded, "the account's quota is used up"),
    553: (NameRejected, "the server does not accept the name"),
}
_UNKNOWN: tuple[type[MoverError], str] = (ServiceFault, "the server refused without telling why")

# Most refusals are 550 or 553, whatever the reason is; the system's words follow.
_MEANING_OF_WORDS: tuple[tuple[str, type[MoverError], str], ...] = (
    ("permission denied", PermissionDenied, "the account may not do this"),
    ("access is denied", PermissionDenied, "the account may not do this"),
    ("operation not permitted", PermissionDenied, "the account may not do this"),
    ("read-only file system", PermissionDenied, "the file system is read-only"),
    ("no space left", QuotaExceeded, "the server's disk is full"),
    ("disk full", QuotaExceeded, "the server's disk is full"),
    ("not enough space", QuotaExceeded, "the server's disk is full"),
    ("quota exceeded", QuotaExceeded, "the account's quota is used up"),
    ("name too long", PathTooLong, "the server does not take a name or path as long as this"),
    ("command line too long", PathTooLong, "the server does not take a path as long as this"),
    ("invalid directory name", NameRejected, "the server does not accept the name"),
    ("file too large", TooLarge, "the server does not take a file as large as this"),
    ("not a directory", NotFound, "what should hold it is not a folder"),
    ("is a directory", Conflict, "it is a folder"),
    ("file exists", Conflict, "something of that name is there already"),
    ("no such file", NotFound, "it is not there"),
    ("not found", NotFound, "it is not there"),
    ("being used by another process", Locked, "somebody else holds it"),
    ("session reuse", Unsupported, "the server demands another kind of TLS session reuse"),
)
_ABOUT_ENTRIES = {450, 451, 452, 550, 551, 552, 553, 501, 554}
_TOO_MANY = (
    "too many",
    "maximum number",
    "max clients",
    "connection limit",
    "limit reached",
    "no more connections",
    "concurrent",
    "try again later",
)
_WANTS_TLS = (
    "must use encryption",
    "tls required",
    "ssl required",
    "ssl/tls",
    "use tls",
    "use ssl",
    "auth tls",
)
_WRONG_CREDENTIALS = ("fail", "incorrect", "attempts", "password")
_UNKNOWN_COMMAND = {500, 502, 504}


def error_from_reply(reply: Reply) -> MoverError:
    """Return the error that a refusal means when nothing else is known."""
    kind, message = _MEANING.get(reply.code, _UNKNOWN)
    if reply.code in _ABOUT_ENTRIES:
        said = reply.said.lower()
        kind, message = next(
            ((of_words, meaning) for words, of_words, meaning in _MEANING_OF_WORDS if words in said),
            (kind, message),
        )
    return kind(message, said=reply.said)


def error_from_sign_in(reply: Reply) -> MoverError:
    """Return what it means that the server did not let the account in: too many connections, or the credentials."""
    said = reply.said.lower()
    if any(words in said for words in _WANTS_TLS):
        return InvalidConfiguration(
            "the server lets nobody in without TLS; connect it as ftps", said=reply.said
        )
    is_crowded = any(words in said for words in _TOO_MANY)
    if reply.code == 421 or (is_crowded and not any(words in said for words in _WRONG_CREDENTIALS)):  # noqa: PLR2004 - as in `_MEANING`
        return Throttled("the server wants fewer connections", said=reply.said)
    if reply.code in _MEANING and reply.code not in _ABOUT_ENTRIES:
        return error_from_reply(reply)
    if reply.code < 500:  # noqa: PLR2004 - it may work later
        return ServiceFault("the server cannot sign anybody in now", said=reply.said)
    return SignInFailed("the server does not let the account in", said=reply.said)


def is_absence(reply: Reply) -> bool:
    """Whether a refusal says that nothing is there, rather than why nothing is told."""
    return isinstance(error_from_reply(reply), NotFound)


def is_unknown_command(reply: Reply) -> bool:
    """Whether the server does not have the command at all."""
    return reply.code in _UNKNOWN_COMMAND


def refuse(reply: Reply) -> Reply:
    """Return a reply that is none; raises Refusal."""
    if reply.is_refusal:
        raise Refusal(reply)
    return reply


@contextlib.contextmanager
def reported(service: str, operation: str, path: str) -> Iterator[None]:
    """Turn refusals inside the block into errors that name service, operation and path."""
    try:
        yield
    except Refusal as refusal:
        error = error_from_reply(refusal.reply)
        raise error.at(service=service, operation=operation, path=path) from refusal
    except MoverError as error:
        error.at(service=service, operation=operation, path=path)
        raise


def not_understood(reply: Reply) -> ProtocolViolation:
    """Return the error for a success that does not tell what it should."""
    return ProtocolViolation("the server's answer is not understood", said=reply.said)
