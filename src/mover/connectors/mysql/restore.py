"""Restoring a table: loaded under a temporary name, and put in its place when it is whole.

    CREATE TABLE `.mover-KEY.part` ...       without foreign keys: their names are taken while the old table stands
    INSERT ...
    RENAME TABLE old TO away, new TO old     where neither table has foreign keys or triggers, nor is referred to
    DROP TABLE away

or, since names of foreign keys and triggers (and at MySQL those of checks) are free only when the old table is gone, and
since foreign keys of other tables would follow a table that is renamed away:

    (the next two, under other names)        so that what the server refuses is known before anything is lost
    DROP TABLE old                           only where it is to be replaced
    ALTER TABLE ... ADD CONSTRAINT ...
    CREATE TRIGGER ...                       on the temporary table: a trigger goes along when its table is renamed
    RENAME TABLE new TO old

Whenever this is interrupted, the table stands under its name whole, or not at all; what is left has a temporary name
that the same upload uses again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pymysql.err
from pymysql.constants import ER

from mover.connectors.contract import temporary_name
from mover.connectors.mysql import catalog
from mover.connectors.mysql.catalog import is_mariadb
from mover.connectors.mysql.definitions import renamed, without_checks
from mover.connectors.mysql.failures import restoring
from mover.connectors.mysql.names import Kind, Thing
from mover.connectors.mysql.session import SQL_MODE, Wire
from mover.connectors.mysql.sql import name_bytes
from mover.connectors.mysql.statements import AddForeignKeys, Create, Insert, Program, Statement
from mover.errors import Conflict, NotFound

_COMMIT_EVERY = 16 << 20  # bytes of INSERTs
_FITTING_KEY = 48  # characters: an identifier has 64


@dataclass
class TableRestore:
    """One table on its way in. All methods work in a thread.

    Attributes:
        database: Where it goes.
        table: Its name.
        key: Of the upload.
        replaces: A table of this name is to be replaced.
    """

    database: str
    table: str
    key: str
    replaces: bool
    _later: list[AddForeignKeys | Program] = field(default_factory=list)
    _checks: list[bytes] = field(default_factory=list)
    _uncommitted: int = 0

    @property
    def _new(self) -> bytes:
        return name_bytes(temporary_name(self.key[:_FITTING_KEY]))

    @property
    def _away(self) -> bytes:
        return name_bytes(temporary_name(self.key[:_FITTING_KEY] + "-old"))

    def begin(self, wire: Wire) -> None:
        """Check that the place is as expected, and remove leftovers of the same upload. Raises NotFound, Conflict."""
        catalog.use(wire, self.database)
        self._check_place(wire)
        self.discard(wire)
        wire.execute("SET SESSION autocommit = 0")

    def take(self, wire: Wire, statements: list[Statement]) -> None:
        """Execute statements of the dump, or keep them for the end."""
        for statement in statements:
            match statement:
                case Create(rest):
                    if self.replaces and not is_mariadb(wire):
                        rest, self._checks = without_checks(rest)
                    with restoring("the table"):
                        wire.execute(b"CREATE TABLE %b%b" % (self._new, rest))
                case Insert(rest):
                    with restoring("a row", quotes_content=True):
                        wire.execute(b"INSERT INTO %b%b" % (self._new, rest))
                    self._uncommitted += len(rest)
                    if self._uncommitted >= _COMMIT_EVERY:
                        wire.execute("COMMIT")
                        self._uncommitted = 0
                case AddForeignKeys() | Program():
                    self._later.append(statement)

    def finish(self, wire: Wire) -> None:
        """Put the table in its place. Raises Conflict, NotFound, Unsupported, and what PyMySQL raises."""
        wire.execute("COMMIT")
        wire.execute("SET SESSION autocommit = 1")
        self._check_place(wire)
        name = name_bytes(self.table)
        alone = self.replaces and not self._later and not self._checks and self._stands_alone(wire)
        if alone and self._swap(wire, name):
            return
        if self.replaces:
            self._rehearse(wire)
            wire.execute(b"DROP TABLE %b" % name)
        if self._checks:
            added = b", ".join(b"ADD " + check for check in self._checks)
            with restoring("a check"):
                wire.execute(b"ALTER TABLE %b %b" % (self._new, added))
        for statement in self._later:
            match statement:
                case AddForeignKeys(rest):
                    with restoring("a foreign key"):
                        wire.execute(b"ALTER TABLE %b%b" % (self._new, rest))
                case Program():
                    self._make_trigger(wire, statement, statement.name)
        wire.execute(b"RENAME TABLE %b TO %b" % (self._new, name))

    def _swap(self, wire: Wire, name: bytes) -> bool:
        """Swap the tables. False, and all is as before, if a foreign key that the account may not see followed the old one."""
        wire.execute(b"RENAME TABLE %b TO %b, %b TO %b" % (name, self._away, self._new, name))
        wire.execute("SET SESSION foreign_key_checks = 1")
        try:
            wire.execute(b"DROP TABLE %b" % self._away)
        except pymysql.err.MySQLError as error:
            if error.args[0] not in {ER.ROW_IS_REFERENCED, ER.ROW_IS_REFERENCED_2}:
                raise
            wire.execute(b"RENAME TABLE %b TO %b, %b TO %b" % (name, self._new, self._away, name))
            return False
        finally:
            with suppress(pymysql.err.MySQLError):  # broken: nobody will use it again
                wire.execute("SET SESSION foreign_key_checks = 0")
        return True

    def _rehearse(self, wire: Wire) -> None:
        """Make foreign keys and triggers under other names and drop them, to fail while the old table still stands."""
        trial = name_bytes(temporary_name(self.key[:_FITTING_KEY] + "-try"))
        for statement in self._later:
            match statement:
                case AddForeignKeys(_, added):
                    for foreign_key in added:
                        with restoring("a foreign key"):
                            wire.execute(b"ALTER TABLE %b ADD %b" % (self._new, renamed(foreign_key, trial)))
                        wire.execute(b"ALTER TABLE %b DROP FOREIGN KEY %b" % (self._new, trial))
                case Program():
                    self._make_trigger(wire, statement, trial)
                    wire.execute(b"DROP TRIGGER %b" % trial)

    def _make_trigger(self, wire: Wire, trigger: Program, name: bytes) -> None:
        text = trigger.before_name + name + trigger.before_table + self._new + trigger.after_table
        run_program(wire, trigger, text)

    def discard_there(self, wire: Wire) -> None:
        """Remove what this upload left, on a connection that was used for something else."""
        catalog.use(wire, self.database)
        self.discard(wire)

    def discard(self, wire: Wire) -> None:
        """Remove what this upload left under temporary names."""
        for leftover in (self._new, self._away):
            wire.execute(b"DROP TABLE IF EXISTS %b" % leftover)

    def _check_place(self, wire: Wire) -> None:
        check_place(wire, self.database, Thing(Kind.TABLE, self.table), replaces=self.replaces)

    def _stands_alone(self, wire: Wire) -> bool:
        return not (
            catalog.triggers_of(wire, self.database, self.table)
            or catalog.has_foreign_keys(wire, self.database, self.table)
            or catalog.is_referred_to(wire, self.database, self.table)
        )


def check_place(wire: Wire, database: str, thing: Thing, *, replaces: bool) -> None:
    """Raise Conflict if something stands where nothing should, NotFound if what is to be replaced is gone."""
    standing = [
        found for found in catalog.things(wire, database, thing.name) if _same_space(found.kind, thing.kind)
    ]
    if not replaces and standing:
        raise Conflict(f"a {standing[0].kind.value} of this name is there already")
    if replaces and not standing:
        raise NotFound("what is to be replaced is no longer there")
    if replaces and standing[0].kind is not thing.kind:
        raise Conflict(f"a {standing[0].kind.value} of this name stands there, not a {thing.kind.value}")


def _same_space(one: Kind, other: Kind) -> bool:
    """Tables, views and sequences share their names; the rest has names of its own."""
    shared = {Kind.TABLE, Kind.VIEW, Kind.SEQUENCE}
    return one is other or {one, other} <= shared


def run_program(wire: Wire, program: Program, text: bytes) -> None:
    """Execute a CREATE of something with a body, under the settings that belong to it."""
    with _settings(wire, program.settings), restoring("a definition"):
        wire.execute(text)


@contextmanager
def _settings(wire: Wire, settings: bytes) -> Iterator[None]:
    with restoring("the settings of a definition"):
        wire.execute(b"SET SESSION " + settings)
    try:
        yield
    finally:
        with suppress(pymysql.err.MySQLError):  # broken: nobody will use it again
            wire.execute("SET NAMES utf8mb4")
            wire.execute(f"SET SESSION sql_mode = '{SQL_MODE}', time_zone = '+00:00'")
