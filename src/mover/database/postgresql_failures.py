"""What PostgreSQL's errors mean: which are worth another attempt, and what to tell people about the others.

Codes: PostgreSQL's appendix "Error Codes". A connection that could not be made has none, only libpq's words; those of
the server are in English unless its `lc_messages` says otherwise, and then it counts as not reachable.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

import psycopg
from sqlalchemy.exc import DBAPIError

from mover.database.failures import (
    DatabaseBusy,
    DatabaseFull,
    DatabaseTrouble,
    DatabaseUnreachable,
    DatabaseUnusable,
)
from mover.errors import one_line

_SIGN_IN = ("password authentication failed", "no password supplied", "authentication failed", "fe_sendauth")
_NOT_LET_IN = (
    "no pg_hba.conf entry",
    "pg_hba.conf rejects",
    "is not permitted to log in",
    "permission denied for database",
    "role ",
    "requires a valid client certificate",
)
_NO_SUCH = ("does not exist",)
_TLS = (
    "certificate verify failed",
    "certificate file",
    "private key file",
    "does not match host name",
    "does not support SSL",
    "sslmode",
    "alert ",  # what the server's TLS says of the certificate that it was shown: RFC 8446 section 6.2
)
_CROWDED = ("too many clients", "remaining connection slots", "too many connections")
_TOLD_BY_SERVER = "FATAL:"
_CROWDED_TOLD = "the server takes no more connections to the database {where}"
_BUSY = (DatabaseBusy, "the database {where} is too busy")
_DAMAGED = (DatabaseUnusable, "the database {where} is damaged")
_MEANINGS: Mapping[str, tuple[type[DatabaseTrouble], str]] = {
    "53100": (DatabaseFull, "no room left on the disk that holds the database {where}"),
    "53300": (DatabaseUnreachable, _CROWDED_TOLD),
    "25006": (DatabaseUnusable, "the database {where} can only be read: a standby, or set so"),
    "42501": (DatabaseUnusable, "the database's user may not do what Mover needs in {where}"),
    "54000": (DatabaseUnusable, "a path or name is too long to be found again in the database {where}"),
    "53200": _BUSY,  # out of memory
    "55P03": _BUSY,  # a lock was waited for too long
    "57014": _BUSY,  # a statement took longer than the server's administrator allows
    "40001": _BUSY,
    "40P01": _BUSY,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
    "58030": _DAMAGED,  # the server's disk fails
}


class Kind(enum.Enum):
    """What to do about an error."""

    CONFLICT = enum.auto()  # transactions got into each other's way: the whole one again
    LOST = enum.auto()  # the server went away, or never was there: again, when it is back
    FINAL = enum.auto()


def kind_of(error: DBAPIError | psycopg.Error) -> Kind:
    """Tell what to do about an error."""
    original = _original(error)
    code = getattr(original, "sqlstate", None)
    match code:
        case "40001" | "40P01":
            return Kind.CONFLICT
        case "57P01" | "57P02" | "57P03" | "53300":
            return Kind.LOST
        case str() if code.startswith("08"):
            return Kind.LOST
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return Kind.LOST
    if code is None and isinstance(original, psycopg.OperationalError):
        return Kind.FINAL if _refused(str(original)) else Kind.LOST
    return Kind.FINAL


def explain(error: DBAPIError | psycopg.Error, where: str) -> DatabaseTrouble | None:
    """Say what an error means for a person; None if it is the caller's own matter (a constraint)."""
    original = _original(error)
    said = _said(original)
    code = getattr(original, "sqlstate", None)
    if isinstance(code, str) and code in _MEANINGS:
        kind, what = _MEANINGS[code]
        return kind(what.format(where=where), said=said)
    if kind_of(error) is Kind.LOST:
        if any(words in said for words in _CROWDED):
            return DatabaseUnreachable(_CROWDED_TOLD.format(where=where), said=said)
        return DatabaseUnreachable(f"the server of the database {where} cannot be reached", said=said)
    if code is None and isinstance(original, psycopg.OperationalError):
        return _explained_refusal(said, where)
    if code is None and isinstance(original, psycopg.ProgrammingError):
        return DatabaseUnusable("the database's URL has something that cannot be understood", said=said)
    return None


def hide_values(error: DBAPIError | psycopg.Error) -> None:
    """Take the server's details out of an error: they quote the row that was refused, which may be a secret's."""
    original = _original(error)
    if isinstance(original, psycopg.Error) and original.diag.message_primary:
        original.args = (original.diag.message_primary,)
        if isinstance(error, DBAPIError):
            error.args = (f"({type(original).__name__}) {original.diag.message_primary}",)


def _refused(words: str) -> bool:
    """Whether it was understood and refused, so that the same attempt would be refused again."""
    if any(crowded in words for crowded in _CROWDED):
        return False
    if any(tls in words for tls in _TLS):
        return True
    if _TOLD_BY_SERVER not in words:
        return any(text in words for text in _SIGN_IN)
    return any(text in words for text in (*_SIGN_IN, *_NOT_LET_IN, *_NO_SUCH))


def _explained_refusal(said: str, where: str) -> DatabaseUnusable:
    if any(words in said for words in _SIGN_IN):
        return DatabaseUnusable(
            f"the server of the database {where} does not accept the user name or password"
        )
    if "database" in said and "does not exist" in said:
        return DatabaseUnusable(f"the server has no such database: {where}; make it first (createdb)")
    if any(words in said for words in _NOT_LET_IN):
        return DatabaseUnusable(f"the server of the database {where} does not let this user in", said=said)
    return DatabaseUnusable(f"the server of the database {where} cannot be trusted or used", said=said)


def _original(error: DBAPIError | psycopg.Error) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error


def _said(error: BaseException | None) -> str:
    diagnosis = getattr(error, "diag", None)
    primary = diagnosis.message_primary if diagnosis is not None else None
    return one_line(primary or str(error), limit=300)
