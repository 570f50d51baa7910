"""What an expression is made of once it has been read, and which characters a part of it stands for."""

from __future__ import annotations

import bisect
import functools
from dataclasses import dataclass

LAST = 0x10FFFF
_LAST_WITH_CASE = 0x1E943  # ADLAM SMALL LETTER SHA

Ranges = tuple[tuple[int, int], ...]


class BadExpression(ValueError):
    """The expression is not one of these. `at` is where, counted from 0."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True)
class Chars:
    """One character of some ranges, or of none of them, in any case."""

    ranges: Ranges
    negated: bool = False

    @property
    def wanted(self) -> Ranges:
        """The ranges, with the other case of each of their letters; in order, apart from each other."""
        return in_any_case(self.ranges)

    def has(self, code: int) -> bool:
        """Tell whether a character is one of them."""
        return _in(self.wanted, code) != self.negated


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


@functools.lru_cache(maxsize=1024)
def in_any_case(ranges: Ranges) -> Ranges:
    """Add the other case of each letter. One letter for one: `ss` is not another case of `ß` here."""
    ordered = _joined(ranges)
    others = _other_cases()
    if all(low == high for low, high in ordered):
        added = {other for low, _ in ordered for other in others.get(low, ())}
    else:
        added = {other for code, found in others.items() if _in(ordered, code) for other in found}
    return _joined((*ordered, *((code, code) for code in added)))


def _in(ordered: Ranges, code: int) -> bool:
    at = bisect.bisect_right(ordered, (code, LAST)) - 1
    return at >= 0 and ordered[at][1] >= code


def _joined(ranges: Ranges) -> Ranges:
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return tuple(joined)


@functools.cache
def _other_cases() -> dict[int, frozenset[int]]:
    """For each letter, those that are the same but for their case: `k` has `K` and the sign for Kelvin."""
    same: dict[str, set[int]] = {}
    for code in range(_LAST_WITH_CASE + 1):
        character = chr(code)
        lower, upper = character.lower(), character.upper()
        if (lower, upper) == (character, character):
            continue
        # Not what is several letters in the other case. By `upper.lower()` the long s (U+017F) is an s, too.
        for form in {lower, upper.lower() if len(upper) == 1 else character}:
            if len(form) == 1:
                same.setdefault(form, set()).update({code, ord(form)})
    found: dict[int, set[int]] = {}
    for codes in same.values():
        for code in codes:
            found.setdefault(code, set()).update(codes - {code})
    return {code: frozenset(others) for code, others in found.items()}
