"""What the server tells about itself and what stands in it. All functions work in a thread, on a `Wire`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mover.connectors.mysql.literals import Column
from mover.connectors.mysql.names import OPTIONS, SYSTEM, Kind, Thing
from mover.connectors.mysql.session import Wire
from mover.connectors.mysql.sql import quote_name, quote_text
from mover.errors import NotFound

_TABLE_KINDS = {
    b"BASE TABLE": Kind.TABLE,
    b"SYSTEM VERSIONED": Kind.TABLE,
    b"VIEW": Kind.VIEW,
    b"SEQUENCE": Kind.SEQUENCE,
}
_ROUTINE_KINDS = {b"FUNCTION": Kind.FUNCTION, b"PROCEDURE": Kind.PROCEDURE}
ORDER = tuple(Kind)


@dataclass(frozen=True)
class Server:
    """What is known about a server after signing in.

    Attributes:
        product: For people: "MariaDB 10.11.19".
        encrypted: The connection is.
        case_sensitive: Names of databases and tables that differ in case only are different names.
        largest_statement: In bytes.
    """

    product: str
    encrypted: bool
    case_sensitive: bool
    largest_statement: int


def server(wire: Wire) -> Server:
    """Find out what the server is."""
    cipher = wire.row("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    found = wire.row("SELECT VERSION(), @@lower_case_table_names, @@max_allowed_packet")
    version = text(found[0]) if found else wire.version
    number = version.partition("-")[0]
    return Server(
        product=f"{'MariaDB' if is_mariadb(wire) else 'MySQL'} {number}",
        encrypted=bool(cipher and cipher[1]),
        case_sensitive=not found or text(found[1]) == "0",
        largest_statement=int(found[2]) if found else 1 << 20,
    )


# By any of which an account sees what is there; without, the server shows nothing rather than an error.
_SEEN_BY = {
    "triggers": r"ALL PRIVILEGES|\bTRIGGER\b",
    "events": r"ALL PRIVILEGES|\bEVENT\b",
    "routines": r"ALL PRIVILEGES|\bEXECUTE\b|\bROUTINE\b|\bSHOW_ROUTINE\b|\bSELECT\b.* ON \*\.\*|\bSELECT\b.* ON `mysql`",
}
_ROLE = re.compile(r"GRANT \S+ TO ")


def unseen(wire: Wire) -> list[str]:
    """What the account sees nowhere on the server; empty where roles leave it open."""
    grants = [text(raw) for (raw,) in wire.rows("SHOW GRANTS")]
    if any(_ROLE.match(grant) for grant in grants):
        return []
    return [what for what, by in _SEEN_BY.items() if not any(re.search(by, grant) for grant in grants)]


def is_mariadb(wire: Wire) -> bool:
    """Whether a server is MariaDB rather than MySQL."""
    return "mariadb" in wire.version.lower()


def databases(wire: Wire) -> list[str]:
    """Names of the databases that hold a person's data, sorted."""
    found = wire.rows("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA")
    return sorted(name for (raw,) in found if (name := text(raw)).lower() not in SYSTEM)


def has_database(wire: Wire, database: str) -> bool:
    """Whether a database is there, and is a person's."""
    if database.lower() in SYSTEM:
        return False
    query = f"SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {quote_text(database)}"
    return wire.row(query) is not None


def use(wire: Wire, database: str) -> None:
    """Make a database the current one. Raises NotFound."""
    if not has_database(wire, database):
        raise NotFound("there is no such database")
    wire.execute(f"USE {quote_name(database)}")


def things(wire: Wire, database: str, name: str | None = None) -> list[Thing]:
    """What stands in a database, in the order in which it should be restored; with `name` only what is called so."""

    def query(columns: str, table: str, schema: str, name_column: str, more: str = "") -> str:
        where = f"{schema} = {quote_text(database)}{more}"
        if name is not None:
            where += f" AND {name_column} = {quote_text(name)}"
        return f"SELECT {columns} FROM information_schema.{table} WHERE {where}"

    found: list[Thing] = []
    for raw, kind in wire.rows(query("TABLE_NAME, TABLE_TYPE", "TABLES", "TABLE_SCHEMA", "TABLE_NAME")):
        if kind in _TABLE_KINDS:
            found.append(Thing(_TABLE_KINDS[kind], text(raw)))
    columns = "ROUTINE_NAME, ROUTINE_TYPE"
    for raw, kind in wire.rows(query(columns, "ROUTINES", "ROUTINE_SCHEMA", "ROUTINE_NAME")):
        if kind in _ROUTINE_KINDS:
            found.append(Thing(_ROUTINE_KINDS[kind], text(raw)))
    for (raw,) in wire.rows(query("EVENT_NAME", "EVENTS", "EVENT_SCHEMA", "EVENT_NAME")):
        found.append(Thing(Kind.EVENT, text(raw)))
    if name in {None, OPTIONS} and options(wire, database) is not None:
        found.append(Thing(Kind.DATABASE, OPTIONS))
    return sorted(found, key=lambda thing: (ORDER.index(thing.kind), thing.name))


def packages(wire: Wire, database: str) -> list[str]:
    """Names of MariaDB's stored packages, which no dump can hold."""
    where = f"ROUTINE_SCHEMA = {quote_text(database)} AND ROUTINE_TYPE = 'PACKAGE'"
    query = f"SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE {where}"
    return sorted(text(raw) for (raw,) in wire.rows(query))


def has(wire: Wire, database: str, thing: Thing) -> bool:
    """Whether a thing is there. Which names are the same is the server's affair: it depends on the kind, and on settings."""
    return any(found.kind is thing.kind for found in things(wire, database, thing.name))


