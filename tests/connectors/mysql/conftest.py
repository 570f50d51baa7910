from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing

import pytest
from tests.contents import GivenContent
from tests.contract.services import configured
from tests.databases import drop_database
from tests.servers.mariadb import MariaDbServer

from mover.connectors.contract import Connector, Target
from mover.entries import Entry, EntryRef
from mover.vault.secret import Secret

_keys = itertools.count(1)


def values(server: MariaDbServer, **more: object) -> dict[str, object]:
    """The keys of a connection to a server."""
    given = {"host": server.host, "port": server.port, "username": server.username}
    return {**given, "password": Secret(server.password), "ca_file": server.ca_file, **more}


Connecting = Callable[..., Awaitable[Connector]]


@pytest.fixture
async def connecting(mariadb_server: MariaDbServer) -> AsyncIterator[Connecting]:
    """Makes signed-in connectors."""
    made: list[Connector] = []

    async def connect(**more: object) -> Connector:
        connector = configured("mysql", values(mariadb_server, **more))()
        made.append(connector)
        await connector.sign_in()
        return connector

    yield connect
    for connector in made:
        await connector.close()


@pytest.fixture
def database(mariadb_server: MariaDbServer) -> Iterator[str]:
    """An empty database of the test's own."""
    name = f"test_{next(_keys)}"
    drop_database(mariadb_server, name)
    mariadb_server.execute(f"CREATE DATABASE `{name}`")
    yield name
    drop_database(mariadb_server, name)


@pytest.fixture
async def connector(connecting: Connecting) -> Connector:
    return await connecting()


async def dump(connector: Connector, database: str, name: str) -> bytes:
    """Read a dump whole."""
    async with aclosing(connector.read(EntryRef(f"/{database}/{name}"))) as pieces:
        return b"".join([piece async for piece in pieces])


async def restore(
    connector: Connector,
    database: str,
    name: str,
    sql: bytes,
    *,
    replaces: Entry | None = None,
    key: str = "",
) -> Entry:
    """Upload a dump whose size is not known before."""
    target = Target(
        folder=EntryRef(f"/{database}"), name=name, key=key or f"restore-{next(_keys)}", replaces=replaces
    )
    return await connector.upload(target, GivenContent(sql, told_size=None))


async def names(connector: Connector, database: str) -> list[str]:
    """Names of the dumps in a database."""
    async with aclosing(connector.list_folder(EntryRef(f"/{database}"))) as pages:
        return [entry.name async for page in pages for entry in page.entries]
