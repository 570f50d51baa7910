"""What stands in a database, and under which file name each of it is shown.

    orders.sql                  a table with its rows and its triggers
    recent.view.sql             a view
    total.function.sql          a stored function
    close_month.procedure.sql   a stored procedure
    nightly.event.sql           an event
    numbers.sequence.sql        a sequence (MariaDB)
    options.database.sql        the database's own character set and collation, where they are not the server's

A table whose name ends like one of the others (`a.view`) is shown as `a.view.table.sql`, so every name stands for one
thing. Characters that some destination would replace are spelled, `/` as `%2F` and U+FF0F as `%uFF0F;`:
file names then stay as they are on every way, there and back.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from mover.connectors.contract import is_temporary_name
from mover.errors import NameRejected, PathTooLong, Unsupported

SUFFIX = ".sql"
SYSTEM = frozenset({"information_schema", "performance_schema", "mysql", "sys"})
LONGEST = 64  # characters of an identifier
OPTIONS = "options"


class Kind(enum.Enum):
    """What a file stands for; the value is the word in its name. In the order in which they should be restored."""

    DATABASE = "database"
    SEQUENCE = "sequence"
    TABLE = "table"
    FUNCTION = "function"
    PROCEDURE = "procedure"
    VIEW = "view"
    EVENT = "event"


@dataclass(frozen=True)
class Thing:
    """One thing in a database."""

    kind: Kind
    name: str


# What NameRules of any service replace: see mover.naming.presets.
_ODD = re.compile(r'[%"*:<>?/\\|\x00-\x1f\x7f\u201b\u2400-\u2421\uff01-\uff5e\ufffc-\uffff]|^[ ~.]|[ ]$')
_SPELLED = re.compile(r"%(?:([0-9A-F]{2})|u([0-9A-F]{4});)")
_WORDS = tuple("." + kind.value for kind in Kind)


def file_name(thing: Thing) -> str:
    """Return the file name of a thing."""
    if thing.kind is Kind.TABLE and is_temporary_name(thing.name):
        return thing.name  # a leftover, passed over by scans
    stem = spelled(thing.name)
    if thing.kind is Kind.TABLE:
        return stem + (".table" if stem.endswith(_WORDS) else "") + SUFFIX
    return f"{stem}.{thing.kind.value}{SUFFIX}"


def thing_of(name: str) -> Thing:
    """Return what a file name stands for.

    Raises:
        Unsupported: It is no name of a dump.
        NameRejected: No identifier can be called so.
    """
    if is_temporary_name(name):
        return Thing(Kind.TABLE, name)
    if not name.endswith(SUFFIX):
        raise Unsupported("a database takes only dumps that Mover made (NAME.sql)", path=name)
    stem = name.removesuffix(SUFFIX)
    kind = Kind.TABLE
    for word in Kind:
        if stem.endswith("." + word.value):
            kind, stem = word, stem.removesuffix("." + word.value)
            break
    thing = Thing(kind, identifier(stem))
    if file_name(thing) != name or (kind is Kind.DATABASE and thing.name != OPTIONS):
        raise NameRejected("it is not how Mover names a dump", path=name)
    return thing


def identifier(text: str) -> str:
    """Return the identifier that `spelled` made a text of. Raises NameRejected, PathTooLong."""
    name = _SPELLED.sub(lambda found: chr(int(found[1] or found[2], 16)), text)
    if not name or name.endswith(" ") or any(c == "\0" or c > "\uffff" for c in name):
        raise NameRejected("no identifier can have this name", path=text)
    if len(name) > LONGEST:
        raise PathTooLong(f"an identifier has at most {LONGEST} characters", path=text)
    return name


def spelled(name: str) -> str:
    """Return how an identifier is spelled in a file name, or a database in a folder's."""
    return _ODD.sub(lambda found: _spell(ord(found[0])), name)


def _spell(code: int) -> str:
    return f"%{code:02X}" if code <= 0xFF else f"%u{code:04X};"  # noqa: PLR2004 - two digits hold a byte
