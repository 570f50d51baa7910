"""Where a database is: URLs as people write them, checked, and told without their passwords."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from mover.database.failures import DatabaseUnusable

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
_EXPECTED = "give sqlite:///path or postgresql://user:password@host/database"


class Hidden(Protocol):
    """Text that does not show itself; a `Secret` is such a thing, and stands in a higher room."""

    def reveal(self) -> str:
        """Return the text."""


def parsed(url: str | Hidden) -> URL:
    """Take a URL apart. Raises DatabaseUnusable, which does not repeat it: it may hold a password."""
    try:
        location = make_url(url if isinstance(url, str) else url.reveal())
    except (ArgumentError, ValueError):
        raise DatabaseUnusable(f"the database's URL cannot be understood; {_EXPECTED}") from None
    match location.drivername:
        case "sqlite":
            if not location.database or location.database == ":memory:":
                raise DatabaseUnusable("the database has to be a file: sqlite:///path")
            return location
        case "postgresql" | "postgres" | "postgresql+psycopg":
            if not location.database:
                raise DatabaseUnusable(f"the database's URL names no database; {_EXPECTED}")
            return location.set(drivername="postgresql+psycopg")
        case _:
            raise DatabaseUnusable(f"the database's URL names a kind that Mover does not know; {_EXPECTED}")


def shown(location: URL) -> str:
    """Tell a person where it is: no password, nor anything else that stands behind the question mark."""
    if location.get_backend_name() == SQLITE:
        return str(location.database)
    several = location.query.get("host", ())
    host = location.host or (several if isinstance(several, str) else ", ".join(several)) or "this machine"
    port = f":{location.port}" if location.port else ""
    return f"{location.database} on {host}{port}"
