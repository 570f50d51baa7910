"""CREATE TABLE comes apart where it should, whatever stands in its texts."""

from __future__ import annotations

import pytest

from mover.connectors.mysql.definitions import check_definition, without_checks, without_foreign_keys
from mover.errors import Unsupported

BEFORE = b"CREATE TABLE `t` (\n  `a` int(11) DEFAULT 0 COMMENT ', CONSTRAINT `x` FOREIGN KEY (`a`)',\n  KEY `k` (`a`,`b`)"
FOREIGN = b"CONSTRAINT `f``1` FOREIGN KEY (`a`, `b`) REFERENCES `o`.`p` (`a`, `b`) ON DELETE SET NULL ON UPDATE CASCADE"
CHECK = b"CONSTRAINT `c` CHECK ((`a` <> _utf8mb4'),') and `b` in (1,2)) /*!80016 NOT ENFORCED */"
AFTER = b"\n) ENGINE=InnoDB COMMENT=') FOREIGN KEY CHECK ('"


def test_foreign_keys_and_checks_are_taken_out_and_the_rest_stays() -> None:
    statement = BEFORE + b",\n  " + FOREIGN + b",\n  " + CHECK + AFTER
    rest, foreign_keys = without_foreign_keys(statement)
    assert (rest, foreign_keys) == (BEFORE + b",\n  " + CHECK + AFTER, [FOREIGN])
    assert without_checks(rest) == (BEFORE + AFTER, [CHECK])


def test_statement_without_any_stays_as_it_is() -> None:
    assert without_foreign_keys(BEFORE + AFTER) == (BEFORE + AFTER, [])
    assert without_checks(BEFORE + AFTER) == (BEFORE + AFTER, [])


@pytest.mark.parametrize(
    "harmless",
    [
        b"(`select` int, `union` text COMMENT 'SELECT 1; DROP TABLE x -- ')",
        b"(`a` int DEFAULT (1 + 1), `b` text GENERATED ALWAYS AS (replace(`c`,'x','y')) STORED)",
        b"(`a` int /*!80023 INVISIBLE */) ENGINE=InnoDB\n/*!50100 PARTITION BY RANGE (`a`)\n(PARTITION p0 VALUES LESS THAN (5) ENGINE = InnoDB) */",
        b"(`a` text CHECK (`a` like '%--%')) ENGINE=Aria PAGE_CHECKSUM=1",
        b"(`a` text /*M!100301 COMPRESSED*/) ENGINE=InnoDB",
    ],
)
def test_definition_of_a_harmless_table_is_accepted(harmless: bytes) -> None:
    check_definition(harmless)


def test_forbidden_word_in_a_version_comment_is_seen() -> None:
    with pytest.raises(Unsupported, match="SELECT"):
        check_definition(b"(`a` int) /*!50100 SELECT 1 */")
