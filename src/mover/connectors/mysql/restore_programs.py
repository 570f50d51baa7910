"""Restoring all that is no table: one statement or two, checked to be of the right kind and for the right name."""

from __future__ import annotations

import re
from collections.abc import Callable

from mover.connectors.mysql import catalog
from mover.connectors.mysql.failures import restoring
from mover.connectors.mysql.names import SYSTEM, Kind, Thing
from mover.connectors.mysql.restore import check_place, run_program
from mover.connectors.mysql.session import Wire
from mover.connectors.mysql.sql import ACCOUNT, first_words, name_bytes
from mover.connectors.mysql.statements import charset_of, check_beginning, read_lines, read_program
from mover.errors import Conflict, Unsupported

LONGEST = 4 << 20  # bytes of a dump that is no table's

_DEFINER = rb"(?:DEFINER=" + ACCOUNT + rb" )?"
_BEGINNINGS = {
    Kind.VIEW: rb"CREATE (?:ALGORITHM=[A-Z]+ )?"
    + _DEFINER
    + rb"(?:SQL SECURITY [A-Z]+ )?VIEW %b(?: \([^()]*\))? AS ",
    Kind.FUNCTION: rb"CREATE " + _DEFINER + rb"(?:AGGREGATE )?FUNCTION %b ?\(",
    Kind.PROCEDURE: rb"CREATE " + _DEFINER + rb"PROCEDURE %b ?\(",
    Kind.EVENT: rb"CREATE " + _DEFINER + rb"EVENT %b ON SCHEDULE ",
}
_NUMBER = rb"-?[0-9]{1,20}"
_SEQUENCE = (
    rb"CREATE SEQUENCE %b(?: as [a-z ]+)? start with "
    + _NUMBER
    + rb" minvalue "
    + _NUMBER
    + rb" maxvalue "
    + _NUMBER
    + rb" increment by "
    + _NUMBER
    + rb" (?:cache [0-9]+|nocache) (?:no)?cycle ENGINE=(?:InnoDB|Aria|MyISAM)"
)
_SET_VALUE = rb"DO SETVAL\(%b, " + _NUMBER + rb", 0, [0-9]+\)"
_OPTIONS = rb"ALTER DATABASE CHARACTER SET [a-z0-9_]+ COLLATE [a-z0-9_]+"


def restore_program(wire: Wire, database: str, thing: Thing, dump: bytes, *, replaces: bool) -> None:
    """Restore a thing that is no table. Raises Unsupported, Conflict, NotFound, MissingDependency."""
    catalog.use(wire, database)
    check_place(wire, database, thing, replaces=replaces)
    {Kind.SEQUENCE: _sequence, Kind.DATABASE: _options}.get(thing.kind, _program)(wire, thing, dump, replaces)


_Restore = Callable[[Wire, Thing, bytes, bool], None]


def _program(wire: Wire, thing: Thing, dump: bytes, replaces: bool) -> None:  # noqa: FBT001 - the same shape for all
    program = read_program(thing.kind, dump)
    spelled = None
    if (
        charset := charset_of(program.settings)
    ) and thing.kind is not Kind.EVENT:  # whose names stay in UTF-8
        with restoring("the settings of a definition"):
            spelled = catalog.encoded(wire, name_bytes(thing.name), charset)
    beginning = _check(_BEGINNINGS[thing.kind], thing, program.text, spelled=spelled)
    check_beginning(program.settings, beginning)
    if replaces and thing.kind is Kind.VIEW:
        run_program(wire, program, b"CREATE OR REPLACE" + program.text.removeprefix(b"CREATE"))
        return
    if replaces:
        wire.execute(b"DROP %b %b" % (thing.kind.value.upper().encode(), name_bytes(thing.name)))
    run_program(wire, program, program.text)


def _sequence(wire: Wire, thing: Thing, dump: bytes, replaces: bool) -> None:  # noqa: FBT001 - likewise
    lines = read_lines(thing.kind, dump)
    if len(lines) != 2:  # noqa: PLR2004 - make it, set it
        raise Unsupported("the dump is not one of a sequence")
    _check(_SEQUENCE, thing, lines[0], whole=True)
    _check(_SET_VALUE, thing, lines[1], whole=True)
    with restoring("the sequence"):
        if replaces:
            lines[0] = b"CREATE OR REPLACE" + lines[0].removeprefix(b"CREATE")
        wire.execute(lines[0])
        wire.execute(lines[1])


def _options(wire: Wire, thing: Thing, dump: bytes, replaces: bool) -> None:  # noqa: ARG001, FBT001 - likewise
    lines = read_lines(thing.kind, dump)
    if len(lines) != 1:
        raise Unsupported("the dump is not one of a database's options")
    _check(_OPTIONS, thing, lines[0], whole=True)
    with restoring("the database's options"):
        wire.execute(lines[0])


def _check(
    pattern: bytes, thing: Thing, statement: bytes, *, whole: bool = False, spelled: bytes | None = None
) -> bytes:
    ansi = (
        b'"' + thing.name.replace('"', '""').encode() + b'"'
    )  # as a definition that was written under ANSI_QUOTES
    usual = name_bytes(thing.name) if spelled is None else spelled
    name = b"(?:%b|%b)" % (re.escape(usual), re.escape(ansi))
    wanted = re.compile(pattern.replace(b"%b", name))
    found = wanted.fullmatch(statement) if whole else wanted.match(statement)
    if found is None:
        words = first_words(statement, 5)
        raise Unsupported(f"the dump does not make the {thing.kind.value} {thing.name}, but holds: {words}")
    return found[0]


def make_database(wire: Wire, name: str) -> None:
    """Create a database if it is not there. Raises Conflict for one of the server's own."""
    if catalog.has_database(wire, name):
        return
    if name.lower() in SYSTEM:
        raise Conflict("a database of the server's own has this name")
    wire.execute(b"CREATE DATABASE IF NOT EXISTS %b" % name_bytes(name))
