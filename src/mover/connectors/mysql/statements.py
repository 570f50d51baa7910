"""Reading a dump while it arrives: one statement after the other, and nothing but what a dump of ours has.

A dump may come from anywhere, and is executed with the rights of the account that restores it. So nothing is taken out
of it that is not recognised whole: a statement of any other kind, or of the right kind for another table, refuses
the file. An INSERT consists of literals only; no function is called and nothing is selected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mover.connectors.mysql.definitions import check_definition, foreign_keys_added
from mover.connectors.mysql.form import END, head
from mover.connectors.mysql.names import Kind
from mover.connectors.mysql.sql import ACCOUNT, NAME, first_words, name_bytes, tokens
from mover.errors import TooLarge, Unsupported

_LITERAL = (
    rb"(?>NULL|-?[0-9]++(?:\.[0-9]++)?|_[a-z0-9]++ 0x[0-9A-F]++|(?:_binary )?'(?:[^'\\\n]++|\\[^\n])*+')"
)
_ROW = rb"\(" + _LITERAL + rb"(?:," + _LITERAL + rb")*+\)"
_INSERT = re.compile(
    rb" \(" + NAME + rb"(?:," + NAME + rb")*+\) VALUES\n" + _ROW + rb"(?:,\n" + _ROW + rb")*+"
)
_SETTING = rb"(?:sql_mode|time_zone|character_set_client|collation_connection) = '[A-Za-z0-9_,+:/-]*+'"
_SETTINGS = re.compile(rb"SET SESSION (" + _SETTING + rb"(?:, " + _SETTING + rb")*+);\n")
_CHARSET = re.compile(rb"character_set_client = '([A-Za-z0-9_]+)'")
# Whose characters of two bytes may end with the byte of a backtick or a backslash.
_HIDING = re.compile(rb"character_set_client = '(?:big5|cp932|gb18030|gbk|sjis)'", re.IGNORECASE)
_DELIMITER = re.compile(rb"DELIMITER (;;|\$[0-9]{0,2}\$)\n")
_TRIGGER = re.compile(
    rb"CREATE DEFINER=" + ACCOUNT + rb" TRIGGER (?P<name>" + NAME + rb") "
    rb"(?:BEFORE|AFTER) (?:INSERT|UPDATE|DELETE)(?: OR (?:INSERT|UPDATE|DELETE))* ON (?P<table>"
    + NAME
    + rb") FOR EACH ROW "
)
_LONGEST_LINE = 4096
_MOST_HALVES = 100  # ends of lines in names of a CREATE TABLE that look like its own


@dataclass(frozen=True)
class Create:
    """CREATE TABLE; `rest` follows the table's name."""

    rest: bytes


@dataclass(frozen=True)
class Insert:
    """INSERT INTO; `rest` follows the table's name."""

    rest: bytes


@dataclass(frozen=True)
class AddForeignKeys:
    """ALTER TABLE; `rest` follows the table's name, and `added` is the foreign keys in it."""

    rest: bytes
    added: list[bytes]


@dataclass(frozen=True)
class Program:
    """CREATE of what has a body, with the settings under which it was written: `name = 'value', ...`.

    `name` is a trigger's; `before_name`, `before_table` and `after_table` are its text before it, from there to its
    table's name, and after that.
    """

    settings: bytes
    text: bytes
    before_name: bytes = b""
    name: bytes = b""
    before_table: bytes = b""
    after_table: bytes = b""


Statement = Create | Insert | AddForeignKeys | Program


