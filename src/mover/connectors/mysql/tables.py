"""The dump of a table: its definition, its rows in the order of its key, its foreign keys, its triggers.

Foreign keys come after the rows, in a statement of their own, so that tables can be restored in any order and at the
same time; triggers come last, so that none fires for what is only being restored. Generated columns are left to the
destination's server.

Rows are read in ranges of the primary key, or of a unique key without NULLs: each range is a query of its own that
ends soon, and only the row that is being written is in memory. A table without such a key is read in one query, as
its pages lie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

from mover.connectors.mysql import catalog
from mover.connectors.mysql.definitions import without_foreign_keys
from mover.connectors.mysql.form import END, STATEMENT, head
from mover.connectors.mysql.literals import Column, Fetched, fetched, literal
from mover.connectors.mysql.names import Kind
from mover.connectors.mysql.programs import trigger
from mover.connectors.mysql.rows import Row
from mover.connectors.mysql.session import Wire
from mover.connectors.mysql.sql import name_bytes, quote_name
from mover.errors import Changed, NotFound, ServiceFault, Unsupported

_RANGE = 20_000  # rows


def dump_table(wire: Wire, database: str, table: str) -> Iterator[bytes]:
    """Yield the dump of a table. Raises NotFound, Changed, Unsupported, and what PyMySQL raises."""
    catalog.use(wire, database)
    name = quote_name(table)
    # The first look takes the metadata lock: from here on the table is not altered while it is read.
    has_rows = bool(wire.rows(f"SELECT 1 FROM {name} LIMIT 1"))
    # What another table was renamed to has its rows of that moment under the old name: it may have been half filled.
    if catalog.is_younger(wire, database, table):
        raise Changed("the table was created, renamed or altered after the snapshot began")
    shown = wire.row(f"SHOW CREATE TABLE {name}")
    if shown is None or not shown[1].startswith(b"CREATE TABLE"):
        raise NotFound("it is not a table")
    definition, foreign_keys = without_foreign_keys(shown[1])
    yield head(Kind.TABLE) + definition + b";\n"
    columns = [column for column in catalog.columns_of(wire, database, table) if not column.generated]
    if not columns and has_rows:
        raise Unsupported("no column of the table can be written: all are generated")
    if columns:
        yield from _inserts(wire, table, columns, _usable(columns, catalog.key_of(wire, database, table)))
    if foreign_keys:
        added = b",".join(b"\n  ADD " + foreign_key for foreign_key in foreign_keys)
        yield b"ALTER TABLE %b%b;\n" % (name_bytes(table), added)
    for trigger_name in catalog.triggers_of(wire, database, table):
        yield trigger(wire, database, table, trigger_name)
    yield END


def _usable(columns: list[Column], key: list[str] | None) -> list[Column] | None:
    """The columns of a key whose literals find their place in it; None if that is not so for all of them."""
    by_name = {column.name: column for column in columns}
    found = [by_name[name] for name in key or () if name in by_name and by_name[name].orders]
    return found if key and len(found) == len(key) else None


def _inserts(wire: Wire, table: str, columns: list[Column], key: list[Column] | None) -> Iterator[bytes]:
    """Yield INSERT statements of some STATEMENT bytes, in pieces that end with a row."""
    names = b",".join(name_bytes(column.name) for column in columns)
    start = b"INSERT INTO %b (%b) VALUES\n" % (name_bytes(table), names)
    wanted = fetched(columns)
    write = _row_writer(wanted)
    rows: list[bytes] = []
    size = 0
    for row in _keyed(wire, table, wanted, key) if key else _unkeyed(wire, table, wanted):
        literals = write(row)
        rows.append(literals)
        size += len(literals)
        if size >= STATEMENT:
            yield start + b",\n".join(rows) + b";\n"
            rows = []
            size = 0
    if rows:
        yield start + b",\n".join(rows) + b";\n"


def _row_writer(wanted: list[Fetched]) -> Callable[[Row], bytes]:
    """Return what makes the literal of a row."""
    if len(wanted) == 1 and wanted[0].quote is None:
        return lambda row: b"(" + _built(row[0]) + b")"

    def write(row: Row) -> bytes:
        values = []
        for fetch, value in zip(wanted, row, strict=False):  # values of the key follow
            if fetch.quote is None:
                values.append(_built(value))
            else:
                values.append(b"NULL" if value is None else fetch.quote(value))
        return b"(" + b",".join(values) + b")"

    return write


def _built(value: bytes | None) -> bytes:
    if value is None:
        raise ServiceFault("the server could not write a row: max_allowed_packet is too small for it")
    return value


def _unkeyed(wire: Wire, table: str, wanted: list[Fetched]) -> Iterator[Row]:
    selected = ", ".join(fetch.sql for fetch in wanted)
    # Without this the server may choose a secondary index that has all columns, and with it another order.
    with closing(wire.stream(f"SELECT {selected} FROM {quote_name(table)} USE INDEX ()")) as rows:
        yield from rows


def _keyed(wire: Wire, table: str, wanted: list[Fetched], key: list[Column]) -> Iterator[Row]:
    selected = ", ".join([*(fetch.sql for fetch in wanted), *(literal(column) for column in key)])
    order = ", ".join(quote_name(column.name) for column in key)
    start = f"SELECT {selected} FROM {quote_name(table)}".encode()
    end = f" ORDER BY {order} LIMIT {_RANGE}".encode()
    after = b""
    while True:
        row: Row | None = None
        number = 0
        with closing(wire.stream(start + after + end)) as rows:
            for row in rows:
                number += 1
                yield row
        if number < _RANGE or row is None:
            return
        after = b" WHERE " + _beyond(key, row[len(wanted) :])


def _beyond(key: list[Column], values: Row) -> bytes:
    """Return the condition for keys after one, spelled so that a server finds the place in the index.

    (a, b) > (1, 2) would do, but servers do not use an index for it.
    """
    names = [name_bytes(column.name) for column in key]
    alternatives = []
    for position, name in enumerate(names):
        same = [b"%b = %b" % (names[before], values[before]) for before in range(position)]
        alternatives.append(b" AND ".join([*same, b"%b > %b" % (name, values[position])]))
    return b"(" + b") OR (".join(alternatives) + b")"
