"""An older ledger, with the address of an upload in the clear, is brought up to date."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, event, text
from tests.database_url import on_sqlite

import mover
from mover.database.database import Database

RIGHT = "https://vendor.example/upload?session=AHmUCY-a-right-to-write-one-file"

pytestmark = [on_sqlite, pytest.mark.promise("P5")]


async def test_the_address_goes_and_what_has_arrived_stays(path: Path, database_url: str) -> None:
    path.parent.mkdir()
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA secure_delete = ON"))
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(mover.__path__[0]) / "database" / "revisions"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0060")
        connection.execute(
            text(
                "INSERT INTO pairs (id, token, source, source_path, destination, destination_path) VALUES (1, 't', 'a', '/', 'b', '/')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO uploads (id, pair_id, source_key, token, part_size, evidence) VALUES (1, 1, '/large', :token, 1, '')"
            ),
            {"token": RIGHT},
        )
        connection.execute(
            text(
                "INSERT INTO upload_parts (upload_id, number, size, receipt, hashes) VALUES (1, 1, 1, '', '')"
            )
        )
    engine.dispose()
    assert RIGHT.encode() in path.read_bytes()

    opened = await Database.open(database_url)
    left = await opened.read(
        lambda c: [c.exec_driver_sql(f"SELECT count(*) FROM {t}").scalar() for t in ("pairs", "uploads")]
    )
    await opened.forget_removed()
    await opened.close()

    assert left == [1, 0]
    assert not [file for file in path.parent.iterdir() if RIGHT.encode() in file.read_bytes()]
