"""The API starts while its key service is away, and makes what runners need when it is back."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from mover.connections.connections import Connections
from mover.database.database import Database
from mover.errors import InvalidConfiguration, MoverError, ServiceFault
from mover.migrations.given.authority import find_authority
from mover.serving.first_keys import make_first_keys, try_first_keys
from mover.transport.egress import Egress
from mover.vault.providers import FileKeyProvider
from mover.vault.tables import person_keys
from mover.vault.vault import Vault


class Elsewhere(FileKeyProvider):
    """A key service."""

    fault: MoverError | None = None

    async def key_id(self) -> str:
        if self.fault:
            raise self.fault
        return await super().key_id()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


async def test_a_key_service_that_is_away_is_tried_again(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    provider = Elsewhere(tmp_path / "global.key")
    vault = Vault(database, provider)
    await Connections(database, vault, Egress()).add("files", "local", {"path": str(tmp_path)})
    await database.write(lambda c: c.execute(delete(person_keys)))  # as an older Mover left it

    provider.fault = ServiceFault("the key service is away")
    with caplog.at_level(logging.WARNING):
        await try_first_keys(database, vault)
    assert "the key service is away" in caplog.text
    with pytest.raises(ServiceFault):
        await make_first_keys(database, vault)
    provider.fault = InvalidConfiguration("that is no key")
    with pytest.raises(InvalidConfiguration):
        await try_first_keys(database, vault)

    provider.fault = None
    assert await make_first_keys(database, vault) == 0
    holders = await database.read(lambda c: set(c.scalars(select(person_keys.c.person))))
    assert holders >= {"local", "runners"}
    assert await find_authority(vault)
