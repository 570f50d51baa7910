"""Every service to every other one: one realistic tree moves, and what survives is what docs/services/matrix.md says."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.database_url import fresh
from tests.matrix.moving import Bench, Moved, reached
from tests.matrix.page import page_of, read_page, said
from tests.matrix.services import SERVICES
from tests.matrix.tree import Dump, everything, plant, planted_tables
from tests.servers.mariadb import MariaDbServer
from tests.transfer.uploading import upload_keys

from mover.database.database import Database
from mover.ledger.ledger import Ledger
from mover.staging import Staging

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    database = await Database.open(fresh(tmp_path / "ledger"))
    staging = Staging(tmp_path / "staging", memory_bytes=16 << 20, disk_bytes=1 << 30)
    await staging.open()
    yield Bench(Ledger(database), staging, upload_keys(database))
    await staging.close()
    await database.close()


def make_tables(server: MariaDbServer) -> str:
    """Make a database with a table in it."""
    name = f"matrix-{uuid.uuid4().hex[:8]}"
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{name}`")
        cursor.execute(
            f"CREATE TABLE `{name}`.`customers` (id int PRIMARY KEY, name varchar(40), photo blob)"
        )
        cursor.execute(f"INSERT INTO `{name}`.`customers` VALUES (1, 'Zoë', x'00ff27'), (2, 'O''Hara', NULL)")
        connection.commit()
    return name


@pytest.mark.promise("P3", "P4")
@pytest.mark.parametrize("source", SERVICES)
async def test_a_realistic_tree_moves_to_every_other_service(
    source: str, request: pytest.FixtureRequest, bench: Bench, mariadb_server: MariaDbServer
) -> None:
    places = {name: make(request) for name, make in SERVICES.items()}
    seen: dict[str, Moved] = {}
    async with AsyncExitStack() as stack:
        there = {
            name: await stack.enter_async_context(reached(name, place)) for name, place in places.items()
        }
        database = await there["mysql"].folder(make_tables(mariadb_server))
        tables = await planted_tables(there["mysql"].connector, database)
        [(path, data)] = tables.files.items()
        origin = there[source]
        if source == "mysql":
            tree = tables
        else:
            root = await origin.new_folder(f"matrix-{uuid.uuid4().hex[:8]}")
            tree = await plant(origin.connector, root, origin.person, Dump(path.strip("/"), data))
        async with reached(source, origin.place) as afresh:
            before = await everything(afresh.connector, tree.root)
        for name, destination in there.items():
            if name != source:
                seen[name] = await bench.move(origin, tree, destination)
        async with reached(source, origin.place) as afresh:
            assert await everything(afresh.connector, tree.root) == before  # nothing is changed at a source
    if folder := os.environ.get("MOVER_TEST_MATRIX"):  # for `python -m tests.matrix.page FOLDER`
        (Path(folder) / f"{source}.json").write_text(json.dumps({name: vars(seen[name]) for name in seen}))
        return
    lines = {name: said(moved) for name, moved in seen.items()}
    assert lines == read_page(page_of())[source]
