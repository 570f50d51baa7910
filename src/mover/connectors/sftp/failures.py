"""What went wrong, in the words of `mover.errors`: SFTP status codes and the exceptions of asyncssh."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator

import asyncssh

from mover.errors import (
    Conflict,
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

SERVICE = "sftp"

_TOO_MANY_CONNECTIONS = 12  # RFC 4253, section 11.1


class Status(enum.IntEnum):
    """Status codes of SFTP version 3, and those later ones that servers send in spite of the version."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    NO_CONNECTION = 6
    CONNECTION_LOST = 7
    OP_UNSUPPORTED = 8
    NO_SUCH_PATH = 10
    FILE_ALREADY_EXISTS = 11
    WRITE_PROTECT = 12
    NO_SPACE_ON_FILESYSTEM = 14
    QUOTA_EXCEEDED = 15
    LOCK_CONFLICT = 17
    NOT_A_DIRECTORY = 19
    INVALID_FILENAME = 20
    LINK_LOOP = 21
    FILE_IS_A_DIRECTORY = 24


_MEANING: dict[int, tuple[type[MoverError], str]] = {
    Status.EOF: (ProtocolViolation, "the server reported an end of file where none can be"),
    Status.NO_SUCH_FILE: (NotFound, "it is not there"),
    Status.PERMISSION_DENIED: (PermissionDenied, "the account may not do this"),
    Status.FAILURE: (ServiceFault, "the server failed without telling why"),
    Status.BAD_MESSAGE: (
        NameRejected,
        "the server calls the request malformed, as it does with names it cannot have",
    ),
    Status.NO_CONNECTION: (Unreachable, "the server has no connection to its storage"),
    Status.CONNECTION_LOST: (Unreachable, "the server lost the connection to its storage"),
    Status.OP_UNSUPPORTED: (Unsupported, "the server cannot do this"),
    Status.NO_SUCH_PATH: (NotFound, "the folder is not there"),
    Status.FILE_ALREADY_EXISTS: (Conflict, "something of that name is there already"),
    Status.WRITE_PROTECT: (PermissionDenied, "the file system is read-only"),
    Status.NO_SPACE_ON_FILESYSTEM: (QuotaExceeded, "the server's disk is full"),
    Status.QUOTA_EXCEEDED: (QuotaExceeded, "the account's quota is used up"),
    Status.LOCK_CONFLICT: (Locked, "somebody else holds it"),
    Status.NOT_A_DIRECTORY: (NotFound, "it is not a folder"),
    Status.INVALID_FILENAME: (NameRejected, "the server does not accept the name"),
    Status.LINK_LOOP: (NotFound, "its symbolic links lead in a circle"),
    Status.FILE_IS_A_DIRECTORY: (Conflict, "it is a folder"),
}


# Version 3 has few codes, so that many servers answer with FAILURE and the words of their operating system.
_MEANING_OF_WORDS: tuple[tuple[str, type[MoverError], str], ...] = (
    ("no space left", QuotaExceeded, "the server's disk is full"),
    ("quota exceeded", QuotaExceeded, "the account's quota is used up"),
    ("name too long", PathTooLong, "the server does not take a name or path as long as this"),
    ("invalid filename", NameRejected, "the server does not accept the name"),
    ("file too large", TooLarge, "the server does not take a file as large as this"),
    ("not a directory", NotFound, "what should hold it is not a folder"),
    ("is a directory", Conflict, "it is a folder"),
    ("file exists", Conflict, "something of that name is there already"),
    ("read-only file system", PermissionDenied, "the file system is read-only"),
)


_UNKNOWN = ServiceFault, "the server answered with a status of its own"


class Refusal(Exception):
    """The server answered a request with a status other than OK.

    Attributes:
        code: One of `Status`, or a number that only that server knows.
        said: The server's own words.
    """

    def __init__(self, code: int, said: str) -> None:
        super().__init__(f"status {code}: {said}")
        self.code = code
        self.said = said


def error_from_refusal(refusal: Refusal) -> MoverError:
    """Return the error that a refusal means when nothing else is known."""
    kind, message = _MEANING.get(refusal.code, _UNKNOWN)
    if kind in {ServiceFault, NameRejected}:
        said = refusal.said.lower()
        kind, message = next(
            ((of_words, meaning) for words, of_words, meaning in _MEANING_OF_WORDS if words in said),
            (kind, message),
        )
    return kind(message, said=refusal.said)


@contextlib.contextmanager
def reported(operation: str, path: str) -> Iterator[None]:
    """Turn refusals inside the block into errors that name service, operation and path."""
    try:
        yield
    except Refusal as refusal:
        raise error_from_refusal(refusal).at(service=SERVICE, operation=operation, path=path) from refusal
    except MoverError as error:
        error.at(service=SERVICE, operation=operation, path=path)
        raise


def error_from_ssh(error: Exception) -> MoverError:
    """Return what an exception of asyncssh or of the socket means, at any moment of a connection's life."""
    kind, message = _meaning(error)
    return kind(message, said=str(error))


def _meaning(error: Exception) -> tuple[type[MoverError], str]:
    meaning: tuple[type[MoverError], str]
    match error:
        case asyncssh.DisconnectError() if "authentication failures" in str(error).lower():
            meaning = SignInFailed, "the server does not accept the credentials"
        case asyncssh.DisconnectError() if error.code == _TOO_MANY_CONNECTIONS:
            meaning = Throttled, "the server wants fewer connections"
        case asyncssh.PermissionDenied():
            meaning = SignInFailed, "the server does not accept the credentials"
        case asyncssh.KeyExchangeFailed():
            meaning = Unsupported, "no encryption in common with the server"
        case asyncssh.ChannelOpenError():
            meaning = ServiceFault, "the server does not open an SFTP session"
        case asyncssh.ProtocolError() | asyncssh.ProtocolNotSupported() | asyncssh.MACError():
            meaning = ProtocolViolation, "the server does not speak SSH as it should"
        case _:
            meaning = Unreachable, "the connection broke"
    return meaning
