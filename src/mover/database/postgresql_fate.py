"""What became of a transaction whose COMMIT got no answer.

PostgreSQL is asked by the transaction's number (`pg_xact_status`, made for this). One thing it cannot know: a number that
was given out and never reached its log before a crash, or never reached the standby that took over, is given out again, and
what is told is then the fate of a stranger. So each transaction writes a line into the log as soon as it has its number,
and notes where. A server that has recovered since, from a crash or by becoming the primary, tells up to where it read the
log (`pg_last_wal_replay_lsn`): not as far as that line, and the transaction is lost; further, and the number is its own.

A server that recovered more than once since, or was restarted in order after it, tells that no more. Then its latest
checkpoint does, which ends a recovery from a crash and notes the next number to be given out: where it is younger than the
number, and yet knows it as one that nobody has, the transaction went with the crash. A checkpoint tells its time in whole
seconds only, a server that was started since tells it exactly: it opens its door after that checkpoint.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

# The moment is that after the number was given out: a subquery is evaluated first.
_BEGIN = (
    "SELECT number::text, clock_timestamp(), pg_logical_emit_message(true, 'mover', '')::text, "
    "pg_last_wal_replay_lsn()::text FROM (SELECT pg_current_xact_id() AS number OFFSET 0) AS given"
)
_RECOVERY = "SELECT read_to::text, read_to >= %s::pg_lsn FROM (SELECT pg_last_wal_replay_lsn() AS read_to) AS recovery"
_LOST = (
    "SELECT greatest(checkpoint_time, pg_postmaster_start_time()) > %s "
    "AND split_part(next_xid, ':', 1)::numeric * 4294967296 + split_part(next_xid, ':', 2)::numeric <= %s::text::numeric "
    # One that was promoted just now still shows a checkpoint of the server that it followed.
    "AND checkpoint_lsn >= coalesce(pg_last_wal_replay_lsn(), checkpoint_lsn) FROM pg_control_checkpoint()"
)
_FATE = "SELECT pg_xact_status(%s::text::xid8)"
_IN_THE_FUTURE = "22023"
_NOT_TOLD = {
    "42501",
    "0A000",
    "42883",
}  # not permitted, not supported, not there: some who offer PostgreSQL as a service


class Fate(enum.Enum):
    """Of a transaction."""

    COMMITTED = enum.auto()
    LOST = enum.auto()
    OPEN = enum.auto()  # the server has not noticed yet that nobody listens
    UNKNOWN = enum.auto()  # it is so long ago that the server has forgotten


@dataclass(frozen=True)
class Number:
    """Of a transaction.

    Attributes:
        full: The number itself.
        given: The server's time when it had been given out.
        logged: Where the server's log first speaks of it: the end of that line.
        recovered: Up to where the server had read the log when it recovered last; None: it started in order.
    """

    full: str
    given: datetime
    logged: str
    recovered: str | None


def number_of(connection: Connection) -> Number:
    """Have the transaction that is open get its number."""
    row = connection.exec_driver_sql(_BEGIN).one()
    return Number(*row)


def fate_of(connection: Connection, number: Number) -> Fate:
    """Ask, on another connection outside of a transaction, what became of it."""
    read_to, has_read_it = connection.exec_driver_sql(_RECOVERY, (number.logged,)).one()
    has_recovered_since = read_to is not None and read_to != number.recovered
    if (has_recovered_since and not has_read_it) or _went_with_a_crash(connection, number):
        return Fate.LOST
    try:
        status = connection.exec_driver_sql(_FATE, (number.full,)).scalar_one()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _IN_THE_FUTURE:
            return Fate.LOST  # the server lost its latest transactions, this one among them
        raise
    match status:
        case "committed":
            return Fate.COMMITTED
        case "aborted":
            return Fate.LOST
        case "in progress":
            return Fate.OPEN
        case _:
            return Fate.UNKNOWN


def _went_with_a_crash(connection: Connection, number: Number) -> bool:
    try:
        return bool(connection.exec_driver_sql(_LOST, (number.given, number.full)).scalar_one())
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _NOT_TOLD:
            return False  # what is left is the number, and the rarest of accidents
        raise
