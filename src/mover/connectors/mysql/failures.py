"""What went wrong, in the words of `mover.errors`: the server's error numbers and the exceptions of PyMySQL."""

from __future__ import annotations

import contextlib
import ssl
import struct
import traceback
from collections.abc import Iterator, Mapping

import pymysql.err
from pymysql.constants import CR

from mover.errors import (
    Changed,
    Conflict,
    Locked,
    MissingDependency,
    MoverError,
    NotFound,
    PermissionDenied,
    ProtocolViolation,
    QuotaExceeded,
    ServiceFault,
    SignInFailed,
    Throttled,
    TimedOut,
    TooLarge,
    Unreachable,
    Unsupported,
)
from mover.transport.causes import cause
from mover.transport.tls import error_from_tls

SERVICE = "mysql"
_CLIENT_ERRORS = range(2000, 3000)  # of the client library, not of the server

# https://mariadb.com/kb/en/mariadb-error-code-reference and the MySQL Error Message Reference. A table of other
# numbers decides while a dump is restored: there the same number may be the dump's fault.
_MEANING: Mapping[int, tuple[type[MoverError], str]] = {
    1007: (Conflict, "a database of this name is there already"),
    1008: (NotFound, "there is no such database"),
    1021: (QuotaExceeded, "the server's disk is full"),
    1040: (Throttled, "the server has too many connections"),
    1041: (ServiceFault, "the server is out of memory"),
    1044: (PermissionDenied, "the account may not use this database"),
    1045: (SignInFailed, "the server does not accept user name and password"),
    1049: (NotFound, "there is no such database"),
    1050: (Conflict, "a table or view of this name is there already"),
    1053: (Unreachable, "the server is shutting down"),
    1109: (NotFound, "there is no such table"),
    1114: (QuotaExceeded, "the server has no room for the table"),
    1142: (PermissionDenied, "the account may not do this to the table"),
    1143: (PermissionDenied, "the account may not do this to a column"),
    1146: (NotFound, "there is no such table"),
    1153: (TooLarge, "the server accepts no statement of this size (max_allowed_packet)"),
    1158: (Unreachable, "the connection broke"),
    1159: (TimedOut, "the server waited in vain"),
    1160: (Unreachable, "the connection broke"),
    1161: (TimedOut, "the server waited in vain"),
    1203: (Throttled, "the account has too many connections"),
    1205: (Locked, "somebody else holds a lock"),
    1213: (Locked, "somebody else holds a lock"),
    1226: (Throttled, "the account has used up what the server grants it"),
    1227: (PermissionDenied, "the account lacks a privilege"),
    1251: (SignInFailed, "the server wants another way of signing in"),
    1290: (PermissionDenied, "the server is set up not to do this"),
    1304: (Conflict, "a routine of this name is there already"),
    1305: (NotFound, "there is no such routine"),
    1317: (ServiceFault, "somebody ended the query"),
    1370: (PermissionDenied, "the account may not do this to the routine"),
    1412: (Changed, "the table was altered after the snapshot began"),
    1449: (PermissionDenied, "the account that the definition is to run as is not there (DEFINER)"),
    1537: (Conflict, "an event of this name is there already"),
    1539: (NotFound, "there is no such event"),
    1698: (SignInFailed, "the server does not accept user name and password"),
    1792: (PermissionDenied, "the server is set up not to be written to"),
    1836: (PermissionDenied, "the server is set up not to be written to"),
    1927: (Unreachable, "somebody ended the connection"),
    3159: (SignInFailed, "the server demands an encrypted connection; set tls=required"),
    4091: (NotFound, "there is no such sequence"),
}
_FULL_DISK = 28  # errno ENOSPC, inside messages of errors 3, 1026 and 1030
_WITH_SYSTEM_ERROR = frozenset({3, 20, 1005, 1016, 1026, 1030})

# While a dump is restored: what the dump refers to.
_NOT_YET = frozenset({1146, 1305, 1356, 4091})


def error_from_mysql(error: BaseException, *, host: str = "") -> MoverError | None:
    """Return the error that an exception of PyMySQL means; None for what is none of its exceptions."""
    match error:
        case pymysql.err.MySQLError():
            return _from_pymysql(error, host)
        case _ if _comes_from_pymysql(error):  # of its parser, or about a server that asks for a local file
            return ProtocolViolation("the server answered what its protocol does not allow")
        case _:
            return None


def _comes_from_pymysql(error: BaseException) -> bool:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    expected = isinstance(
        error, AssertionError | LookupError | struct.error | ValueError | TypeError | RuntimeError
    )
    return expected and bool(frames) and frames[-1].f_globals.get("__name__", "").startswith("pymysql.")


def _from_pymysql(error: pymysql.err.MySQLError, host: str) -> MoverError:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    said = str(error.args[1]) if len(error.args) > 1 else ""
    original = getattr(error, "original_exception", None) or error.__context__
    if number in _CLIENT_ERRORS or number == 0:
        return _from_connection(number, original, host)
    if number in _WITH_SYSTEM_ERROR and f"{_FULL_DISK}" in said:
        return QuotaExceeded("the server's disk is full", said=said)
    kind, message = _MEANING.get(number, (ServiceFault, f"the server reports error {number}"))
    return kind(message, said=said)


def _from_connection(number: int, original: BaseException | None, host: str) -> MoverError:
    match original:
        case TimeoutError():
            return TimedOut("the server stopped answering")
        case ssl.SSLError():
            return error_from_tls(original, host)
        case OSError():
            return Unreachable(f"the connection broke: {cause(original)}")
        case _ if number == CR.CR_SSL_CONNECTION_ERROR:
            return SignInFailed(
                "the server offers no encrypted connection; tls=offered with plain=true would do without"
            )
        case _ if number in {
            CR.CR_AUTH_PLUGIN_CANNOT_LOAD,
            CR.CR_AUTH_PLUGIN_ERR,
        }:
            return SignInFailed(
                "the server wants a way of signing in that is not known here, or not safe here"
            )
        case _:
            return Unreachable("the connection broke")


@contextlib.contextmanager
def restoring(what: str, *, quotes_content: bool = False) -> Iterator[None]:
    """Say what errors mean while a statement of a dump is executed: mostly that the server cannot take the dump.

    What the server says of a row may quote its values ("Duplicate entry '...'"), which belong into no report: with
    `quotes_content` only the number is told.

    Raises MissingDependency where it refers to what is not there (yet), Unsupported for what the server does not know.
    """
    try:
        yield
    except pymysql.err.MySQLError as error:
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        said = str(error.args[1]) if len(error.args) > 1 and not quotes_content else ""
        if number in _NOT_YET:
            raise MissingDependency(f"{what} refers to something that is not there", said=said) from error
        if number in _MEANING or number in _WITH_SYSTEM_ERROR or number in _CLIENT_ERRORS or not number:
            raise
        raise Unsupported(f"the server cannot take {what} (error {number})", said=said) from error


@contextlib.contextmanager
def placed(operation: str, path: str = "", *, host: str = "") -> Iterator[None]:
    """Turn what PyMySQL raises in the block into a MoverError that says where it happened."""
    try:
        yield
    except MoverError as error:
        raise error.at(service=SERVICE, operation=operation, path=path) from error.__cause__
    except Exception as error:
        found = error_from_mysql(error, host=host)
        if found is None:
            raise
        raise found.at(service=SERVICE, operation=operation, path=path) from error
