r"""Regular expressions that cannot be made to take long: a text of n characters takes time proportional to n.

SQLite has none of its own, and Python's backtrack: `(a+)+$` against forty characters stops a process for hours, with no
way to end it. So what people type is parsed here, and matched by simulating all possibilities at once (Thompson 1968)
with the sets of states remembered. PostgreSQL is given the same expression spelled anew, which has nothing in it that
its own engine would backtrack for.

    a|b  ab  a* a+ a? a{2} a{2,} a{2,5}  (a) (?:a)  .  [a-z] [^a-z]  \d \w \s \D \W \S  \. \n \t  ^ $

There are no references back and no looking around. Case is disregarded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_LONGEST = 200
_MOST_STATES = 2_000
_MOST_REPEATS = 100
_MOST_REMEMBERED = 20_000
_LAST = 0x10FFFF

Ranges = tuple[tuple[int, int], ...]
_DIGITS: Ranges = ((48, 57),)
_WORD: Ranges = (
    (48, 57),
    (65, 90),
    (95, 95),
    (97, 122),
    (0xC0, _LAST),
)  # all letters beyond ASCII, and their like
_BLANK: Ranges = ((9, 13), (32, 32), (0xA0, 0xA0))
_CLASSES = {"d": _DIGITS, "w": _WORD, "s": _BLANK}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r"}


class BadExpression(ValueError):
    """The expression is not one of these. `at` is where, counted from 0."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True)
class Chars:
    """One character of some ranges, or of none of them."""

    ranges: Ranges
    negated: bool = False

    def has(self, character: str) -> bool:
        """Tell whether the character is one of them, in any case."""
        codes = {ord(character), *(ord(c) for c in character.lower()), *(ord(c) for c in character.upper())}
        found = any(low <= code <= high for code in codes for low, high in self.ranges)
        return found != self.negated


@dataclass(frozen=True)
class Edge:
    """The beginning or the end of the text."""

    end: bool


@dataclass(frozen=True)
class Sequence:
    """One after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    """One of them."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """Again and again; without end if `most` is None."""

    part: Node
    least: int
    most: int | None


Node = Chars | Edge | Sequence | Choice | Repeat


class Expression:
    """A parsed expression. Raises BadExpression when it is made of something else."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise BadExpression(f"an expression has at most {_LONGEST} characters", _LONGEST)
        self.text = text
        self._node = _Parser(text).parse()
        self._program = _Program()
        self._program.compile(self._node)

    def found_in(self, text: str) -> bool:
        """Tell whether it matches anywhere in a text."""
        return self._program.search(text)

    def for_postgresql(self) -> str:
        """Spell it as PostgreSQL's advanced regular expression, for `~*`."""
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


@dataclass
class _Program:
    """States, numbered: a character leads to the next one, everything else to some others at once."""

    chars: list[Chars | None] = field(default_factory=list)
    edges: list[Edge | None] = field(default_factory=list)
    ways: list[list[int]] = field(default_factory=list)
    sets: list[frozenset[int]] = field(default_factory=list)
    known: dict[frozenset[int], int] = field(default_factory=dict)
    steps: dict[tuple[int, str], int] = field(default_factory=dict)
    final: int = -1

    def compile(self, node: Node) -> None:
        """Build the states back to front: each knows where it leads."""
        self.final = self._state([])
        self.first = self._before(node, self.final)

    def _state(self, ways: list[int], *, chars: Chars | None = None, edge: Edge | None = None) -> int:
        if len(self.ways) >= _MOST_STATES:
            raise BadExpression("too many repeats in one another", 0)
        self.chars.append(chars)
        self.edges.append(edge)
        self.ways.append(ways)
        return len(self.ways) - 1

    def _before(self, node: Node, then: int) -> int:
        match node:
            case Chars():
                return self._state([then], chars=node)
            case Edge():
                return self._state([then], edge=node)
            case Sequence(parts):
                for part in reversed(parts):
                    then = self._before(part, then)
                return then
            case Choice(parts):
                return self._state([self._before(part, then) for part in parts])
            case Repeat(part, least, most):
                if most is None:
                    loop = self._state([])
                    self.ways[loop] = [self._before(part, loop), then]
                    then = loop
                else:
                    for _ in range(most - least):
                        then = self._state([self._before(part, then), then])
                for _ in range(least):
                    then = self._before(part, then)
                return then

    def _closure(self, states: frozenset[int], *, start: bool, end: bool) -> frozenset[int]:
        """All states that are reached without a character, those before an edge that is not here included."""
        reached: set[int] = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state in reached:
                continue
            reached.add(state)
            edge = self.edges[state]
            if self.chars[state] is None and (edge is None or (end if edge.end else start)):
                waiting += self.ways[state]
        return frozenset(reached)

    def _number(self, states: frozenset[int]) -> int:
        if (number := self.known.get(states)) is None:
            number = self.known[states] = len(self.sets)
            self.sets.append(states)
        return number

    def search(self, text: str) -> bool:
        begin = self._closure(frozenset({self.first}), start=True, end=not text)
        if self.final in begin:
            return True
        current = self._number(begin)
        for character in text:
            following = self.steps.get((current, character))
            if following is None:
                following, current = self._step(current, character)
            if following < 0:
                return True
            current = following
        return self.final in self._closure(self.sets[current], start=False, end=True)

    def _step(self, current: int, character: str) -> tuple[int, int]:
        states = self.sets[current]
        if len(self.steps) >= _MOST_REMEMBERED:  # forget all: memory is bounded, and it is learnt again
            self.steps.clear()
            self.known.clear()
            self.sets.clear()
            current = self._number(states)
        targets = {
            self.ways[state][0]
            for state in states
            if (chars := self.chars[state]) is not None and chars.has(character)
        }
        reached = self._closure(frozenset(targets | {self.first}), start=False, end=False)
        following = -1 if self.final in reached else self._number(reached)
        self.steps[current, character] = following
        return following, current


def _spelled(node: Node) -> str:
    match node:
        case Chars(ranges, negated):
            inside = "".join(
                _code(low) if low == high else f"{_code(low)}-{_code(high)}" for low, high in ranges
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
