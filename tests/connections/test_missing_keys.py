from __future__ import annotations

from pathlib import Path

from sqlalchemy import delete, select

from mover.connections.connections import Connections
from mover.connections.missing_keys import make_missing_keys
from mover.database.database import Database
from mover.errors import NotFound
from mover.transport.egress import Egress
from mover.vault.providers import FileKeyProvider
from mover.vault.tables import person_keys
from mover.vault.vault import Vault


async def test_who_has_connections_and_no_key_is_given_one(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    connections = Connections(database, vault, Egress())
    await connections.add("files", "local", {"path": str(tmp_path)})
    assert len(await holders(database)) == 1
    await database.write(lambda c: c.execute(delete(person_keys)))  # as an older Mover left it

    gone = Vault(database, FileKeyProvider(tmp_path / "keys" / "global.key"), expect_there=refuse)
    await make_missing_keys(database, gone)
    assert await holders(database) == []

    await make_missing_keys(database, vault)
    await make_missing_keys(database, vault)
    assert len(await holders(database)) == 1


def refuse(_transaction: object, _person: str) -> None:
    raise NotFound("gone")


async def holders(database: Database) -> list[str]:
    return list(await database.read(lambda c: c.scalars(select(person_keys.c.person)).all()))
