from __future__ import annotations

import importlib
import sqlite3
from pathlib import Path
from pkgutil import walk_packages

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import mover
from mover.database.base import metadata
from mover.database.database import Database
from mover.database.schema import revisions
from mover.database.upgrading import upgrade
from mover.errors import InvalidConfiguration

pytestmark = pytest.mark.usefixtures("revisions_run")


async def test_revisions_make_the_tables_that_the_rooms_define(database: Database) -> None:
    for module in walk_packages(mover.__path__, "mover."):
        if module.name.endswith(".tables"):
            importlib.import_module(module.name)

    differences = await database.read(
        lambda connection: compare_metadata(
            MigrationContext.configure(connection, opts={"compare_server_default": True}), metadata
        )
    )

    assert differences == []


async def test_each_revision_has_the_number_in_its_file_name_and_follows_the_one_before() -> None:
    script = ScriptDirectory(str(Path(mover.__path__[0]) / "database" / "revisions"))

    chain = [revision.revision for revision in script.walk_revisions()]

    assert chain[::-1] == revisions()


async def test_a_database_of_a_newer_mover_is_refused_and_left_alone(
    database_url: str, database: Database
) -> None:
    newer = "UPDATE alembic_version SET version_num = '9999'"
    await database.write(lambda c: c.exec_driver_sql(newer).close())
    await database.close()

    with pytest.raises(InvalidConfiguration, match="newer Mover"):
        await Database.open(database_url)
    with pytest.raises(InvalidConfiguration, match="newer Mover"):
        await upgrade(database_url)


async def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE theirs (x)")
    raw.close()

    with pytest.raises(InvalidConfiguration, match="another program"):
        await Database.open(f"sqlite:///{path}")

    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    raw.close()


async def test_opening_again_changes_nothing(database_url: str, database: Database) -> None:
    await database.close()
    again = await Database.open(database_url)

    version = await again.read(lambda c: c.exec_driver_sql("SELECT version_num FROM alembic_version").all())

    await again.close()
    assert version == [(revisions()[-1],)]
