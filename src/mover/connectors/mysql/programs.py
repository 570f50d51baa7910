"""Dumps of all that is no table: views, routines, triggers, events, sequences, and options of a database.

Their text is the server's own (SHOW CREATE), as bytes in the character set in which it was written, with the settings
under which it was written: a stored program keeps its `sql_mode`, and means something else under another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mover.connectors.mysql import catalog
from mover.connectors.mysql.form import END, delimited, head, settings
from mover.connectors.mysql.names import Kind, Thing
from mover.connectors.mysql.rows import Row
from mover.connectors.mysql.session import Wire
from mover.connectors.mysql.sql import name_bytes, quote_name, quote_text, tokens
from mover.errors import NotFound, PermissionDenied, ProtocolViolation

_FOR_EACH_ROW = (b"FOR", b"EACH", b"ROW")


def dump_program(wire: Wire, database: str, thing: Thing) -> Iterator[bytes]:
    """Yield the dump of anything but a table. Raises NotFound, PermissionDenied."""
    catalog.use(wire, database)
    if not catalog.has(wire, database, thing):
        raise NotFound(f"there is no such {thing.kind.value}")
    yield head(thing.kind) + _WRITERS[thing.kind](wire, database, thing.name) + END


def trigger(wire: Wire, database: str, table: str, name: str) -> bytes:
    """Return the statements that make a trigger of a table."""
    _, mode, original, charset, collation, *_ = _shown(wire, f"SHOW CREATE TRIGGER {quote_name(name)}")
    where = f"TRIGGER_SCHEMA = {quote_text(database)} AND TRIGGER_NAME = {quote_text(name)}"
    columns = "DEFINER, ACTION_TIMING, EVENT_MANIPULATION"
    found = wire.rows(f"SELECT {columns} FROM information_schema.TRIGGERS WHERE {where}")
    if not found:
        raise NotFound(f"the trigger {name} was dropped meanwhile")
    timing = found[0][1]
    events = b" OR ".join(sorted({row[2] for row in found}))
    statement = b"CREATE DEFINER=%b TRIGGER %b %b %b ON %b FOR EACH ROW %b" % (
        catalog.encoded(wire, _account(found[0][0]), charset),
        catalog.encoded(wire, name_bytes(name), charset),
        timing,
        events,
        catalog.encoded(wire, name_bytes(table), charset),
        _body(original),
    )
    return settings({"sql_mode": mode, **_charset(charset, collation)}) + delimited(statement)


def _body(original: bytes) -> bytes:
    """What follows FOR EACH ROW in the statement that a person once wrote."""
    last = (b"", b"", b"")
    for token in tokens(original, by_hand=True):
        last = (*last[1:], token.word)
        if last == _FOR_EACH_ROW:
            return original[token.end :].strip()
    raise ProtocolViolation("the server shows a trigger that is none")


def _account(definer: bytes) -> bytes:
    user, _, host = definer.rpartition(b"@")
    parts = (user, host) if host else (user,)  # a role has no host
    return b"@".join(b"`" + part.replace(b"`", b"``") + b"`" for part in parts)


def _view(wire: Wire, _database: str, name: str) -> bytes:
    _, statement, charset, collation, *_ = _shown(wire, f"SHOW CREATE VIEW {quote_name(name)}")
    return settings(_charset(charset, collation)) + delimited(statement)


def _function(wire: Wire, _database: str, name: str) -> bytes:
    return _routine(wire, f"SHOW CREATE FUNCTION {quote_name(name)}")


def _procedure(wire: Wire, _database: str, name: str) -> bytes:
    return _routine(wire, f"SHOW CREATE PROCEDURE {quote_name(name)}")


def _routine(wire: Wire, query: str) -> bytes:
    _, mode, statement, charset, collation, *_ = _shown(wire, query)
    return settings({"sql_mode": mode, **_charset(charset, collation)}) + delimited(statement)


def _event(wire: Wire, _database: str, name: str) -> bytes:
    _, mode, zone, statement, charset, collation, *_ = _shown(wire, f"SHOW CREATE EVENT {quote_name(name)}")
    return settings({"sql_mode": mode, "time_zone": zone, **_charset(charset, collation)}) + delimited(
        statement
    )


def _sequence(wire: Wire, _database: str, name: str) -> bytes:
    quoted = name_bytes(name)
    shown = wire.row(b"SHOW CREATE SEQUENCE " + quoted)
    now = wire.row(b"SELECT next_not_cached_value, cycle_count FROM " + quoted)
    if shown is None or now is None:
        raise NotFound("there is no such sequence")
    return b"%b;\nDO SETVAL(%b, %b, 0, %b);\n" % (shown[1], quoted, now[0], now[1])


def _options(wire: Wire, database: str, _name: str) -> bytes:
    found = catalog.options(wire, database)
    if found is None:
        raise NotFound("the database has the server's own options")
    return f"ALTER DATABASE CHARACTER SET {found[0]} COLLATE {found[1]};\n".encode()


def _shown(wire: Wire, query: str) -> Row:
    """Return the row of a SHOW CREATE, its text in the character set of who wrote it."""
    wire.execute("SET SESSION character_set_results = NULL")
    try:
        row = wire.row(query)
    finally:
        if wire.is_open:
            wire.execute("SET NAMES utf8mb4")
    if row is None:
        raise NotFound("it was dropped meanwhile")
    if None in row:
        raise PermissionDenied(
            "the account may not see how it is defined (SHOW ROUTINE, SHOW VIEW, TRIGGER, EVENT)"
        )
    return row


def _charset(charset: bytes, collation: bytes) -> dict[str, bytes]:
    return {"character_set_client": charset, "collation_connection": collation}


_WRITERS: dict[Kind, Callable[[Wire, str, str], bytes]] = {
    Kind.VIEW: _view,
    Kind.FUNCTION: _function,
    Kind.PROCEDURE: _procedure,
    Kind.EVENT: _event,
    Kind.SEQUENCE: _sequence,
    Kind.DATABASE: _options,
}
