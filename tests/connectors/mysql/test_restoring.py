"""Restoring: a table stands under its name whole or not at all, and nothing else in the database is touched."""

from __future__ import annotations

import asyncio

import pytest
from tests.connectors.mysql.conftest import Connecting, dump, names, restore
from tests.contract.acts import StalledContent, target
from tests.databases import drop_database, make_database
from tests.servers.mariadb import MariaDbServer

from mover.connectors.contract import Connector, is_temporary_name, temporary_name
from mover.entries import Entry, EntryRef
from mover.errors import Conflict, MissingDependency, NotFound, PermissionDenied, Unsupported

FAMILY = """
CREATE TABLE parent (id int PRIMARY KEY, up int, v int, CONSTRAINT up FOREIGN KEY (up) REFERENCES parent (id));
INSERT INTO parent VALUES (1, NULL, 0), (2, 1, 0);
CREATE TABLE child (id int PRIMARY KEY, pid int, CONSTRAINT child_parent FOREIGN KEY (pid) REFERENCES parent (id));
INSERT INTO child VALUES (1, 1);
CREATE TABLE log (what varchar(20));
CREATE TRIGGER logs AFTER INSERT ON parent FOR EACH ROW INSERT INTO log VALUES ('inserted');
"""


async def seen(connector: Connector, database: str, name: str) -> Entry:
    return await connector.look_up(f"/{database}/{name}")


