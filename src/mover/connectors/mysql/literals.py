"""How the value of each column type is written, so that it comes back exactly the same.

The server builds the literals of a row, in one string: what is left for Python is to receive and hand on. Only columns
that may be long (texts, blobs, JSON, geometries) or binary are fetched raw and quoted here, since no function of the
server returns more than `max_allowed_packet`; both ways give the same bytes.

| type | literal |
| --- | --- |
| integers, DECIMAL, YEAR | as they are |
| FLOAT, DOUBLE | as text of a double with all its digits: FLOAT alone shows six |
| BIT, ENUM, SET | as numbers: exact in every character set, and for the empty value of ENUM |
| dates and times | as text, in UTC |
| text in UTF-8, ASCII, Latin-1 | as text |
| text in other character sets | `_sjis 0x...`: Unicode would not bring every one of them back |
| binary, spatial, vectors | `_binary '...'` |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mover.connectors.mysql.sql import quote_name, text_literal

_NUMBERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year"})
_FLOATS = frozenset({"float", "double"})
_BY_NUMBER = frozenset({"bit", "enum", "set"})
_DATES = frozenset({"date", "datetime", "timestamp"})
_SHORT_TEXTS = frozenset({"char", "varchar"})
_SHORT_BINARIES = frozenset({"binary", "varbinary"})
_LONG_TEXTS = frozenset({"tinytext", "text", "mediumtext", "longtext", "json"})
_UNICODE = frozenset({"utf8mb4", "utf8mb3", "utf8", "ascii", "latin1"})
_AS_TEXT = _DATES | {"time", "uuid", "inet4", "inet6"}
_KEYS = frozenset(_NUMBERS - {"year"}) | _DATES | _SHORT_TEXTS | _SHORT_BINARIES
_WITHOUT_PADDING = ("nopad", "_0900_")

Quote = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Column:
    """A column. `kind` is its type without length; `charset` and `collation` None for what is no text."""

    name: str
    kind: str
    charset: str | None
    collation: str | None
    generated: bool

    @property
    def orders(self) -> bool:
        """Comparing with a literal of it finds its place in an index, exactly."""
        if self.kind == "char" and any(part in (self.collation or "") for part in _WITHOUT_PADDING):
            return False  # the index has it with blanks at its end, and the comparison has not
        return self.kind in _KEYS and (self.charset is None or self.charset in _UNICODE)


@dataclass(frozen=True)
class Fetched:
    """What to select, and what makes one or more literals of it; `quote` None: it is literals already."""

    sql: str
    quote: Quote | None = None


def fetched(columns: list[Column]) -> list[Fetched]:
    """What to select for the row literals of some columns, in their order."""
    found: list[Fetched] = []
    built: list[str] = []
    for column in columns:
        raw = _raw(column)
        if raw is None:
            built.append(literal(column))
            continue
        if built:
            found.append(Fetched(_joined(built)))
            built = []
        found.append(raw)
    if built:
        found.append(Fetched(_joined(built)))
    return found


def literal(column: Column) -> str:
    """Return the expression with which the server builds the literal of a short column."""
    name = quote_name(column.name)
    if column.kind in _NUMBERS:
        return f"IFNULL({name},'NULL')"
    if column.kind in _BY_NUMBER:
        return f"IFNULL(CAST({name} AS UNSIGNED),'NULL')"
    if column.kind in _FLOATS:
        return f"IFNULL(CONCAT('''',{name}+0e0,''''),'NULL')"
    if column.kind in _AS_TEXT:
        return f"IFNULL(CONCAT('''',{name},''''),'NULL')"
    if column.kind in _SHORT_BINARIES:  # only as a key: MySQL refuses to join text with bytes that are none
        return f"CONCAT('x''',HEX({name}),'''')"
    if column.charset in _UNICODE:
        return _spelled(f"CONVERT({name} USING utf8mb4)")
    text = f"IF(LENGTH({name}),CONCAT('_{column.charset} 0x',HEX({name})),'''''')"
    return f"IF({name} IS NULL,'NULL',{text})"


def _spelled(text: str) -> str:
    # QUOTE(NULL) is the word NULL.
    return rf"REPLACE(REPLACE(QUOTE({text}),'\n','\\n'),'\r','\\r')"


def _joined(built: list[str]) -> str:
    return "CONCAT(" + ",',',".join(built) + ")"


def _raw(column: Column) -> Fetched | None:
    name = quote_name(column.name)
    if column.kind in _LONG_TEXTS:
        if column.kind == "json" or column.charset in _UNICODE:
            return Fetched(name, text_literal)
        charset = (column.charset or "").encode()
        return Fetched(f"CAST({name} AS BINARY)", lambda value: _hexadecimal(value, charset))
    short = _NUMBERS | _BY_NUMBER | _FLOATS | _AS_TEXT | _SHORT_TEXTS
    if column.kind in short:
        return None
    return Fetched(name, _binary)


def _binary(value: bytes) -> bytes:
    return b"_binary " + text_literal(value)


def _hexadecimal(value: bytes, charset: bytes) -> bytes:
    return b"_" + charset + b" 0x" + value.hex().upper().encode() if value else b"''"
