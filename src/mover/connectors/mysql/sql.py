"""Pieces of SQL: how names and text are quoted, and what a statement consists of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mover.errors import Unsupported

NAME = rb"`(?:[^`]|``)++`"
# In double quotes a backslash may hide the end of a name, or not: that depends on the session's sql_mode.
_QUOTED = rb"(?:`(?:[^`]|``)*+`|\"(?:[^\"\\]|\"\")*+\")"
ACCOUNT = _QUOTED + rb"(?:@" + _QUOTED + rb")?"
_COMMENT = re.compile(rb"/\*.*?\*/|(?:--[ \t]|#)[^\n]*+|--(?=[\r\n])", re.DOTALL)
_TOKEN = re.compile(
    rb"(?P<space>[ \t\r\n]++|/\*M?!(?:[0-9]{5,6})? ?|\*/)"
    rb"|(?P<quoted>`(?:[^`]|``)*+`|'(?:[^'\\]|\\.|'')*+'|\"(?:[^\"\\]|\\.|\"\")*+\")"
    rb"|(?P<word>[A-Za-z0-9_$@\x80-\xff]++)"
    rb"|(?P<comment>/\*|--[ \t\r\n]|#)"
    rb"|(?P<unended>[`'\"])"
    rb"|(?P<mark>.)",
    re.DOTALL,
)


def quote_name(name: str) -> str:
    """Quote an identifier."""
    return "`" + name.replace("`", "``") + "`"


def name_bytes(name: str) -> bytes:
    """Quote an identifier, as bytes of a statement."""
    return quote_name(name).encode()


def quote_text(text: str) -> str:
    """Quote text under the `sql_mode` of Mover's own sessions, which know backslashes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def text_literal(value: bytes) -> bytes:
    r"""Quote UTF-8 text exactly as the server's QUOTE() does, with \n and \r spelled, so that no line breaks in it."""
    value = value.replace(b"\\", b"\\\\").replace(b"'", b"\\'").replace(b"\0", b"\\0")
    return b"'" + value.replace(b"\x1a", b"\\Z").replace(b"\n", b"\\n").replace(b"\r", b"\\r") + b"'"


@dataclass(frozen=True)
class Token:
    """A piece of a statement that means something. `depth` counts the parentheses that are open before it."""

    kind: str
    text: bytes
    start: int
    end: int
    depth: int

    @property
    def word(self) -> bytes:
        """The word in capitals; empty for anything else."""
        return self.text.upper() if self.kind == "word" else b""


def tokens(statement: bytes, *, by_hand: bool = False) -> Iterator[Token]:
    """Cut a statement into tokens. What stands in version comments (`/*!40100 ... */`) counts, for the server reads it.

    Args:
        statement: What to cut.
        by_hand: A person wrote it: ordinary comments are passed over.

    Raises:
        Unsupported: It has an ordinary comment otherwise, or text or parentheses that do not end.
    """
    depth = 0
    position = 0
    while found := _TOKEN.match(statement, position):
        position = found.end()
        kind = found.lastgroup or ""
        if kind == "space":
            continue
        if kind == "comment" and by_hand and (comment := _COMMENT.match(statement, found.start())):
            position = comment.end()
            continue
        if kind in {"comment", "unended"}:
            raise Unsupported("the dump has a comment or unended text where none can be")
        text = found[0]
        if text == b")":
            depth -= 1
        yield Token(kind, text, found.start(), found.end(), depth)
        if text == b"(":
            depth += 1
    if depth:
        raise Unsupported("the dump has parentheses that do not end")


def first_words(statement: bytes, most: int = 2) -> str:
    """Name the kind of a statement for people: its first words, in capitals."""
    found = re.findall(rb"[A-Za-z_]+", statement[:200])[:most]
    return b" ".join(found).decode("ascii").upper() or "no statement"
