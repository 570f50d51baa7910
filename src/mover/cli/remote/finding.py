"""Things of a server by the names that people type."""

from __future__ import annotations

import re

from mover.cli.remote.answers import Connection, Migration, Page
from mover.cli.remote.refusals import NotThere
from mover.cli.remote.server import Server
from mover.errors import InvalidConfiguration

_ID = re.compile(r"[0-9a-f]{32}")


async def find_migration(server: Server, named: str) -> Migration:
    """Find a migration by its id or its name. Raises NotThere, InvalidConfiguration (several have that name)."""
    if _ID.fullmatch(named):
        return await server.get(f"/migrations/{named}", Migration)
    found = [each async for each in server.pages("/migrations", Migration) if each.name == named]
    match found:
        case [one]:
            return one
        case []:
            raise NotThere(f"the server has no migration called {named!r}", "See: mover remote migrations")
        case _:
            ids = ", ".join(each.id for each in found[:5])
            raise InvalidConfiguration(f"several migrations are called {named!r}; give the id: {ids}")


async def find_connection(server: Server, named: str) -> Connection:
    """Find a connection by its id or its name. Raises NotThere."""
    found = await server.get("/connections", Page[Connection])
    for each in found.items:
        if named in {each.id, each.name}:
            return each
    raise NotThere(f"the server has no connection called {named!r}", "See: mover remote connections")