async def test_replaced_table_keeps_the_foreign_keys_to_it_its_own_and_its_triggers(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    make_database(mariadb_server, database, FAMILY)
    sql = await dump(connector, database, "parent.sql")
    newer = sql.replace(b"(2,1,0)", b"(2,1,0),\n(3,2,7)")
    standing = await seen(connector, database, "parent.sql")

    await restore(connector, database, "parent.sql", newer, replaces=standing)

    assert await dump(connector, database, "parent.sql") == newer
    assert mariadb_server.execute("SELECT * FROM log", database=database) == []  # no trigger fired
    mariadb_server.execute(
        "INSERT INTO parent VALUES (4, 3, 0)", "INSERT INTO child VALUES (2, 3)", database=database
    )
    with pytest.raises(Exception, match="child_parent"):
        mariadb_server.execute("INSERT INTO child VALUES (3, 99)", database=database)
    with pytest.raises(Exception, match="`up`"):
        mariadb_server.execute("INSERT INTO parent VALUES (5, 99, 0)", database=database)
    assert mariadb_server.execute("SELECT * FROM log", database=database) == [("inserted",)]


async def test_foreign_key_in_a_database_that_the_account_may_not_see_stays(
    mariadb_server: MariaDbServer, connecting: Connecting, connector: Connector, database: str
) -> None:
    drop_database(mariadb_server, "hidden")
    mariadb_server.execute(
        "CREATE TABLE t (id int PRIMARY KEY)",
        "INSERT INTO t VALUES (1)",
        "CREATE DATABASE hidden",
        f"CREATE TABLE hidden.c (id int, CONSTRAINT f FOREIGN KEY (id) REFERENCES `{database}`.t (id))",
        "CREATE USER IF NOT EXISTS 'gerda'@'%' IDENTIFIED BY 'gerdas password'",
        f"GRANT ALL ON `{database}`.* TO 'gerda'@'%'",
        database=database,
    )
    before = mariadb_server.execute("SHOW CREATE TABLE hidden.c")
    gerda = await connecting(username="gerda", password="gerdas password")
    sql = await dump(gerda, database, "t.sql")
    try:
        standing = await seen(connector, database, "t.sql")
        await restore(gerda, database, "t.sql", sql.replace(b"(1)", b"(1),\n(2)"), replaces=standing)
        assert mariadb_server.execute("SHOW CREATE TABLE hidden.c") == before
        mariadb_server.execute("INSERT INTO hidden.c VALUES (2)")
    finally:
        drop_database(mariadb_server, "hidden")
    assert await names(connector, database) == ["t.sql"]


async def test_plain_table_is_swapped_so_that_it_is_never_missing(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute("CREATE TABLE t (id int PRIMARY KEY)", database=database)
    sql = await dump(connector, database, "t.sql")
    standing = await seen(connector, database, "t.sql")
    done = asyncio.Event()

    async def look_all_the_time() -> int:
        looks = 0
        with mariadb_server.connect(database) as connection, connection.cursor() as cursor:
            while not done.is_set():
                await asyncio.to_thread(cursor.execute, "SELECT * FROM t")  # an error if it is missing
                looks += 1
        return looks

    looking = asyncio.create_task(look_all_the_time())
    for _ in range(10):
        await restore(connector, database, "t.sql", sql, replaces=standing)
    done.set()
    assert await looking > 0
    assert await names(connector, database) == ["t.sql"]


async def test_tables_are_restored_in_any_order_and_at_the_same_time(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    make_database(mariadb_server, database, FAMILY)
    files = {name: await dump(connector, database, name) for name in await names(connector, database)}
    mariadb_server.execute(f"DROP DATABASE `{database}`", f"CREATE DATABASE `{database}`")
    await asyncio.gather(*(restore(connector, database, name, sql) for name, sql in files.items()))
    assert {name: await dump(connector, database, name) for name in files} == files


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("t.sql", "CREATE VIEW t AS SELECT 1 AS id"),
        ("t.sql", "CREATE SEQUENCE t"),
        ("t.view.sql", "CREATE TABLE t (id int)"),
        ("t.function.sql", "CREATE FUNCTION t() RETURNS int RETURN 1"),
    ],
)
async def test_what_stands_under_the_name_is_not_overwritten(
    name: str, made: str, mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute(
        "CREATE TABLE source (id int)",
        "CREATE VIEW v AS SELECT 1 AS id",
        "CREATE FUNCTION f() RETURNS int RETURN 2",
        database=database,
    )
    kind = name.partition(".")[2]
    (source,) = [file for file in await names(connector, database) if file.partition(".")[2] == kind]
    sql = await dump(connector, database, source)
    mariadb_server.execute(made, database=database)
    before = await names(connector, database)
    with pytest.raises(Conflict):
        await restore(connector, database, name, sql)
    assert await names(connector, database) == before


async def test_leftover_of_an_upload_is_passed_over_by_scans_and_used_again(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute("CREATE TABLE t (id int PRIMARY KEY)", database=database)
    sql = await dump(connector, database, "t.sql")
    mariadb_server.execute(
        "DROP TABLE t", f"CREATE TABLE `{temporary_name('key')}` (other int)", database=database
    )
    (leftover,) = await names(connector, database)
    assert is_temporary_name(leftover)
    await restore(connector, database, "t.sql", sql, key="key")
    assert await names(connector, database) == ["t.sql"]


async def test_cancelled_restore_leaves_nothing(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute(
        "CREATE TABLE t (id int, v varchar(200))",
        "INSERT INTO t SELECT seq, repeat('x', 200) FROM seq_1_to_9000",
        database=database,
    )
    content = StalledContent(await dump(connector, database, "t.sql"))
    mariadb_server.execute("DROP TABLE t", database=database)
    task = asyncio.create_task(connector.upload(target(EntryRef(f"/{database}"), "t.sql"), content))
    await content.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await names(connector, database) == []


async def test_view_whose_tables_are_not_there_says_so_and_comes_when_they_are(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute("CREATE TABLE t (id int)", "CREATE VIEW v AS SELECT id FROM t", database=database)
    table, view = await dump(connector, database, "t.sql"), await dump(connector, database, "v.view.sql")
    mariadb_server.execute("DROP TABLE t", "DROP VIEW v", database=database)
    with pytest.raises(MissingDependency) as caught:
        await restore(connector, database, "v.view.sql", view)
    assert f"{database}.t" in caught.value.said
    await restore(connector, database, "t.sql", table)
    await restore(connector, database, "v.view.sql", view)
    assert await dump(connector, database, "v.view.sql") == view


@pytest.mark.parametrize(
    "name", ["v.view.sql", "f.function.sql", "p.procedure.sql", "e.event.sql", "s.sequence.sql"]
)
async def test_definitions_are_replaced(
    name: str, mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    things = {
        "v.view.sql": ("CREATE VIEW v AS SELECT 1 AS a", "CREATE OR REPLACE VIEW v AS SELECT 2 AS a"),
        "f.function.sql": (
            "CREATE FUNCTION f() RETURNS int RETURN 1",
            "CREATE OR REPLACE FUNCTION f() RETURNS int RETURN 2",
        ),
        "p.procedure.sql": ("CREATE PROCEDURE p() SELECT 1", "CREATE OR REPLACE PROCEDURE p() SELECT 2"),
        "e.event.sql": ("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1", "ALTER EVENT e COMMENT 'x'"),
        "s.sequence.sql": ("CREATE SEQUENCE s", "CREATE OR REPLACE SEQUENCE s START WITH 50"),
    }
    first, second = things[name]
    mariadb_server.execute(first, database=database)
    sql = await dump(connector, database, name)
    mariadb_server.execute(second, database=database)
    assert await dump(connector, database, name) != sql
    await restore(connector, database, name, sql, replaces=await seen(connector, database, name))
    assert await dump(connector, database, name) == sql


async def test_replacing_what_is_gone_is_not_found(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute("CREATE TABLE t (id int)", database=database)
    sql, standing = await dump(connector, database, "t.sql"), await seen(connector, database, "t.sql")
    mariadb_server.execute("DROP TABLE t", database=database)
    with pytest.raises(NotFound):
        await restore(connector, database, "t.sql", sql, replaces=standing)


async def test_definer_that_the_account_may_not_restore_for_is_said(
    mariadb_server: MariaDbServer, connecting: Connecting, connector: Connector, database: str
) -> None:
    mariadb_server.execute(
        "CREATE FUNCTION f() RETURNS int RETURN 1",
        "CREATE USER IF NOT EXISTS 'bob'@'%' IDENTIFIED BY 'bobs password'",
        f"GRANT ALL ON `{database}`.* TO 'bob'@'%'",
        database=database,
    )
    sql = await dump(connector, database, "f.function.sql")
    mariadb_server.execute("DROP FUNCTION f", database=database)
    bob = await connecting(username="bob", password="bobs password")
    with pytest.raises(PermissionDenied) as caught:
        await restore(bob, database, "f.function.sql", sql)
    assert "SET USER" in caught.value.said


async def test_definition_that_may_not_be_seen_is_denied(
    mariadb_server: MariaDbServer, connecting: Connecting, database: str
) -> None:
    mariadb_server.execute(
        "CREATE FUNCTION f() RETURNS int RETURN 1",
        "CREATE USER IF NOT EXISTS 'carol'@'%' IDENTIFIED BY 'carols password'",
        f"GRANT SELECT, EXECUTE ON `{database}`.* TO 'carol'@'%'",
        database=database,
    )
    with pytest.raises(PermissionDenied):
        await dump(await connecting(username="carol", password="carols password"), database, "f.function.sql")


async def test_collation_that_the_server_does_not_have_is_unsupported(
    connector: Connector, mariadb_server: MariaDbServer, database: str
) -> None:
    mariadb_server.execute("CREATE TABLE t (id int)", database=database)
    sql = await dump(connector, database, "t.sql")
    other = sql.replace(b"utf8mb4_general_ci", b"utf8mb4_0900_ai_ci")
    with pytest.raises(Unsupported, match="cannot take the table") as caught:
        await restore(connector, database, "u.sql", other.replace(b"`t`", b"`u`"))
    assert "utf8mb4_0900_ai_ci" in caught.value.said
    assert await names(connector, database) == ["t.sql"]


async def test_old_table_stays_where_the_server_refuses_a_trigger_of_the_new_one(
    mariadb_server: MariaDbServer, connecting: Connecting, connector: Connector, database: str
) -> None:
    mariadb_server.execute(
        "CREATE TABLE t (id int PRIMARY KEY)",
        "CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET NEW.id = NEW.id",
        "CREATE USER IF NOT EXISTS 'frida'@'%' IDENTIFIED BY 'fridas password'",
        f"GRANT ALL ON `{database}`.* TO 'frida'@'%'",
        database=database,
    )
    sql = await dump(connector, database, "t.sql")
    frida = await connecting(username="frida", password="fridas password")
    with pytest.raises(PermissionDenied):
        await restore(frida, database, "t.sql", sql, replaces=await seen(connector, database, "t.sql"))
    assert await names(connector, database) == ["t.sql"]
    assert await dump(connector, database, "t.sql") == sql


async def test_old_table_stays_where_the_server_refuses_a_foreign_key_of_the_new_one(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    make_database(mariadb_server, database, FAMILY)
    sql = await dump(connector, database, "child.sql")
    mariadb_server.execute(
        "SET SESSION foreign_key_checks = 0",
        "ALTER TABLE child DROP FOREIGN KEY child_parent",
        "DROP TABLE parent",
        "CREATE TABLE parent (id varchar(9) PRIMARY KEY)",
        database=database,
    )
    standing = await seen(connector, database, "child.sql")
    with pytest.raises(Unsupported, match="foreign key"):
        await restore(connector, database, "child.sql", sql, replaces=standing)
    assert mariadb_server.execute("SELECT * FROM child", database=database) == [(1, 1)]


async def test_row_that_the_server_refuses_is_not_quoted(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute(
        "CREATE TABLE t (v varchar(9) UNIQUE) ENGINE=MyISAM",
        "INSERT INTO t VALUES ('s3cret')",
        database=database,
    )
    sql = (await dump(connector, database, "t.sql")).replace(b"('s3cret')", b"('s3cret'),\n('s3cret')")
    with pytest.raises(Unsupported, match="1062") as caught:
        await restore(connector, database, "u.sql", sql.replace(b"`t`", b"`u`"))
    assert "s3cret" not in str(caught.value)


async def test_rows_that_were_there_in_spite_of_a_check_come_back(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute(
        "SET SESSION check_constraint_checks = 0",
        "CREATE TABLE t (v int CHECK (v < 5), CONSTRAINT c CHECK (v < 10))",
        "INSERT INTO t VALUES (20)",
        database=database,
    )
    sql = await dump(connector, database, "t.sql")
    mariadb_server.execute("DROP TABLE t", database=database)
    await restore(connector, database, "t.sql", sql)
    assert await dump(connector, database, "t.sql") == sql


async def test_names_in_definitions_that_are_not_in_unicode_come_back(
    mariadb_server: MariaDbServer, connecting: Connecting, connector: Connector, database: str
) -> None:
    mariadb_server.execute(
        "CREATE TABLE ö (v varchar(9))",
        database=database,
    )
    with mariadb_server.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SET NAMES latin1")
        for statement in (
            "CREATE TRIGGER `ü` BEFORE INSERT ON `ö` FOR EACH ROW SET NEW.v = 'ä'",
            "CREATE VIEW `vü` AS SELECT 'ä' AS `ß`",
            "CREATE PROCEDURE `pü`() SELECT 'ä'",
        ):
            connection.query(statement.encode("latin-1"))
    files = {name: await dump(connector, database, name) for name in await names(connector, database)}
    assert set(files) == {"ö.sql", "vü.view.sql", "pü.procedure.sql"}
    mariadb_server.execute("DROP TABLE ö", "DROP VIEW vü", "DROP PROCEDURE pü", database=database)
    for sql in files.values():
        mariadb_server.load(database, sql)
    loaded = await connecting()
    assert {name: await dump(loaded, database, name) for name in files} == files
    mariadb_server.execute("DROP TABLE ö", "DROP VIEW vü", "DROP PROCEDURE pü", database=database)
    for name, sql in files.items():
        await restore(connector, database, name, sql)
    assert {name: await dump(connector, database, name) for name in files} == files
