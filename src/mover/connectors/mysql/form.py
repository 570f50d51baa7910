"""The form of a dump: what its lines look like, for those who write them and those who read them.

A dump is SQL that the `mariadb` and `mysql` clients load unchanged into the current database. It is the same for the
same content, to the byte: that is what makes a table that was restored comparable with the file it came from, so
nothing about the server, the moment or the account is in it. Lines break only between rows, never within a value.
"""

from __future__ import annotations

from mover.connectors.mysql.names import Kind
from mover.connectors.mysql.session import SQL_MODE

END = b"-- Mover end\n"
STATEMENT = 256 * 1024  # bytes: an INSERT ends with the row that reaches this
_DELIMITERS = (b";;", b"$$", *(b"$%d$" % number for number in range(100)))


def head(kind: Kind) -> bytes:
    """Return how the dump of a kind begins."""
    first = f"-- Mover dump 1: {kind.value}\n"
    if kind is not Kind.TABLE:
        return first.encode()
    mode = SQL_MODE.replace(",NO_DIR_IN_CREATE", "")
    settings = f"time_zone = '+00:00', sql_mode = '{mode}', foreign_key_checks = 0, unique_checks = 0"
    return f"{first}SET NAMES utf8mb4;\nSET SESSION {settings};\n".encode()


def delimited(statement: bytes) -> bytes:
    """Write a statement that may have semicolons in it, and a comment at its end, as the clients want it."""
    delimiter = next(delimiter for delimiter in _DELIMITERS if delimiter not in statement + b" ")
    return b"DELIMITER %b\n%b\n%b\nDELIMITER ;\n" % (delimiter, statement, delimiter)


def settings(values: dict[str, bytes]) -> bytes:
    """Write the settings of a session that belong to a stored program."""
    return (
        b"SET SESSION "
        + b", ".join(b"%b = '%b'" % (name.encode(), value) for name, value in values.items())
        + b";\n"
    )