def options(wire: Wire, database: str) -> tuple[str, str] | None:
    """Character set and collation of a database; None if they are the server's own."""
    columns = "DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME, @@GLOBAL.collation_server"
    where = f"SCHEMA_NAME = {quote_text(database)}"
    found = wire.row(f"SELECT {columns} FROM information_schema.SCHEMATA WHERE {where}")
    if found is None:
        raise NotFound("there is no such database")
    charset, collation, usual = map(text, found)
    return None if collation == usual else (charset, collation)


def columns_of(wire: Wire, database: str, table: str) -> list[Column]:
    """The columns of a table, in their order."""
    columns = "COLUMN_NAME, DATA_TYPE, CHARACTER_SET_NAME, COLLATION_NAME, GENERATION_EXPRESSION"
    query = f"SELECT {columns} FROM information_schema.COLUMNS WHERE {_this(database, table)} ORDER BY ORDINAL_POSITION"
    return [
        Column(
            text(name), text(kind).lower(), text(charset) or None, text(collation) or None, bool(generated)
        )
        for name, kind, charset, collation, generated in wire.rows(query)
    ]


def key_of(wire: Wire, database: str, table: str) -> list[str] | None:
    """Columns of the primary key, else of a unique one without NULLs; None if there is none in ascending order."""
    columns = "INDEX_NAME, COLUMN_NAME, NULLABLE, SUB_PART, COLLATION, INDEX_TYPE"
    query = (
        f"SELECT {columns} FROM information_schema.STATISTICS WHERE {_this(database, table)} AND NON_UNIQUE = 0 "
        "ORDER BY INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX"
    )
    keys: dict[str, list[str] | None] = {}
    for index, column, nullable, part, order, structure in wire.rows(query):
        name = text(index)
        usable = column and nullable != b"YES" and part is None and order == b"A" and structure == b"BTREE"
        known = keys.setdefault(name, [])
        keys[name] = [*known, text(column)] if usable and known is not None else None
        if name == "PRIMARY" and keys[name] is None:
            return None
    return next((key for key in keys.values() if key), None)


@dataclass(frozen=True)
class Traits:
    """What about a table a dump cannot hold.

    Attributes:
        transactional: A snapshot holds for it.
        versioned: MariaDB keeps its history.
    """

    transactional: bool
    versioned: bool


def traits(wire: Wire, database: str, table: str) -> Traits:
    """Find out about a table."""
    query = (
        "SELECT e.TRANSACTIONS, t.TABLE_TYPE FROM information_schema.TABLES t "
        "JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE "
        f"WHERE t.TABLE_SCHEMA = {quote_text(database)} AND t.TABLE_NAME = {quote_text(table)}"
    )
    found = wire.row(query)
    return Traits(found is None or found[0] == b"YES", found is not None and found[1] == b"SYSTEM VERSIONED")


def is_younger(wire: Wire, database: str, table: str) -> bool:
    """Whether a table came to its name or form after `note_moment`; seconds are told apart, no less."""
    query = (
        "SELECT t.CREATE_TIME > @mover_moment FROM information_schema.TABLES t "
        "JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE AND e.TRANSACTIONS = 'YES' "
        f"WHERE t.TABLE_SCHEMA = {quote_text(database)} AND t.TABLE_NAME = {quote_text(table)}"
    )
    return wire.row(query) == (b"1",)


def note_moment(wire: Wire) -> None:
    """Have the session remember what time it is."""
    wire.execute("SET @mover_moment = NOW()")


def triggers_of(wire: Wire, database: str, table: str) -> list[str]:
    """Names of a table's triggers, in the order in which they fire."""
    where = f"EVENT_OBJECT_SCHEMA = {quote_text(database)} AND EVENT_OBJECT_TABLE = {quote_text(table)}"
    query = (
        f"SELECT DISTINCT TRIGGER_NAME, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER FROM information_schema.TRIGGERS "
        f"WHERE {where} ORDER BY ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER"
    )
    return list(dict.fromkeys(text(row[0]) for row in wire.rows(query)))


def is_referred_to(wire: Wire, database: str, table: str) -> bool:
    """Whether a foreign key of another table points to a table."""
    query = (
        "SELECT 1 FROM information_schema.KEY_COLUMN_USAGE "
        f"WHERE REFERENCED_TABLE_SCHEMA = {quote_text(database)} AND REFERENCED_TABLE_NAME = {quote_text(table)} "
        f"AND NOT (TABLE_SCHEMA = {quote_text(database)} AND TABLE_NAME = {quote_text(table)}) LIMIT 1"
    )
    return wire.row(query) is not None


def has_foreign_keys(wire: Wire, database: str, table: str) -> bool:
    """Whether a table has foreign keys of its own."""
    where = f"CONSTRAINT_SCHEMA = {quote_text(database)} AND TABLE_NAME = {quote_text(table)}"
    return (
        wire.row(f"SELECT 1 FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE {where} LIMIT 1")
        is not None
    )


def encoded(wire: Wire, name: bytes, charset: bytes) -> bytes:
    """Return a name, which the server tells in UTF-8, as it stands in a statement in another character set."""
    if name.isascii() or charset.lower().startswith(b"utf8"):
        return name
    found = wire.row(b"SELECT HEX(CONVERT(_utf8mb4 0x%b USING %b))" % (name.hex().encode(), charset))
    return bytes.fromhex(text(found[0])) if found else name


def text(raw: bytes | str | int | None) -> str:
    """Read a name or word that the server sent."""
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ("" if raw is None else str(raw))


def _this(database: str, table: str) -> str:
    return f"TABLE_SCHEMA = {quote_text(database)} AND TABLE_NAME = {quote_text(table)}"
