r"""Regular expressions that cannot be made to take long: a text of n characters takes time proportional to n.

SQLite has none of its own, and Python's backtrack: `(a+)+$` against forty characters stops a process for hours, with no
way to end it. So what people type is parsed here, and matched by simulating all possibilities at once (Thompson 1968)
with the sets of states remembered. PostgreSQL is given the same expression spelled anew, which has nothing in it that
its own engine would backtrack for.

    a|b  ab  a* a+ a? a{2} a{2,} a{2,5}  (a) (?:a)  .  [a-z] [^a-z]  \d \w \s \D \W \S  \. \n \t  ^ $

There are no references back and no looking around. Case is disregarded.
"""

from __future__ import annotations

from mover.migrations.pattern_nodes import (
    LAST,
    BadExpression,
    Chars,
    Choice,
    Edge,
    Node,
    Ranges,
    Repeat,
    Sequence,
)
from mover.migrations.pattern_search import Budget, Program, TooCostly

__all__ = ["BadExpression", "Budget", "Expression", "TooCostly"]

_LONGEST = 200
_MOST_REPEATS = 100

_DIGITS: Ranges = ((48, 57),)
_WORD: Ranges = (
    (48, 57),
    (65, 90),
    (95, 95),
    (97, 122),
    (0xC0, LAST),
)  # all letters beyond ASCII, and their like
_BLANK: Ranges = (
    (9, 13),
    (28, 32),
    (0x85, 0x85),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
)
_CLASSES = {"d": _DIGITS, "w": _WORD, "s": _BLANK}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r"}


class Expression:
    """A parsed expression. Raises BadExpression when it is made of something else."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise BadExpression(f"an expression has at most {_LONGEST} characters", _LONGEST)
        self.text = text
        self._node = _Parser(text).parse()
        self._program = Program(self._node)

    def found_in(self, text: str, budget: Budget | None = None) -> bool:
        """Tell whether it matches anywhere in a text. Raises TooCostly when the budget is used up."""
        return self._program.search(text, budget)

    def for_postgresql(self) -> str:
        """Spell it as PostgreSQL's advanced regular expression, for `~`: letters stand in both cases.

        PostgreSQL's own `~*` knows no case but that of ASCII where text is compared by bytes.
        """
        return _spelled(self._node)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def parse(self) -> Node:
        node = self._choice()
        if self._at < len(self._text):
            raise BadExpression("a ) without a (", self._at)
        return node

    def _peek(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    def _take(self, text: str) -> bool:
        if self._text.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def _choice(self) -> Node:
        parts = [self._sequence()]
        while self._take("|"):
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._peek() not in {"", "|", ")"}:
            parts.append(self._repeated())
        return Sequence(tuple(parts))

    def _repeated(self) -> Node:
        start = self._at
        node = self._single()
        while (limits := self._limits()) is not None:
            if isinstance(node, Edge | Repeat):
                raise BadExpression("nothing there that could be repeated", start)
            node = Repeat(node, *limits)
        return node

    def _limits(self) -> tuple[int, int | None] | None:
        for sign, limits in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return limits
        if self._peek() != "{":
            return None
        start = self._at
        inside, closed, _ = self._text[start + 1 :].partition("}")
        low, comma, high = inside.partition(",")
        if not closed or not _is_number(low) or (high and not _is_number(high)):
            raise BadExpression("write {2}, {2,} or {2,5}; a brace itself is \\{", start)
        least = int(low)
        most = least if not comma else int(high) if high else None
        if least > _MOST_REPEATS or (most is not None and not least <= most <= _MOST_REPEATS):
            raise BadExpression(
                f"a number of repeats from 0 to {_MOST_REPEATS}, the smaller one first", start
            )
        self._at = start + len(inside) + 2
        return least, most

    def _single(self) -> Node:
        start = self._at
        character = self._peek()
        self._at += 1
        match character:
            case "(":
                return self._group(start)
            case "[":
                return self._set(start)
            case ".":
                return Chars(((10, 10),), negated=True)
            case "^":
                return Edge(end=False)
            case "$":
                return Edge(end=True)
            case "\\":
                ranges, negated = self._escape(start)
                return Chars(ranges, negated)
            case "*" | "+" | "?" | "{":
                raise BadExpression("nothing there that could be repeated", start)
            case _:
                return Chars(((ord(character), ord(character)),))

    def _group(self, start: int) -> Node:
        if self._peek() == "?" and not self._take("?:"):
            raise BadExpression("(?...) is not possible here", start)
        self._depth += 1
        if self._depth > 20:  # noqa: PLR2004 - deeper than anybody writes
            raise BadExpression("too many ( in one another", start)
        node = self._choice()
        self._depth -= 1
        if not self._take(")"):
            raise BadExpression("a ( without a )", start)
        return node

    def _set(self, start: int) -> Node:
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        first = True
        while first or self._peek() != "]":
            if self._peek() == "":
                raise BadExpression("a [ without a ]", start)
            first = False
            ranges += self._range()
        self._at += 1
        return Chars(tuple(ranges), negated)

    def _range(self) -> Ranges:
        start = self._at
        low = self._member()
        if len(low) != 1 or low[0][0] != low[0][1] or self._peek() != "-":
            return low
        if self._text[self._at + 1 : self._at + 2] in {"", "]"}:
            return low
        self._at += 1
        high = self._member()
        if len(high) != 1 or high[0][0] != high[0][1] or high[0][0] < low[0][0]:
            raise BadExpression("a range goes from the smaller character to the larger one", start)
        return ((low[0][0], high[0][0]),)

    def _member(self) -> Ranges:
        start = self._at
        character = self._peek()
        self._at += 1
        if character == "\\":
            ranges, negated = self._escape(start)
            if negated:
                raise BadExpression("write [^...] for what is not wanted", start)
            return ranges
        return ((ord(character), ord(character)),)

    def _escape(self, start: int) -> tuple[Ranges, bool]:
        character = self._peek()
        if not character:
            raise BadExpression("a \\ at the end", start)
        self._at += 1
        if character.lower() in _CLASSES:
            return _CLASSES[character.lower()], character.isupper()
        if character in _CONTROLS:
            code = ord(_CONTROLS[character])
        elif character.isalnum():
            raise BadExpression(f"\\{character} is not possible here", start)
        else:
            code = ord(character)
        return ((code, code),), False


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4  # noqa: PLR2004 - digits


def _spelled(node: Node) -> str:
    match node:
        case Chars(_, negated):
            inside = "".join(
                _code(low) if low == high else f"{_code(low)}-{_code(high)}" for low, high in node.wanted
            )
            return f"[{'^' if negated else ''}{inside}]"
        case Edge(end):
            return "$" if end else "^"
        case Sequence(parts):
            return "".join(_spelled(part) for part in parts) or "(?:)"
        case Choice(parts):
            return "(?:" + "|".join(_spelled(part) for part in parts) + ")"
        case Repeat(part, least, most):
            return f"(?:{_spelled(part)}){{{least},{'' if most is None else most}}}"


def _code(code: int) -> str:
    return f"\\U{code:08x}"  # an escape that means the same inside and outside of brackets
