"""One clock for all: that of the database server, since what processes of several machines write there is compared.

Heartbeats, claims, sessions and rates of calls are moments in the database. A process whose clock is off would take living
runners for dead ones and keep people out, so it does no work. SQLite's file is on this very machine, whose clock it has.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Connection

from mover.database.database import Database
from mover.database.locations import SQLITE
from mover.errors import InvalidConfiguration

MOST_S = 5.0
"""So far apart clocks may be. The shortest wait for a silent runner is not much longer."""

_NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint"
_HOUR_S = 3600


class ClockWrong(InvalidConfiguration):
    """The clock of this machine is not that of the database server."""

    advice = "Set the clocks of this machine and of the database server, best by NTP. It is looked at again and again."


async def clock_error_s(database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> float:
    """By how many seconds this machine's clock is ahead of the server's, at least; behind, if negative.

    The server looked at its clock some time between question and answer: what lies between these is no error.
    Raises DatabaseTrouble.
    """
    asked_ns = now_ns()
    told_ns = await database.read(_told)
    answered_ns = now_ns()
    if told_ns is None:
        return 0.0
    ahead_ns = max(asked_ns - told_ns, 0) + min(answered_ns - told_ns, 0)
    return ahead_ns / 1e9


async def check_clock(
    database: Database, *, most_s: float = MOST_S, now_ns: Callable[[], int] = time.time_ns
) -> None:
    """Raise ClockWrong if the clocks are further apart than that; and DatabaseTrouble."""
    ahead_s = await clock_error_s(database, now_ns=now_ns)
    if abs(ahead_s) > most_s:
        way = "ahead of" if ahead_s > 0 else "behind"
        raise ClockWrong(f"the clock of this machine is {_spelled(abs(ahead_s))} {way} the database server's")


def _told(connection: Connection) -> int | None:
    if connection.dialect.name == SQLITE:
        return None
    return int(connection.exec_driver_sql(_NOW).scalar_one())


def _spelled(seconds: float) -> str:
    return f"{seconds / _HOUR_S:.1f} hours" if seconds >= _HOUR_S else f"{seconds:.0f} seconds"
