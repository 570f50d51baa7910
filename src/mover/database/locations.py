"""Where a database is: URLs as people write them, checked, and told without their passwords."""

from __future__ import annotations

import re
from typing import Protocol
from urllib.parse import quote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from mover.database.failures import DatabaseUnusable

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
_EXPECTED = "give sqlite:///path or postgresql://user:password@host/database"
_SEVERAL_HOSTS = re.compile(
    r"(?P<scheme>postgres[a-z+]*://)(?P<user>[^/?#]*@)?(?P<hosts>[^/?#@]*,[^/?#@]*)(?P<rest>.*)", re.DOTALL
)


class Hidden(Protocol):
    """Text that does not show itself; a `Secret` is such a thing, and stands in a higher room."""

    def reveal(self) -> str:
        """Return the text."""


def parsed(url: str | Hidden) -> URL:
    """Take a URL apart. Raises DatabaseUnusable, which does not repeat it: it may hold a password.

    Several servers, of which one takes writes, are given as libpq takes them (PostgreSQL manual, 34.1.1.3):
    `postgresql://user@one:5432,two:5432/database?target_session_attrs=read-write`.
    """
    try:
        location = make_url(_with_hosts_apart(url if isinstance(url, str) else url.reveal()))
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


def _with_hosts_apart(url: str) -> str:
    """Put several hosts with ports behind the question mark, where SQLAlchemy lets them through to libpq."""
    found = _SEVERAL_HOSTS.fullmatch(url)
    if found is None:
        return url
    hosts, ports = [], []
    for each in found["hosts"].split(","):
        host, _, port = (
            each.rpartition(":")
            if re.search(r":[0-9]*$", each) and not each.endswith("]")
            else (each, "", "")
        )
        hosts.append(host.removeprefix("[").removesuffix("]"))
        ports.append(port)
    place, question, query = found["rest"].partition("?")
    apart = f"host={quote(','.join(hosts), safe='')}&port={quote(','.join(ports), safe='')}"
    return f"{found['scheme']}{found['user'] or ''}{place}?{apart}{'&' if question else ''}{query}"


def shown(location: URL) -> str:
    """Tell a person where it is: no password, nor anything else that stands behind the question mark."""
    if location.get_backend_name() == SQLITE:
        return str(location.database)
    several = location.query.get("host", ())
    host = location.host or (several if isinstance(several, str) else ", ".join(several)) or "this machine"
    port = f":{location.port}" if location.port else ""
    return f"{location.database} on {host}{port}"
