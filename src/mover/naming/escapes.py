"""The single escapes that `NameRules` puts in sequence, each with its exact inverse on every text.

Pairs are two-character strings: the forbidden character and the one that stands for it. Every pattern here matches in
linear time, since names come from outside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

import msgspec

from mover.naming.spelling import QUOTE

MARK = "\N{REFERENCE MARK}"
"""Stands on both sides of the number of a character that a service does not take."""


class Escape(Protocol):
    """One step: `undo(apply(name)) == name` for every text."""

    def apply(self, name: str) -> str:
        """Replace what the service forbids."""

    def undo(self, name: str) -> str:
        """Reverse `apply`."""


class Characters(msgspec.Struct, frozen=True):
    """Characters that are forbidden wherever they stand.

    The number of quotes before a stand-in tells what it is: k quotes and a character become 2k or 2k+1 quotes and the
    stand-in. Of the two, a look-alike has the even number and its natural twin the odd one; where the character is
    marked it is the other way round.
    """

    pattern: re.Pattern[str]
    stand_in: dict[str, str]
    forbidden: dict[str, str]
    marked: frozenset[str]  # stand-ins of the marked characters

    @classmethod
    def of(cls, look_alikes: Iterable[str], marked: Iterable[str]) -> Characters:
        """Build from pairs."""
        marked = tuple(marked)
        pairs = [*look_alikes, *marked]
        every = "[" + re.escape("".join(pairs)) + "]"
        return cls(
            # A run of quotes matches even without a character after it, lest it be looked at again from each of its quotes.
            re.compile(f"({QUOTE}+)({every})?|({every})"),
            {pair[0]: pair[1] for pair in pairs},
            {pair[1]: pair[0] for pair in pairs},
            frozenset(pair[1] for pair in marked),
        )

    def apply(self, name: str) -> str:
        """Escape every forbidden character and every stand-in."""
        return self.pattern.sub(self._escaped, name)

    def undo(self, name: str) -> str:
        """Reverse `apply`."""
        return self.pattern.sub(self._unescaped, name)

    def _escaped(self, found: re.Match[str]) -> str:
        character = found[2] or found[3]
        if character is None:
            return found[0]
        quotes = found[1] or ""
        stand_in = self.stand_in.get(character, character)
        is_natural = character in self.forbidden
        odd = is_natural != (stand_in in self.marked)
        return quotes * 2 + (QUOTE if odd else "") + stand_in

    def _unescaped(self, found: re.Match[str]) -> str:
        stand_in = found[2] or found[3]
        if stand_in is None or stand_in not in self.forbidden:
            return found[0]
        half, odd = divmod(len(found[1] or ""), 2)
        is_natural = bool(odd) != (stand_in in self.marked)
        return QUOTE * half + (stand_in if is_natural else self.forbidden[stand_in])


class HighCharacters:
    """Characters beyond the basic plane are spelled by their number between two reference marks; natural marks are doubled."""

    _high = re.compile(f"{MARK}|[\U00010000-\U0010ffff]")
    _spelled = re.compile(f"{MARK}(?:{MARK}|(1?[0-9A-F]{{5}}){MARK})")

    def apply(self, name: str) -> str:
        """Spell every high character."""
        return self._high.sub(
            lambda found: MARK + (MARK if found[0] == MARK else f"{ord(found[0]):X}{MARK}"), name
        )

    def undo(self, name: str) -> str:
        """Reverse `apply`."""
        return self._spelled.sub(self._unspelled, name)

    def _unspelled(self, found: re.Match[str]) -> str:
        if found[1] is None:
            return MARK
        code = int(found[1], 16)
        return chr(code) if 0x10000 <= code <= 0x10FFFF else found[0]  # noqa: PLR2004 - the planes beyond the basic one


class FirstCharacter(msgspec.Struct, frozen=True):
    """Characters that are forbidden at the start only."""

    stand_in: dict[str, str]
    forbidden: dict[str, str]

    @classmethod
    def of(cls, pairs: Iterable[str]) -> FirstCharacter:
        """Build from pairs."""
        pairs = tuple(pairs)
        return cls({pair[0]: pair[1] for pair in pairs}, {pair[1]: pair[0] for pair in pairs})

    def apply(self, name: str) -> str:
        """Replace or quote the first character."""
        if name[:1] in self.stand_in:
            return self.stand_in[name[0]] + name[1:]
        return QUOTE + name if name.lstrip(QUOTE)[:1] in self.forbidden else name

    def undo(self, name: str) -> str:
        """Reverse `apply`."""
        if name[:1] in self.forbidden:
            return self.forbidden[name[0]] + name[1:]
        return name[1:] if name[:1] == QUOTE and name.lstrip(QUOTE)[:1] in self.forbidden else name


class LastCharacter(msgspec.Struct, frozen=True):
    """Characters that are forbidden at the end only; quotes are counted as in `Characters`."""

    stand_in: dict[str, str]
    forbidden: dict[str, str]

    @classmethod
    def of(cls, pairs: Iterable[str]) -> LastCharacter:
        """Build from pairs."""
        pairs = tuple(pairs)
        return cls({pair[0]: pair[1] for pair in pairs}, {pair[1]: pair[0] for pair in pairs})

    def apply(self, name: str) -> str:
        """Replace or quote the last character."""
        last = name[-1:]
        if last not in self.stand_in and last not in self.forbidden:
            return name
        before, quotes = _split_quotes(name[:-1])
        if last in self.stand_in:
            return before + QUOTE * (2 * quotes) + self.stand_in[last]
        return before + QUOTE * (2 * quotes + 1) + last

    def undo(self, name: str) -> str:
        """Reverse `apply`."""
        last = name[-1:]
        if last not in self.forbidden:
            return name
        before, quotes = _split_quotes(name[:-1])
        half, odd = divmod(quotes, 2)
        return before + QUOTE * half + (last if odd else self.forbidden[last])


def _split_quotes(text: str) -> tuple[str, int]:
    """Split off the quotes at the end and count them."""
    before = text.rstrip(QUOTE)
    return before, len(text) - len(before)


class ReservedNames(msgspec.Struct, frozen=True):
    """Names that the service keeps for itself, whole or up to the first dot; they get a quote in front."""

    pattern: re.Pattern[str]

    @classmethod
    def of(cls, names: Iterable[str], stems: Iterable[str], *, case_sensitive: bool) -> ReservedNames:
        """Build from whole names and from stems (`CON` also stands for `CON.txt` and `CON .txt`)."""
        choices = [re.escape(name) for name in sorted(names)]
        choices += [re.escape(stem) + r" *(?:\..*)?" for stem in sorted(stems)]
        flags = re.DOTALL if case_sensitive else re.DOTALL | re.IGNORECASE
        return cls(re.compile(f"{QUOTE}*(?:{'|'.join(choices)})", flags))

    def apply(self, name: str) -> str:
        """Put a quote before a reserved name."""
        return QUOTE + name if self.pattern.fullmatch(name) else name

    def undo(self, name: str) -> str:
        """Reverse `apply`."""
        return name[1:] if name[:1] == QUOTE and self.pattern.fullmatch(name, 1) else name


class ReservedWord(msgspec.Struct, frozen=True):
    """A text that must not stand anywhere in a name; it gets a quote after its first character."""

    pattern: re.Pattern[str]

    @classmethod
    def of(cls, word: str, *, case_sensitive: bool) -> ReservedWord:
        """Build for one word.

        Raises:
            ValueError: The word overlaps with itself by more than a character, so quotes in one occurrence would
                hide the next from `undo`.
        """
        if any(word.startswith(word[start:]) for start in range(1, len(word) - 1)):
            raise ValueError(f"the reserved word overlaps with itself: {word!r}")
        flags = re.NOFLAG if case_sensitive else re.IGNORECASE
        return cls(re.compile(f"({re.escape(word[0])})({QUOTE}*)(?={re.escape(word[1:])})", flags))

    def apply(self, name: str) -> str:
        """Put a quote into each occurrence."""
        return self.pattern.sub(rf"\1\2{QUOTE}", name)

    def undo(self, name: str) -> str:
        """Reverse `apply`."""
        return self.pattern.sub(lambda found: found[1] + found[2][1:], name)
