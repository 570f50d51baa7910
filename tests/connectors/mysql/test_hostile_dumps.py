"""A dump from anywhere makes the one thing of its name, and nothing else comes of it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.connectors.mysql.conftest import names, restore
from tests.servers.mariadb import MariaDbServer

from mover.connectors.contract import Connector
from mover.connectors.mysql.form import END, delimited, head
from mover.connectors.mysql.names import Kind
from mover.connectors.mysql.sql import text_literal
from mover.connectors.mysql.statements import Create, Insert, Program, Statement, TableDump
from mover.errors import MoverError, TooLarge, Unsupported

HEAD = head(Kind.TABLE)
CREATE = b"CREATE TABLE `t` (\n  `id` int(11) DEFAULT NULL\n) ENGINE=InnoDB;\n"
INSERT = b"INSERT INTO `t` (`id`) VALUES\n(1),\n(2);\n"
SETTINGS = b"SET SESSION sql_mode = '', character_set_client = 'utf8mb4', collation_connection = 'utf8mb4_general_ci';\n"
TRIGGER = b"CREATE DEFINER=`a`@`%` TRIGGER `r` BEFORE INSERT ON `t` FOR EACH ROW SET NEW.id = 1"
GOOD = HEAD + CREATE + INSERT + SETTINGS + delimited(TRIGGER) + END


def statements(dump: bytes, *, piece: int = 1 << 20, largest: int = 1 << 20) -> list[Statement]:
    reading = TableDump("t", largest=largest)
    found: list[Statement] = []
    for start in range(0, len(dump), piece):
        found += reading.feed(dump[start : start + piece])
    reading.end()
    return found


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_dump_is_recognised_in_whatever_pieces_it_comes(piece: int) -> None:
    create, insert, program = statements(GOOD, piece=piece)
    assert isinstance(create, Create)
    assert isinstance(insert, Insert)
    assert insert.rest == INSERT.removeprefix(b"INSERT INTO `t`").removesuffix(b";\n")
    assert isinstance(program, Program)
    assert program.before_name + b"`r`" + program.before_table + b"`t`" + program.after_table == TRIGGER


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (b"DROP DATABASE `shop`;\n", "DROP DATABASE"),
        (b"DROP TABLE `t`;\n", "DROP TABLE"),
        (b"GRANT ALL ON *.* TO 'eve'@'%';\n", "GRANT ALL"),
        (b"LOAD DATA INFILE '/etc/passwd' INTO TABLE `t`;\n", "LOAD DATA"),
        (b"SELECT 1 INTO OUTFILE '/tmp/x';\n", "SELECT INTO"),
        (b"/*!40101 DROP DATABASE shop */;\n", "DROP DATABASE"),
        (b"/*M!999999 GRANT ALL ON *.* TO eve */;\n", "M GRANT"),
        (b"USE `mysql`;\n", "USE MYSQL"),
        (b"INSERT INTO `mysql`.`user` (`id`) VALUES\n(1);\n", "INSERT INTO"),
        (b"INSERT INTO `other` (`id`) VALUES\n(1);\n", "INSERT INTO"),
        (b"INSERT INTO `t` (`id`) VALUES\n(LOAD_FILE('/etc/passwd'));\n", "literals"),
        (b"INSERT INTO `t` (`id`) VALUES\n((SELECT 1));\n", "literals"),
        (b"INSERT INTO `t` (`id`) VALUES\n(1) ON DUPLICATE KEY UPDATE id = SLEEP(9);\n", "literals"),
        (b"INSERT INTO `t` (`id`) SELECT `x` FROM `mysql`.`user`;\n", "literals"),
        (b"INSERT INTO `t` (`id`) VALUES\n('a\\'),(SLEEP(9)),('');\n", "literals"),
        (b"INSERT INTO `t` (`id`) VALUES\n(/*! SLEEP(9) */);\n", "literals"),
        (b"INSERT INTO `t` (`id`) VALUES\n(1); DROP TABLE x;\n", "literals"),
        (b"ALTER TABLE `t` DROP COLUMN `id`;\n", "more than add foreign keys"),
        (
            b"ALTER TABLE `t`\n  ADD CONSTRAINT `x` FOREIGN KEY (`id`) REFERENCES `p` (`id`), DROP COLUMN `id`;\n",
            "foreign keys",
        ),
        (
            b"ALTER TABLE `other`\n  ADD CONSTRAINT `x` FOREIGN KEY (`id`) REFERENCES `p` (`id`);\n",
            "ALTER TABLE",
        ),
        (b"SET SESSION sql_mode = '', GLOBAL general_log = '1';\n", "SET"),
        (b"SET GLOBAL general_log_file = '/tmp/x';\n", "SET GLOBAL"),
        (b"SET SESSION sql_mode = @@version;\n", "SET"),
        (CREATE, "CREATE TABLE"),
        (delimited(TRIGGER), "CREATE DEFINER"),
        (SETTINGS + delimited(TRIGGER.replace(b"ON `t`", b"ON `other`")), "CREATE DEFINER"),
        (SETTINGS + delimited(b"DROP DATABASE shop"), "DROP DATABASE"),
        (SETTINGS + delimited(b"CREATE DEFINER=`a`@`%` PROCEDURE `p`() SELECT 1"), "CREATE DEFINER"),
        (b"DELIMITER //\nDROP DATABASE shop //\nDELIMITER ;\n", "DELIMITER"),
        (b"\\! rm -rf /\n;\n", "RM RF"),
        (b"source /etc/passwd\n;\n", "SOURCE ETC"),
    ],
)
def test_statement_that_no_dump_of_the_table_has_refuses_the_file_and_is_named(
    statement: bytes, said: str
) -> None:
    with pytest.raises(Unsupported) as caught:
        statements(HEAD + CREATE + INSERT + statement + END)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "definition",
    [
        b" AS SELECT * FROM mysql.user",
        b" (`id` int) AS SELECT 1",
        b" (`id` int) SELECT 1",
        b" (`id` int) /*!40101 SELECT 1 */",
        b" LIKE `mysql`.`user`",
        b" (LIKE `mysql`.`user`)",
        b" (`id` int) ENGINE=FEDERATED CONNECTION='mysql://x'",
        b" (`id` int) ENGINE=CONNECT TABLE_TYPE=CSV FILE_NAME='/etc/passwd'",
        b" (`id` int) ENGINE = `SPIDER`",
        b" (`id` int) ENGINE MERGE UNION=(`a`)",
        b" (`id` int) DATA DIRECTORY='/tmp'",
        b" (`id` int) /*!50100 PARTITION BY HASH (`id`) (PARTITION p0 DATA DIRECTORY = '/tmp' ENGINE = InnoDB) */",
        b" (`id` text DEFAULT LOAD_FILE('/etc/passwd'))",
        b" (`id` int, CONSTRAINT `x` FOREIGN KEY (`id`) REFERENCES `mysql`.`user` (`id`))",
        b" (`id` int); DROP DATABASE shop",
        b" (`id` int) /* hidden */ ENGINE=InnoDB",
        b" (`id` int) -- hidden\n ENGINE=InnoDB",
        b" (`id` int) # hidden\n ENGINE=InnoDB",
        b" (`id` int",
        b"`.`user` (`id` int)",
    ],
)
def test_definition_that_reaches_beyond_its_table_refuses_the_file(definition: bytes) -> None:
    with pytest.raises(Unsupported):
        statements(HEAD + b"CREATE TABLE `t`" + definition + b";\n" + END)


@pytest.mark.parametrize(
    "dump",
    [
        b"",
        HEAD,
        HEAD + CREATE,
        HEAD + CREATE + INSERT,
        GOOD[:-1],
        GOOD + b"x",
        GOOD + GOOD,
        HEAD + END,
        b"PK\x03\x04 a zip",
        GOOD[1:],
        HEAD + INSERT + END,
    ],
)
def test_dump_that_is_cut_off_continued_or_none_is_refused(dump: bytes) -> None:
    with pytest.raises(Unsupported):
        statements(dump)


def test_statement_without_an_end_is_refused_when_the_server_would_not_take_it() -> None:
    endless = HEAD + CREATE + b"INSERT INTO `t` (`id`) VALUES\n" + b"(1),\n" * 1_000_000
    with pytest.raises(TooLarge):
        statements(endless, largest=1 << 20)


def test_definition_that_seems_to_end_again_and_again_is_refused() -> None:
    with pytest.raises(Unsupported, match="does not end"):
        statements(HEAD + b"CREATE TABLE `t` (`" + b";\n" * 400_000)


@given(st.binary(max_size=200))
def test_any_value_is_one_literal_and_ends_where_it_should(value: bytes) -> None:
    sql = b"INSERT INTO `t` (`id`) VALUES\n(_binary " + text_literal(value) + b");\n"
    assert b"\n" not in text_literal(value)
    _, insert = statements(HEAD + CREATE + sql + END)
    assert isinstance(insert, Insert)


def test_dump_with_a_byte_changed_anywhere_never_becomes_another_kind_of_statement() -> None:
    rng = random.Random(1)
    for _ in range(500):
        at = rng.randrange(len(HEAD) + len(CREATE), len(GOOD))
        changed = GOOD[:at] + bytes([rng.randrange(256)]) + GOOD[at + 1 :]
        try:
            kinds = [type(statement) for statement in statements(changed)]
        except Unsupported:
            continue
        assert kinds == [Create, Insert, Program]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("v.view.sql", b"CREATE DEFINER=`a`@`%` PROCEDURE `v`() DROP DATABASE x"),
        ("v.view.sql", b"DROP DATABASE x"),
        ("v.view.sql", b"CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `other` AS select 1 AS `a`"),
        (
            "v.view.sql",
            b"CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `mysql`.`v` AS select 1 AS `a`",
        ),
        ("f.function.sql", b"CREATE DEFINER=`a`@`%` FUNCTION `g`() RETURNS int RETURN 1"),
        ("v.view.sql", b'CREATE DEFINER="a\\" VIEW `v` AS " PROCEDURE `p`() SELECT 1'),
        ("f.function.sql", b"CREATE FUNCTION `f` RETURNS int SONAME 'evil.so'"),
        ("e.event.sql", b"CREATE DEFINER=`a`@`%` TRIGGER `e` BEFORE INSERT ON `t` FOR EACH ROW SET @a = 1"),
    ],
)
async def test_definition_of_something_else_is_refused_before_the_server_sees_it(
    name: str, text: bytes, connector: Connector, database: str
) -> None:
    kind = Kind(name.split(".")[1])
    with pytest.raises(Unsupported):
        await restore(connector, database, name, head(kind) + SETTINGS + delimited(text) + END)
    two = SETTINGS + b"DELIMITER ;;\nSELECT 1 ;;\nSELECT 2 ;;\nDELIMITER ;\n"
    with pytest.raises(Unsupported):
        await restore(connector, database, name, head(kind) + two + END)
    assert await names(connector, database) == []


@pytest.mark.parametrize("charset", ["gbk", "SJIS"])
async def test_definition_whose_quotes_another_character_set_hides_is_refused(
    charset: str, connector: Connector, database: str
) -> None:
    settings = f"SET SESSION character_set_client = '{charset}';\n".encode()
    hidden = b"CREATE DEFINER=`a\x81`@` PROCEDURE evil() SELECT 1 # `"
    view = hidden + b" VIEW `v` AS select 1 AS `a`"
    trigger = hidden + b" TRIGGER `r` BEFORE INSERT ON `t` FOR EACH ROW SET NEW.id = 1"
    with pytest.raises(Unsupported):
        await restore(connector, database, "v.view.sql", head(Kind.VIEW) + settings + delimited(view) + END)
    with pytest.raises(Unsupported):
        await restore(connector, database, "t.sql", HEAD + CREATE + settings + delimited(trigger) + END)
    assert await names(connector, database) == []


async def test_second_statement_behind_a_definition_is_not_executed(
    mariadb_server: MariaDbServer, connector: Connector, database: str
) -> None:
    mariadb_server.execute("CREATE TABLE kept (id int)", database=database)
    text = b"CREATE DEFINER=`alice`@`%` PROCEDURE `p`() SELECT 1; DROP TABLE kept"
    with pytest.raises(Unsupported):
        await restore(
            connector, database, "p.procedure.sql", head(Kind.PROCEDURE) + SETTINGS + delimited(text) + END
        )
    assert await names(connector, database) == ["kept.sql"]


@pytest.mark.parametrize(
    "name", ["report.pdf", "t.SQL", "t", "t.table.sql", "%74.sql", f"{'x' * 65}.sql", "wrong.database.sql"]
)
async def test_name_that_is_no_dumps_is_refused(name: str, connector: Connector, database: str) -> None:
    with pytest.raises(MoverError) as caught:
        await restore(connector, database, name, GOOD)
    assert caught.value.operation == "upload"
    assert await names(connector, database) == []
