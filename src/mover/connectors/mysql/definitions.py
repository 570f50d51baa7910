"""CREATE TABLE: taken apart when it is dumped, and looked at before it is executed.

The statement comes from SHOW CREATE TABLE, or pretends to. A hostile one could read other tables (`... AS SELECT`,
`LIKE`), files of the server (`LOAD_FILE`, a DATA DIRECTORY, engines that are windows to elsewhere) or bind other tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mover.connectors.mysql.sql import NAME, Token, tokens
from mover.errors import Unsupported

_FORBIDDEN = frozenset(
    {
        b"SELECT",
        b"UNION",
        b"LOAD_FILE",
        b"DIRECTORY",
        b"CONNECTION",
        b"REFERENCES",
        b"INTO",
        b"TRIGGER",
        b"EXECUTE",
    }
)
_OUTSIDE = frozenset({b"AS", b"LIKE", b"IGNORE", b"REPLACE"})
# Engines that keep rows on the server's own disk or in its memory. FEDERATED, CONNECT, SPIDER, S3, MERGE do not.
_ENGINES = frozenset(
    {
        b"INNODB",
        b"MYISAM",
        b"ARIA",
        b"MEMORY",
        b"CSV",
        b"ARCHIVE",
        b"BLACKHOLE",
        b"ROCKSDB",
        b"TOKUDB",
        b"NDBCLUSTER",
    }
)
_CHECK = re.compile(rb"CONSTRAINT " + NAME + rb" CHECK ")
_NAMED = re.compile(rb"\ACONSTRAINT " + NAME)
_COLUMNS = rb"\(" + NAME + rb"(?:, ?" + NAME + rb")*+\)"
_FOREIGN_KEY = re.compile(
    rb"CONSTRAINT %(name)b FOREIGN KEY (?:%(name)b )?%(columns)b REFERENCES %(name)b(?:\.%(name)b)? %(columns)b"
    rb"(?: MATCH [A-Z]+)?(?: ON (?:DELETE|UPDATE) (?:RESTRICT|CASCADE|SET NULL|NO ACTION|SET DEFAULT))*+"
    % {b"name": NAME, b"columns": _COLUMNS}
)


def without_foreign_keys(statement: bytes) -> tuple[bytes, list[bytes]]:
    """Take the foreign keys out of a CREATE TABLE; returns what is left, and `CONSTRAINT ... FOREIGN KEY ...` of each."""
    if b"FOREIGN KEY" not in statement:
        return statement, []
    return _without(statement, _FOREIGN_KEY.fullmatch)


def without_checks(statement: bytes) -> tuple[bytes, list[bytes]]:
    """Take the named checks out of a CREATE TABLE; returns what is left, and `CONSTRAINT ... CHECK ...` of each."""
    if b"CHECK" not in statement:
        return statement, []
    return _without(statement, _CHECK.match)


def _without(statement: bytes, is_taken: Callable[[bytes], object]) -> tuple[bytes, list[bytes]]:
    kept, taken, end = [], [], 0
    first: int | None = None
    for start, after in _parts(statement):
        first = start if first is None else first
        part = statement[start:after].strip()
        if is_taken(part):
            taken.append(part)
        else:
            kept.append(statement[start:after].rstrip())
        end = after
    if not taken or first is None:
        return statement, []
    return statement[:first] + b",".join(kept) + b"\n" + statement[end:], taken


def _parts(statement: bytes) -> list[tuple[int, int]]:
    """Where the columns, keys and constraints in the outer parentheses begin and end."""
    found = []
    start = None
    for token in tokens(statement):
        if token.depth == 0 and token.text == b"(" and start is None:
            start = token.end
        elif start is not None and token.depth == 1 and token.text == b",":
            found.append((start, token.start))
            start = token.end
        elif start is not None and token.depth == 0 and token.text == b")":
            found.append((start, token.start))
            return found
    return found


def check_definition(rest: bytes) -> None:
    """Look at a CREATE TABLE, from after the table's name on. Raises Unsupported for what no dump of ours has."""
    before: list[Token] = []
    for token in tokens(rest):
        if not before and token.text != b"(":
            raise Unsupported("the dump's CREATE TABLE has no columns of its own")
        word = token.word
        outside = token.depth == 0 and word in _OUTSIDE
        if word in _FORBIDDEN or outside or (len(before) == 1 and word == b"LIKE"):
            raise Unsupported(f"the dump's CREATE TABLE has {word.decode()}, which no dump of one table has")
        if token.depth == 0 and token.text == b";":
            raise Unsupported("the dump's CREATE TABLE has a second statement in it")
        _check_engine(before, token)
        before = [*before[-2:], token] if len(before) > 2 else [*before, token]  # noqa: PLR2004 - ENGINE = NAME


def _check_engine(before: list[Token], token: Token) -> None:
    named = len(before) > 1 and before[-1].text == b"=" and before[-2].word == b"ENGINE"
    bare = bool(before) and before[-1].word == b"ENGINE" and token.text != b"="
    if (named or bare) and token.text.strip(b"'\"`").upper() not in _ENGINES:
        engine = token.text.decode("utf-8", "replace")
        raise Unsupported(f"the dump's table has the engine {engine}, whose rows are kept elsewhere")


def foreign_keys_added(rest: bytes) -> list[bytes]:
    """Return what an ALTER TABLE adds, from after the table's name on: `CONSTRAINT ... FOREIGN KEY ...` of each.

    Raises:
        Unsupported: It does more than add foreign keys.
    """
    added: list[bytes] = []
    position = 0
    while position < len(rest):
        separator = b"\n  ADD " if position == 0 else b",\n  ADD "
        found = _FOREIGN_KEY.match(rest, position + len(separator))
        if not rest.startswith(separator, position) or found is None:
            raise Unsupported("the dump has an ALTER TABLE that does more than add foreign keys")
        added.append(found[0])
        position = found.end()
    return added


def renamed(foreign_key: bytes, name: bytes) -> bytes:
    """Return a foreign key under another, quoted name."""
    return _NAMED.sub(lambda _: b"CONSTRAINT " + name, foreign_key, count=1)