class TableDump:
    """Reads the dump of a table.

    Args:
        table: Whose dump it must be.
        largest: Bytes of a statement that the server accepts.
    """

    def __init__(self, table: str, *, largest: int) -> None:
        self._largest = largest
        self._name = name_bytes(table)
        self._left = bytearray()
        self._searched = 0
        self._halves = 0
        self._began = False
        self._created = False
        self._ended = False
        self._settings: bytes | None = None

    def feed(self, piece: bytes) -> Iterator[Statement]:
        """Take what arrived, and yield the statements that are whole by now. Raises Unsupported, TooLarge."""
        self._left += piece
        if not self._began and not self._begin():
            return
        while (statement := self._next()) is not None:
            yield statement

    def end(self) -> None:
        """Say that nothing more will come. Raises Unsupported unless the dump is whole."""
        if not self._began:
            raise _no_dump()
        if not self._ended or not self._created:
            raise Unsupported("the dump ends too early")

    def _begin(self) -> bool:
        wanted = head(Kind.TABLE)
        if not wanted.startswith(self._left[: len(wanted)]):
            raise _no_dump()
        if len(self._left) < len(wanted):
            return False
        del self._left[: len(wanted)]
        self._began = True
        return True

    def _next(self) -> Statement | None:
        left = self._left
        if self._ended and left:
            raise Unsupported("the dump goes on after its end")
        if not left or (len(left) < len(END) and END.startswith(left)):
            return None
        if left.startswith(END):
            del left[: len(END)]
            self._ended = True
            return self._next()
        if self._settings is not None or left.startswith(b"DELIMITER"):
            return self._program()
        return self._simple()

    def _simple(self) -> Statement | None:
        """A statement that ends with a semicolon at the end of a line."""
        at = self._find(b";\n", self._searched)
        while at is not None and self._is_half(at):
            self._searched = at + 1
            at = self._find(b";\n", self._searched)
        if at is None:
            return None
        statement = bytes(self._left[:at])
        if statement.startswith(b"SET SESSION "):
            return self._set(statement + b";\n")
        self._take(at + 2)
        return self._recognised(statement)

    def _is_half(self, at: int) -> bool:
        """Whether what seems to end a CREATE TABLE stands in a name."""
        if not self._left.startswith(b"CREATE ") or _is_whole(bytes(self._left[:at])):
            return False
        self._halves += 1
        if self._halves > _MOST_HALVES:
            raise Unsupported("the dump has a CREATE TABLE that does not end")
        return True

    def _recognised(self, statement: bytes) -> Statement:
        if (rest := self._of_table(b"CREATE TABLE ", statement)) is not None and not self._created:
            check_definition(rest.lstrip())
            self._created = True
            return Create(rest)
        if self._created and (rest := self._of_table(b"INSERT INTO ", statement)) is not None:
            if not _INSERT.fullmatch(rest):
                raise Unsupported("the dump has an INSERT of something else than literals")
            return Insert(rest)
        if self._created and (rest := self._of_table(b"ALTER TABLE ", statement)) is not None:
            return AddForeignKeys(rest, foreign_keys_added(rest))
        raise Unsupported(
            f"the dump has a statement that no dump of this table has: {first_words(statement)}"
        )

    def _of_table(self, start: bytes, statement: bytes) -> bytes | None:
        wanted = start + self._name
        return statement[len(wanted) :] if statement.startswith(wanted) else None

    def _set(self, line: bytes) -> Statement | None:
        self._settings = _settings_in(line)
        self._take(len(line))
        return self._next()

    def _program(self) -> Statement | None:
        found = _DELIMITER.match(self._left)
        if found is None:
            if len(self._left) > _LONGEST_LINE or b"\n" in self._left:
                raise Unsupported(
                    f"the dump has a statement that no dump has: {first_words(bytes(self._left[:200]))}"
                )
            return None
        last = b"\n" + found[1] + b"\nDELIMITER ;\n"
        at = self._find(last, max(self._searched, found.end()))
        if at is None:
            return None
        text = bytes(self._left[found.end() : at])
        settings, self._settings = self._settings, None
        self._take(at + len(last))
        trigger = _TRIGGER.match(text)
        if (
            not self._created
            or settings is None
            or trigger is None
            or not self._is_own(trigger["table"], settings)
        ):
            raise Unsupported(
                f"the dump has a statement that no dump of this table has: {first_words(text, 4)}"
            )
        check_beginning(settings, trigger[0])
        between = text[trigger.end("name") : trigger.start("table")]
        after = text[trigger.end("table") :]
        return Program(settings, text, text[: trigger.start("name")], trigger["name"], between, after)

    def _is_own(self, table: bytes, settings: bytes) -> bool:
        """Whether a trigger's table is this one. In another character set it is spelled otherwise, and will be replaced."""
        is_spelled = not table.isascii() and not self._name.isascii() and charset_of(settings) is not None
        return table == self._name or is_spelled

    def _find(self, end: bytes, start: int) -> int | None:
        at = self._left.find(end, start)
        if at < 0:
            self._searched = max(len(self._left) - len(end), 0)
            if len(self._left) > self._largest + (1 << 20):
                raise TooLarge(
                    f"the dump has a statement of more than {self._largest} bytes, the most that the server accepts"
                )
            return None
        return at

    def _take(self, size: int) -> None:
        del self._left[:size]
        self._searched = 0


def read_program(kind: Kind, dump: bytes) -> Program:
    """Read the dump of a view, routine or event. Raises Unsupported."""
    body = _body(kind, dump)
    line = _SETTINGS.match(body)
    opened = _DELIMITER.match(body, line.end()) if line else None
    last = b"\n" + opened[1] + b"\nDELIMITER ;\n" if opened else b""
    if line is None or opened is None or not body.endswith(last):
        raise Unsupported(f"the dump is not one of a {kind.value}")
    text = body[opened.end() : len(body) - len(last)]
    if opened[1] in text:
        raise Unsupported("the dump has more than one statement")
    return Program(line[1], text)


def charset_of(settings: bytes) -> bytes | None:
    """In which character set a definition is written; None for UTF-8."""
    found = _CHARSET.findall(settings)
    return found[-1] if found and not found[-1].lower().startswith(b"utf8") else None


def check_beginning(settings: bytes, beginning: bytes) -> None:
    """Raise Unsupported if the server may see another beginning of a definition than the bytes show."""
    if _HIDING.search(settings) and not beginning.isascii():
        raise Unsupported("the dump has a name in a character set in which its end cannot be told")


def read_lines(kind: Kind, dump: bytes) -> list[bytes]:
    """Read the dump of what has no body: its statements, one a line. Raises Unsupported."""
    lines = _body(kind, dump).split(b";\n")
    if lines.pop() or not lines:
        raise Unsupported(f"the dump is not one of a {kind.value}")
    return lines


def _body(kind: Kind, dump: bytes) -> bytes:
    first = head(kind)
    if not dump.startswith(first):
        raise _no_dump()
    if not dump.endswith(b"\n" + END):
        raise Unsupported("the dump ends too early, or goes on after its end")
    return dump[len(first) : -len(END)]


def _settings_in(line: bytes) -> bytes:
    found = _SETTINGS.fullmatch(line)
    if found is None:
        raise Unsupported("the dump has a SET that no dump has")
    return found[1]


def _is_whole(statement: bytes) -> bool:
    """Whether the semicolon after it is not inside of text or parentheses."""
    try:
        for _ in tokens(statement):
            pass
    except Unsupported:
        return False
    return True


def _no_dump() -> Unsupported:
    return Unsupported(
        "it is not a dump that Mover made of a thing of this kind; load it with the mariadb or mysql client"
    )
