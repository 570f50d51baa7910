"""Databases to move, and how a server itself tells that two of them are identical."""

from __future__ import annotations

from typing import Any

from tests.servers.mariadb import MariaDbServer

from mover.connectors.mysql.sql import quote_name

# Every column type with values at its edges, and every kind of thing that depends on another.
EVERYTHING = r"""
SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES';
SET SESSION time_zone = '+00:00';
CREATE TABLE everything (
  id bigint unsigned NOT NULL AUTO_INCREMENT, t tinyint, s smallint unsigned, m mediumint(6) unsigned zerofill, i int,
  b bit(1), b64 bit(64), d decimal(65,30), f float, dd double, dm double(10,2), y year,
  dt date, dtt datetime(6), ts timestamp(6) NULL DEFAULT NULL, tm time(3),
  c char(10), vc varchar(300) COLLATE utf8mb4_bin, l1 varchar(50) CHARACTER SET latin1,
  sj varchar(50) CHARACTER SET sjis, u2 text CHARACTER SET ucs2, tt tinytext, tx text COLLATE utf8mb4_unicode_ci,
  mt mediumtext, lt longtext, bi binary(4), vb varbinary(300), tb tinyblob, bl blob, mb mediumblob, lb longblob,
  e enum('','a','b''c','ü'), st set('x','y','z'), j json, g geometry, p point, uu uuid, i6 inet6, i4 inet4,
  gv int GENERATED ALWAYS AS (i * 2) VIRTUAL, gs varchar(60) GENERATED ALWAYS AS (concat(l1, '!')) STORED,
  inv int INVISIBLE DEFAULT 7,
  PRIMARY KEY (id), KEY gsk (gs), FULLTEXT KEY ft (tx)
) COMMENT = 'it''s; a \\ "comment"\nwith `ticks`' AUTO_INCREMENT = 1000;
INSERT INTO everything (id,t,s,m,i,b,b64,d,f,dd,dm,y,dt,dtt,ts,tm,c,vc,l1,sj,u2,tt,tx,mt,lt,bi,vb,tb,bl,mb,lb,e,st,j,g,p,uu,i6,i4,inv)
VALUES (0,-128,65535,42,-5,1,0xFFFFFFFFFFFFFFFF,-12345678901234567890.123456789012345678901234567890,0.1,
  1.7976931348623157e308,1.1,2155,'0000-00-00','2024-02-31 00:00:00.123456','1970-01-01 00:00:01.5','-838:59:59',
  'pad','quote '' back \\ nl \n cr \r nul \0 z \Z 😀',x'80E9FF',_sjis 0x815C8C9F,'wide ü','x','; -- # /* not */ `',
  'crlf\r\n','l',x'00FF',x'00010A0D5C27221A',x'',x'00',repeat(x'DEADBEEF000A275C',1000),x'0A','','x,z',
  '{"a": [1, 2.5, "ü"]}',ST_GeomFromText('LINESTRING(0 0,1.5 -2)'),ST_GeomFromText('POINT(1 2)'),
  '123e4567-e89b-12d3-a456-426655440000','::1','127.0.0.1',9);
INSERT INTO everything (id, inv) VALUES (18446744073709551614, NULL);
INSERT INTO everything (id,f,dd,tm,e,c,l1) VALUES (5,3.4028234e38,-1e-300,'100:00:01.5',0,'',''),
  (6,1.17549435e-38,5e-324,'00:00:00','ü','x','y');
CREATE TABLE no_key (a int, b varchar(20)) COMMENT 'rows may be there twice';
INSERT INTO no_key VALUES (3,'c'),(1,'a'),(1,'a'),(NULL,NULL);
CREATE TABLE composite (a varchar(20) COLLATE utf8mb4_unicode_ci, b int, c datetime, note text, PRIMARY KEY (a,b,c))
  PARTITION BY KEY (a) PARTITIONS 4;
INSERT INTO composite SELECT concat('k', seq % 7), seq, '2020-01-01' + INTERVAL seq SECOND, repeat('x', seq % 50)
  FROM seq_1_to_3000;
CREATE TABLE parent (id int PRIMARY KEY, up int, CONSTRAINT up FOREIGN KEY (up) REFERENCES parent (id) ON DELETE CASCADE)
  COMMENT '; CONSTRAINT `x` FOREIGN KEY (y),';
CREATE TABLE child (id int PRIMARY KEY AUTO_INCREMENT, pid int NOT NULL, UNIQUE KEY u (pid),
  CONSTRAINT child_parent FOREIGN KEY (pid) REFERENCES parent (id), CONSTRAINT big CHECK (pid < 1000000));
INSERT INTO parent VALUES (1,NULL),(2,1),(0,2);
INSERT INTO child VALUES (1,1),(2,2);
CREATE TABLE no_transactions (a int PRIMARY KEY) ENGINE = MyISAM;
INSERT INTO no_transactions VALUES (1),(2);
CREATE TABLE `odd ``name``; 日本/x.view` (`co``l` int PRIMARY KEY);
CREATE SEQUENCE numbers START WITH 5 INCREMENT BY 3;
SELECT nextval(numbers);
CREATE TABLE by_sequence (id bigint DEFAULT nextval(numbers) PRIMARY KEY, v int);
INSERT INTO by_sequence (v) VALUES (1),(2);
CREATE VIEW z_of_child AS SELECT id, pid FROM child WHERE pid < 10 WITH CASCADED CHECK OPTION;
DELIMITER //
CREATE FUNCTION total(x int) RETURNS int DETERMINISTIC COMMENT 'c;c'
  BEGIN DECLARE r int DEFAULT 0; SET r = x * 2; RETURN r; END//
CREATE PROCEDURE `fill it`(IN n int, OUT s varchar(10) CHARSET latin1)
  BEGIN /* a ; comment */ INSERT INTO no_transactions VALUES (n); SET s = ';;😀'; END//
CREATE TRIGGER `second` BEFORE INSERT ON child FOR EACH ROW
  BEGIN IF NEW.pid IS NULL THEN SET NEW.pid = 1; END IF; END//
CREATE TRIGGER `first` BEFORE INSERT ON child FOR EACH ROW PRECEDES `second` SET NEW.pid = NEW.pid + 0//
SET SESSION sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES'//
CREATE PROCEDURE "an""si"() BEGIN SELECT "a" || 'b\' FROM no_key; END//
SET SESSION sql_mode = ''//
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 03:00:00' DISABLE COMMENT 'x'
  DO BEGIN DELETE FROM no_transactions WHERE a > 5; END//
DELIMITER ;
CREATE VIEW a_on_z AS SELECT z.id, total(z.id) AS t FROM z_of_child z;
"""
FILES = frozenset(
    {
        "by_sequence.sql",
        "child.sql",
        "composite.sql",
        "everything.sql",
        "no_key.sql",
        "no_transactions.sql",
        "odd `name`; 日本%2Fx.view.table.sql",
        "parent.sql",
        "numbers.sequence.sql",
        "total.function.sql",
        "fill it.procedure.sql",
        "an%22si.procedure.sql",
        "nightly.event.sql",
        "z_of_child.view.sql",
        "a_on_z.view.sql",
    }
)


