"""Dumps: loaded by the server's own client they make the same database, and the same content is the same bytes."""

from __future__ import annotations

import asyncio
import tracemalloc
from contextlib import aclosing

import pytest
from tests.connectors.mysql.conftest import Connecting, dump, names, restore
from tests.databases import FILES, described, drop_database, make_database
from tests.servers.mariadb import MariaDbServer

from mover.connectors.contract import Connector, Remarks
from mover.entries import EntryRef
from mover.errors import Changed, NotFound


async def test_every_dump_loads_with_the_client_of_mariadb_and_makes_the_same_database(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    make_database(mariadb_server, "everything")
    files = await names(connector, "everything")
    assert set(files) == FILES
    views = [name for name in files if name.endswith(".view.sql")]
    for name in sorted(files, key=lambda name: (name in views, name == "a_on_z.view.sql")):
        mariadb_server.load(database, await dump(connector, "everything", name))
    assert described(mariadb_server, database) == described(mariadb_server, "everything")
    drop_database(mariadb_server, "everything")


async def test_same_content_is_the_same_bytes_whatever_was_done_to_it_before(
    mariadb_server: MariaDbServer, connecting: Connecting, database: str
) -> None:
    mariadb_server.execute(
        "CREATE TABLE t (id int PRIMARY KEY, v text)",
        "INSERT INTO t SELECT seq, repeat('x', seq % 300) FROM seq_1_to_3000",
        database=database,
    )
    before = await dump(await connecting(), database, "t.sql")
    mariadb_server.execute(
        "DELETE FROM t WHERE id % 2",
        "INSERT INTO t SELECT seq, repeat('x', seq % 300) FROM seq_1_to_3000 WHERE seq % 2",
        "ANALYZE TABLE t",
        database=database,
    )
    assert await dump(await connecting(), database, "t.sql") == before


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("id int, PRIMARY KEY (id)", "seq"),
        ("id varchar(20) COLLATE utf8mb4_unicode_ci, PRIMARY KEY (id)", "concat('Ä''\\\\', seq)"),
        ("id varbinary(20) NOT NULL, UNIQUE KEY (id)", "unhex(lpad(hex(seq), 8, '0'))"),
        ("id datetime(3), PRIMARY KEY (id)", "'2020-01-01' + INTERVAL seq * 1.5 SECOND"),
        ("id decimal(20, 5), PRIMARY KEY (id)", "seq / 7"),
        ("id int, b int DEFAULT 3, PRIMARY KEY (b, id)", "seq"),
        ("id int, b int AS (id) STORED, UNIQUE KEY (b)", "seq"),
        ("id double, PRIMARY KEY (id)", "seq / 7"),
        ("id varchar(20), UNIQUE KEY (id)", "seq"),
    ],
)
async def test_rows_past_the_end_of_a_range_follow_whatever_the_key_is(
    key: str,
    values: str,
    mariadb_server: MariaDbServer,
    connector: Connector,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mover.connectors.mysql.tables._RANGE", 100)
    mariadb_server.execute(
        f"CREATE TABLE t ({key})", f"INSERT INTO t (id) SELECT {values} FROM seq_1_to_350", database=database
    )
    sql = await dump(connector, database, "t.sql")
    mariadb_server.execute("RENAME TABLE t TO original", database=database)
    mariadb_server.load(database, sql)
    assert mariadb_server.execute("SELECT count(*) FROM t", database=database) == [(350,)]
    checksums = mariadb_server.execute("CHECKSUM TABLE t, original", database=database)
    assert checksums[0][1] == checksums[1][1]


async def test_no_row_is_lost_where_blanks_at_the_end_of_a_key_count(
    mariadb_server: MariaDbServer, connector: Connector, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mover.connectors.mysql.tables._RANGE", 1)
    mariadb_server.execute(
        "CREATE TABLE t (a char(5) COLLATE utf8mb4_nopad_bin PRIMARY KEY)",
        r"INSERT INTO t VALUES (''), ('a'), ('a\t'), ('a\0'), ('\t')",
        database=database,
    )
    assert (await dump(connector, database, "t.sql")).count(b"\n(") == 5


async def test_tables_are_read_as_they_were_when_the_first_of_them_was(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute(
        "CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE b (id int PRIMARY KEY)", database=database
    )
    before = await dump(connector, database, "a.sql"), await dump(connector, database, "b.sql")
    mariadb_server.execute(
        "INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (1)", database=database
    )  # no lock
    assert (await dump(connector, database, "a.sql"), await dump(connector, database, "b.sql")) == before


async def test_table_altered_after_the_snapshot_began_is_changed_and_nobody_waits_for_the_reader(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute(
        "CREATE TABLE a (id int PRIMARY KEY)",
        "CREATE TABLE b (id int PRIMARY KEY)",
        "INSERT INTO b VALUES (1)",
        database=database,
    )
    await dump(connector, database, "a.sql")
    await dump(connector, database, "b.sql")
    mariadb_server.execute(
        "SET SESSION lock_wait_timeout = 1", "ALTER TABLE b MODIFY id bigint", database=database
    )
    with pytest.raises(Changed) as caught:
        await dump(connector, database, "b.sql")
    assert caught.value.path == f"/{database}/b.sql"
    assert await dump(connector, database, "a.sql")


async def test_read_given_up_in_the_middle_keeps_the_snapshot_and_leaves_no_query_behind(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute(
        "CREATE TABLE a (v varchar(500))",
        "INSERT INTO a SELECT repeat('x', 400) FROM seq_1_to_50000",
        "CREATE TABLE b (id int)",
        database=database,
    )
    async with aclosing(connector.read(EntryRef(f"/{database}/a.sql"))) as pieces:
        await anext(pieces)
        await anext(pieces)
        mariadb_server.execute("INSERT INTO b VALUES (1)", database=database)
    assert b"INSERT" not in await dump(connector, database, "b.sql")
    assert isinstance(connector, Remarks)
    assert connector.remarks == []
    running = mariadb_server.execute(
        "SELECT info FROM information_schema.PROCESSLIST WHERE info LIKE '%repeat%' OR info LIKE '%INDEX ()%'"
    )
    assert len(running) == 1  # the question itself


async def test_snapshot_that_is_lost_with_its_connection_is_remarked(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute("CREATE TABLE a (id int PRIMARY KEY)", database=database)
    await dump(connector, database, "a.sql")
    for (found,) in mariadb_server.execute(
        "SELECT id FROM information_schema.PROCESSLIST WHERE command = 'Sleep'"
    ):
        mariadb_server.execute(f"KILL {found}")
    with pytest.raises(Exception, match="connection"):
        await dump(connector, database, "a.sql")
    assert await dump(connector, database, "a.sql")
    assert isinstance(connector, Remarks)
    assert "more than one moment" in connector.remarks[0]


async def test_tables_without_transactions_and_with_a_history_are_remarked(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute(
        "CREATE TABLE plain (id int) ENGINE = MyISAM",
        "CREATE TABLE versioned (id int) WITH SYSTEM VERSIONING",
        database=database,
    )
    await dump(connector, database, "plain.sql")
    await dump(connector, database, "versioned.sql")
    assert isinstance(connector, Remarks)
    without_transactions, without_history = connector.remarks
    assert f"{database}.plain" in without_transactions
    assert f"{database}.versioned" in without_history


async def test_values_larger_than_a_piece_arrive_whole(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute(
        "CREATE TABLE t (id int PRIMARY KEY, b longblob, t longtext)",
        "INSERT INTO t VALUES (1, repeat(unhex('00275C0AFF'), 1000000), repeat('ü\\n', 500000)), (2, '', NULL)",
        database=database,
    )
    sql = await dump(connector, database, "t.sql")
    await restore(
        connector,
        database,
        "u.sql",
        sql.replace(b"`t` (`id`", b"`u` (`id`").replace(b"TABLE `t`", b"TABLE `u`"),
    )
    checksums = mariadb_server.execute("CHECKSUM TABLE t, u", database=database)
    assert checksums[0][1] == checksums[1][1]


async def test_memory_is_flat_however_many_rows_a_table_has(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute(
        "CREATE TABLE t (id int PRIMARY KEY, v varchar(1000))",
        "INSERT INTO t SELECT seq, repeat('x', 1000) FROM seq_1_to_20500",
        database=database,
    )
    size = 0
    tracemalloc.start()
    try:
        async with aclosing(connector.read(EntryRef(f"/{database}/t.sql"))) as pieces:
            async for piece in pieces:
                size += len(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 20_000_000
    assert peak < 4_000_000


async def test_database_with_options_of_its_own_has_a_file_for_them(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute(f"ALTER DATABASE `{database}` CHARACTER SET latin1 COLLATE latin1_bin")
    sql = await dump(connector, database, "options.database.sql")
    mariadb_server.execute("CREATE DATABASE other_options")
    try:
        assert await names(connector, "other_options") == []
        await restore(connector, "other_options", "options.database.sql", sql)
        assert await dump(connector, "other_options", "options.database.sql") == sql
    finally:
        drop_database(mariadb_server, "other_options")


async def test_database_key_makes_that_database_the_root(
    mariadb_server: MariaDbServer, connecting: Connecting, database: str
) -> None:
    mariadb_server.execute("CREATE TABLE t (id int)", database=database)
    connector = await connecting(database=database)
    async with aclosing(connector.list_folder(EntryRef("/"))) as pages:
        assert [entry.name async for page in pages for entry in page.entries] == ["t.sql"]
    async with aclosing(connector.read(EntryRef("/t.sql"))) as pieces:
        assert b"CREATE TABLE `t`" in await anext(pieces)
    with pytest.raises(NotFound):
        await connecting(database="not_there")


async def test_many_reads_at_once_take_turns(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    for number in range(6):
        mariadb_server.execute(
            f"CREATE TABLE t{number} (id int PRIMARY KEY)",
            f"INSERT INTO t{number} VALUES ({number})",
            database=database,
        )
    found = await asyncio.gather(*(dump(connector, database, f"t{number}.sql") for number in range(6)))
    assert all(f"VALUES\n({number});".encode() in sql for number, sql in enumerate(found))


async def test_limits_of_the_server_for_everybody_cut_no_dump_short(
    mariadb_server: MariaDbServer, connecting: Connecting, database: str
) -> None:
    mariadb_server.execute(
        "CREATE TABLE t (v int)", "INSERT INTO t SELECT seq FROM seq_1_to_50", database=database
    )
    limits = ("sql_select_limit", "max_statement_time", "idle_readonly_transaction_timeout")
    before = mariadb_server.execute(f"SELECT {', '.join('@@GLOBAL.' + name for name in limits)}")[0]
    try:
        mariadb_server.execute(
            "SET GLOBAL sql_select_limit = 10, max_statement_time = 0.001, idle_readonly_transaction_timeout = 1"
        )
        connector = await connecting()
        assert (await dump(connector, database, "t.sql")).count(b"\n(") == 50
    finally:
        for name, value in zip(limits, before, strict=True):
            mariadb_server.execute(f"SET GLOBAL {name} = {value}")


async def test_programs_that_people_commented_and_roles_define_load_with_the_client(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute(
        "CREATE ROLE IF NOT EXISTS `clerk`",
        "CREATE TABLE t (id int)",
        "CREATE DEFINER=`clerk` TRIGGER r -- for each row of it's\n BEFORE /* each */ INSERT ON t FOR EACH ROW SET @a = 1 -- end",
        "CREATE PROCEDURE p() SELECT 1 # end",
        database=database,
    )
    table, procedure = (
        await dump(connector, database, "t.sql"),
        await dump(connector, database, "p.procedure.sql"),
    )
    mariadb_server.execute("DROP TABLE t", "DROP PROCEDURE p", database=database)
    await restore(connector, database, "t.sql", table)
    await restore(connector, database, "p.procedure.sql", procedure)
    assert await dump(connector, database, "t.sql") == table
    assert await dump(connector, database, "p.procedure.sql") == procedure
    mariadb_server.execute("DROP TABLE t", "DROP PROCEDURE p", database=database)
    mariadb_server.load(database, table + procedure)
    assert mariadb_server.execute(
        "SELECT trigger_name, definer FROM information_schema.TRIGGERS WHERE trigger_schema = DATABASE()",
        database=database,
    ) == [("r", "clerk@")]
    assert await names(connector, database) == ["t.sql", "p.procedure.sql"]


async def test_table_that_took_the_place_of_another_after_the_snapshot_began_is_changed(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute(
        "CREATE TABLE a (id int PRIMARY KEY)",
        "CREATE TABLE t (id int PRIMARY KEY)",
        "INSERT INTO t VALUES (1), (2)",
        "CREATE TABLE t_new LIKE t",
        "INSERT INTO t_new VALUES (1)",
        database=database,
    )
    await dump(connector, database, "a.sql")
    mariadb_server.execute(
        "SELECT SLEEP(1.1 - MICROSECOND(NOW(6)) / 1e6)",  # until the next second: times of tables have no parts of one
        "INSERT INTO t_new VALUES (2)",
        "RENAME TABLE t TO t_old, t_new TO t",
        database=database,
    )
    with pytest.raises(Changed):
        await dump(connector, database, "t.sql")
    assert await dump(connector, database, "a.sql")


async def test_what_the_account_may_not_see_is_remarked(
    mariadb_server: MariaDbServer, connecting: Connecting, connector: Connector, database: str
) -> None:
    mariadb_server.execute(
        "CREATE TABLE t (id int)",
        "CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET @a = 1",
        "CREATE USER IF NOT EXISTS 'nora'@'%' IDENTIFIED BY 'noras password'",
        f"GRANT SELECT, SHOW VIEW, EVENT ON `{database}`.* TO 'nora'@'%'",
        database=database,
    )
    nora = await connecting(username="nora", password="noras password")
    assert isinstance(nora, Remarks)
    assert isinstance(connector, Remarks)
    assert nora.remarks == []
    assert b"TRIGGER" not in await dump(nora, database, "t.sql")
    assert "triggers, routines" in nora.remarks[0]
    await dump(connector, database, "t.sql")
    assert connector.remarks == []
