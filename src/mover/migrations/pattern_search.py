"""Looking for an expression by all its possibilities at once: their set is one long number, a bit for each state."""

from __future__ import annotations

from mover.migrations.pattern_nodes import BadExpression, Chars, Choice, Edge, Node, Repeat, Sequence

_MOST_STATES = 600
_MOST_REMEMBERED = 5_000
_BYTE = 8


class TooCostly(Exception):
    """An expression took more work than its budget allows."""


class Budget:
    """How much work searches may take together: pieces of sets that are put together anew, a few microseconds each.

    What is remembered costs nothing, so that ordinary expressions take some thousand for texts of any number.
    """

    def __init__(self, pieces: int) -> None:
        self._left = pieces

    def spend(self, pieces: int) -> None:
        """Take from what is left. Raises TooCostly when that is not enough, and from then on."""
        self._left -= pieces
        if self._left < 0:
            raise TooCostly


class Program:
    """States of a parsed expression, numbered: a character leads from some to others.

    The worst that a character can cost is looking at all bytes of the set, some eighty. What came of a set and a character
    is remembered, up to a bound, so that most cost one look.

    Raises BadExpression: too many states.
    """

    def __init__(self, node: Node) -> None:
        self._chars: list[Chars | None] = []
        self._edges: list[Edge | None] = []
        self._ways: list[list[int]] = []
        final = self._state([])
        first = self._before(node, final)
        self._final = 1 << final
        self._begin = self._closure(first, start=True)
        self._again = self._closure(first)
        self._after = [
            0 if chars is None else self._closure(ways[0])
            for chars, ways in zip(self._chars, self._ways, strict=True)
        ]
        self._at_end = sum(
            1 << state for state in range(len(self._ways)) if self._closure(state, end=True) & self._final
        )
        self._begin_at_end = self._closure(first, start=True, end=True)
        self._classes: dict[Chars, int] = {}
        for state, chars in enumerate(self._chars):
            if chars is not None:
                self._classes[chars] = self._classes.get(chars, 0) | 1 << state
        self._takers: dict[str, int] = {}
        self._pieces: dict[tuple[int, int], int] = {}
        self._steps: dict[tuple[int, str], int] = {}

    def search(self, text: str, budget: Budget | None = None) -> bool:
        """Tell whether it is found anywhere in a text. Raises TooCostly when the budget is used up."""
        if self._begin & self._final or (not text and self._begin_at_end & self._final):
            return True
        current = self._begin
        for character in text:
            following = self._steps.get((current, character))
            if following is None:
                following = self._step(current, character, budget)
            if following & self._final:
                return True
            current = following
        return current & self._at_end != 0

    def _step(self, current: int, character: str, budget: Budget | None) -> int:
        moving = current & self._taking(character)
        following = self._again
        pieces = moving.to_bytes((len(self._ways) + _BYTE - 1) // _BYTE, "little")
        if budget is not None:
            budget.spend(len(pieces) - pieces.count(0))
        for place, byte in enumerate(pieces):
            if byte:
                following |= self._piece(place, byte)
        if len(self._steps) >= _MOST_REMEMBERED:  # forget all: memory is bounded, and it is learnt again
            self._steps.clear()
        self._steps[current, character] = following
        return following

    def _piece(self, place: int, byte: int) -> int:
        """Where eight neighbouring states lead together."""
        if (led := self._pieces.get((place, byte))) is None:
            led = 0
            for bit in range(_BYTE):
                if byte >> bit & 1:
                    led |= self._after[place * _BYTE + bit]
            self._pieces[place, byte] = led
        return led

    def _taking(self, character: str) -> int:
        """The states that a character leads on from."""
        if (taking := self._takers.get(character)) is None:
            taking = 0
            for chars, states in self._classes.items():
                if chars.has(ord(character)):
                    taking |= states
            if len(self._takers) >= _MOST_REMEMBERED:
                self._takers.clear()
            self._takers[character] = taking
        return taking

    @property
    def remembered(self) -> int:
        """How many things are kept, each as long as a number of `_MOST_STATES` bits."""
        return len(self._steps) + len(self._takers) + len(self._pieces)

    def _state(self, ways: list[int], *, chars: Chars | None = None, edge: Edge | None = None) -> int:
        if len(self._ways) >= _MOST_STATES:
            raise BadExpression("too many repeats in one another", 0)
        self._chars.append(chars)
        self._edges.append(edge)
        self._ways.append(ways)
        return len(self._ways) - 1

    def _before(self, node: Node, then: int) -> int:
        """Build the states back to front: each knows where it leads."""
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
                    self._ways[loop] = [self._before(part, loop), then]
                    then = loop
                else:
                    for _ in range(most - least):
                        then = self._state([self._before(part, then), then])
                for _ in range(least):
                    then = self._before(part, then)
                return then

    def _closure(self, state: int, *, start: bool = False, end: bool = False) -> int:
        """All states that are reached without a character, those before an edge that is not here included."""
        reached = 0
        waiting = [state]
        while waiting:
            state = waiting.pop()
            if reached >> state & 1:
                continue
            reached |= 1 << state
            edge = self._edges[state]
            if self._chars[state] is None and (edge is None or (end if edge.end else start)):
                waiting += self._ways[state]
        return reached