def make_database(server: MariaDbServer, name: str, sql: str = EVERYTHING) -> None:
    """Create a database anew and fill it with the `mariadb` client."""
    drop_database(server, name)
    server.execute(f"CREATE DATABASE `{name}`")
    server.load(name, sql.encode())


def drop_database(server: MariaDbServer, name: str) -> None:
    """Remove a database."""
    server.execute("SET SESSION foreign_key_checks = 0", f"DROP DATABASE IF EXISTS `{name}`")


def described(server: MariaDbServer, database: str) -> dict[str, Any]:
    """All that the server itself tells about a database: checksums of rows, and how everything is defined."""
    found: dict[str, Any] = {}
    with server.connect(database) as connection, connection.cursor() as cursor:

        def rows(query: str) -> list[tuple]:
            cursor.execute(query)
            return list(cursor.fetchall())

        def told(table: str, columns: str) -> list[tuple]:
            schema = _SCHEMA_COLUMNS[table]
            return sorted(
                rows(f"SELECT {columns} FROM information_schema.{table} WHERE {schema} = DATABASE()"), key=str
            )

        cursor.execute("SET SESSION time_zone = '+00:00'")
        for name, kind in told("TABLES", "TABLE_NAME, TABLE_TYPE"):
            quoted = quote_name(name)
            if kind == "SEQUENCE":
                found[f"{kind} {name}"] = (
                    rows(f"SHOW CREATE SEQUENCE {quoted}"),
                    rows("SELECT * FROM " + quoted),
                )
                continue
            found[f"{kind} {name}"] = rows(f"SHOW CREATE TABLE {quoted}")
            if kind == "BASE TABLE":
                found[f"rows of {name}"] = [row[1:] for row in rows(f"CHECKSUM TABLE {quoted} EXTENDED")]
        for name, kind in told("ROUTINES", "ROUTINE_NAME, ROUTINE_TYPE"):
            found[f"{kind} {name}"] = rows(f"SHOW CREATE {kind} {quote_name(name)}")
        for (name,) in told("EVENTS", "EVENT_NAME"):
            found[f"event {name}"] = rows(f"SHOW CREATE EVENT {quote_name(name)}")
        for table, columns in _COMPARED.items():
            found[table] = told(table, columns)
    return found


_SCHEMA_COLUMNS = {
    "TABLES": "TABLE_SCHEMA",
    "COLUMNS": "TABLE_SCHEMA",
    "ROUTINES": "ROUTINE_SCHEMA",
    "EVENTS": "EVENT_SCHEMA",
    "TRIGGERS": "TRIGGER_SCHEMA",
    "SCHEMATA": "SCHEMA_NAME",
}
_COMPARED = {
    "COLUMNS": "TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, COLUMN_DEFAULT, COLLATION_NAME, EXTRA, COLUMN_COMMENT",
    # SHOW CREATE TRIGGER shows the words of whoever typed it, down to the blanks; this is what they mean.
    "TRIGGERS": "TRIGGER_NAME, EVENT_MANIPULATION, EVENT_OBJECT_TABLE, ACTION_ORDER, ACTION_STATEMENT, ACTION_TIMING, "
    "SQL_MODE, DEFINER, CHARACTER_SET_CLIENT, COLLATION_CONNECTION",
    "SCHEMATA": "DEFAULT_COLLATION_NAME",
}
