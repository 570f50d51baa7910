from __future__ import annotations

import asyncssh
import pytest

from mover.connectors.sftp.failures import (
    Refusal,
    Status,
    error_from_refusal,
    error_from_ssh,
    reported,
)
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


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Status.NO_SUCH_FILE, NotFound),
        (Status.PERMISSION_DENIED, PermissionDenied),
        (Status.FAILURE, ServiceFault),
        (Status.BAD_MESSAGE, NameRejected),
        (Status.CONNECTION_LOST, Unreachable),
        (Status.OP_UNSUPPORTED, Unsupported),
        (Status.FILE_ALREADY_EXISTS, Conflict),
        (Status.NO_SPACE_ON_FILESYSTEM, QuotaExceeded),
        (Status.LOCK_CONFLICT, Locked),
        (4711, ServiceFault),
    ],
)
def test_status_has_a_meaning(code: int, kind: type[MoverError]) -> None:
    assert type(error_from_refusal(Refusal(code, "words"))) is kind


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("No space left on device", QuotaExceeded),
        ("Disk quota exceeded", QuotaExceeded),
        ("File name too long", PathTooLong),
        ("File too large", TooLarge),
        ("Not a directory", NotFound),
        ("Failure", ServiceFault),
    ],
)
def test_words_tell_more_than_a_general_failure(words: str, kind: type[MoverError]) -> None:
    assert type(error_from_refusal(Refusal(Status.FAILURE, words))) is kind


def test_words_do_not_overrule_a_status_that_is_clear() -> None:
    refusal = Refusal(Status.PERMISSION_DENIED, "no space left for you here")
    assert type(error_from_refusal(refusal)) is PermissionDenied


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (asyncssh.PermissionDenied("no"), SignInFailed),
        (asyncssh.DisconnectError(2, "Too many authentication failures"), SignInFailed),
        (asyncssh.DisconnectError(12, "too many connections"), Throttled),
        (asyncssh.KeyExchangeFailed("nothing in common"), Unsupported),
        (asyncssh.ProtocolError("rubbish"), ProtocolViolation),
        (asyncssh.ConnectionLost("gone"), Unreachable),
        (ConnectionResetError("reset"), Unreachable),
    ],
)
def test_exception_of_ssh_has_a_meaning(error: Exception, kind: type[MoverError]) -> None:
    assert type(error_from_ssh(error)) is kind


def test_deeper_layer_keeps_its_own_path() -> None:
    with pytest.raises(NotFound) as caught, reported("read", "/outer"):
        raise NotFound("gone", path="/inner")
    assert (caught.value.service, caught.value.operation, caught.value.path) == ("sftp", "read", "/inner")


def test_words_of_the_server_are_made_safe_to_print() -> None:
    assert "\x1b" not in str(error_from_refusal(Refusal(Status.FAILURE, "\x1b[2Jgotcha\n")))
