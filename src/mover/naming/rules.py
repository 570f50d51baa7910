"""What a service accepts as a name, as data, and the translation that follows from it."""

from __future__ import annotations

import enum
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

from mover.errors import NameRejected, PathTooLong
from mover.naming.escapes import (
    Characters,
    Escape,
    FirstCharacter,
    HighCharacters,
    LastCharacter,
    ReservedNames,
    ReservedWord,
)
from mover.naming.spelling import QUOTE, SPELLED_QUOTE, bytes_from_text, is_spelling

_PIECE = re.compile(f"{SPELLED_QUOTE}..|{QUOTE}[89A-F][0-9A-F]|.", re.DOTALL)  # spelled bytes are not cut
_LONGEST_EXTENSION = 16


class LengthUnit(enum.Enum):
    """What a service counts when it limits a length."""

    UTF8_BYTES = "UTF-8 bytes"
    UTF16_UNITS = "UTF-16 code units"
    CHARACTERS = "characters"


@dataclass(frozen=True, kw_only=True)
class NameRules:
    """The names and paths that a service accepts, and which of them are the same to it. Hashable and picklable.

    Pairs are two-character strings: a forbidden character, then the one that stands for it. `mover.naming` shows what
    becomes of a name. Slash, NUL, `.` and `..` are never accepted by any service.

    Attributes:
        look_alikes: Pairs; forbidden anywhere, replaced by the look-alike alone.
        marked: Pairs; forbidden anywhere, replaced by a quote and the second character.
        leading: Pairs; forbidden as the first character.
        trailing: Pairs; forbidden as the last character.
        reserved_names: Whole names.
        reserved_stems: Names up to the first dot, blanks before it not counted.
        reserved_words: Texts that must not stand anywhere in a name.
        unit: What the lengths count. With `byte_names`, UTF8_BYTES counts the bytes that are spelled.
        longest_name: None where only the path is limited.
        longest_path: Of a whole path without its leading slash; None where unlimited or unknown.
        basic_plane: Characters beyond U+FFFF are forbidden (MySQL's old utf8 is how that comes to be).
        byte_names: Names are bytes to the service; its connector uses `text_from_bytes` and `bytes_from_text`.
        case_sensitive: `A` and `a` are different names.
        normalisation_sensitive: é as one code point and as two are different names.
    """

    look_alikes: tuple[str, ...] = ()
    marked: tuple[str, ...] = ("/\N{FULLWIDTH SOLIDUS}", "\0\N{SYMBOL FOR NULL}")
    leading: tuple[str, ...] = ()
    trailing: tuple[str, ...] = ()
    reserved_names: frozenset[str] = frozenset({".", ".."})
    reserved_stems: frozenset[str] = frozenset()
    reserved_words: frozenset[str] = frozenset()
    unit: LengthUnit = LengthUnit.UTF8_BYTES
    longest_name: int | None = None
    longest_path: int | None = None
    basic_plane: bool = False
    byte_names: bool = False
    case_sensitive: bool = True
    normalisation_sensitive: bool = True

    def __post_init__(self) -> None:
        anywhere = self.look_alikes + self.marked
        forbidden = {pair[0] for pair in anywhere}
        for pairs in (anywhere, self.leading, self.trailing):
            both = "".join(pairs)
            if any(len(pair) != 2 for pair in pairs) or len(set(both)) != len(both) or QUOTE in both:  # noqa: PLR2004 - a pair is two
                raise ValueError(
                    "each rule is a pair of characters, and each character stands in one pair only"
                )
            if any(pair[1] in forbidden for pair in pairs):
                raise ValueError("a stand-in must not be a forbidden character")
        if not {"/", "\0"} <= forbidden or not {".", ".."} <= self.reserved_names:
            raise ValueError("no service accepts '/', NUL, '.' or '..'")

    def accepted(self, name: str) -> str:
        """Return the name under which the service takes an entry called `name` elsewhere; `name` itself if it can.

        Different names give different results. Apply it once: the result of a result is another name.

        Raises:
            PathTooLong: The result is longer than the service accepts. Names are never cut: that could not be undone.
            NameRejected: The name is empty or not valid Unicode, or it spells bytes in a way that `text_from_bytes`
                never does, so that it would become one with another name at a service of byte names.
        """
        if not name:
            raise NameRejected("the name is empty")
        result = name
        for escape in self._escapes:
            result = escape.apply(result)
        length = self.length(result)
        if self.byte_names and not is_spelling(result):
            raise NameRejected("the name would be read as another one at the destination", path=name)
        if self.longest_name is not None and length > self.longest_name:
            raise PathTooLong(self._too_long("name", length, self.longest_name), path=name)
        return result

    def original(self, accepted: str) -> str:
        """Return the name that `accepted` was made from; `original(accepted(n)) == n` for every name."""
        for escape in reversed(self._escapes):
            accepted = escape.undo(accepted)
        return accepted

    def key(self, name: str) -> str:
        """Return what is equal for accepted names that are the same entry to this service.

        Where normalisation does not count: NFC. Where case does not count: NFC, then full Unicode case folding, then NFC
        again since folding can undo it. Full folding also makes `ß` and `ss` one, as the collations of SharePoint do;
        where a service is finer than that, the price is a needless `distinct` name, never a lost file.
        """
        if self.case_sensitive and self.normalisation_sensitive:
            return name
        if self.case_sensitive:
            return unicodedata.normalize("NFC", name)
        if self.normalisation_sensitive:
            return name.casefold()
        return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())

    def path_key(self, path: str) -> str:
        """Return what is equal for paths whose names all are the same to this service."""
        return "/".join(self.key(name) for name in path.split("/"))

    def length(self, text: str) -> int:
        """Count an accepted name or path as the service does. Raises NameRejected for a lone surrogate."""
        if self.byte_names:
            return len(bytes_from_text(text))
        try:
            match self.unit:
                case LengthUnit.UTF8_BYTES:
                    return len(text.encode())
                case LengthUnit.UTF16_UNITS:
                    return len(text.encode("utf-16-le")) // 2
                case LengthUnit.CHARACTERS:
                    return len(text.encode("utf-32-le")) // 4
        except UnicodeEncodeError:
            raise NameRejected("the name is not valid Unicode", path=text) from None

    def check_path(self, path: str) -> None:
        """Raise PathTooLong if a whole path of accepted names, counted without its leading slash, is too long."""
        if self.longest_path is None:
            return
        length = self.length(path.removeprefix("/"))
        if length > self.longest_path:
            raise PathTooLong(self._too_long("path", length, self.longest_path), path=path)

    def distinct(self, accepted: str, attempt: int) -> str:
        """Return the `attempt`-th (from 1) alternative for an accepted name whose place is taken: `name (2).ext`.

        The stem is shortened where the limit asks for it, so an alternative may itself be taken: ask with the next
        attempt until the key is free.

        Raises:
            PathTooLong: Nothing would be left of the stem.
        """
        dot = accepted.rfind(".")
        has_extension = dot > 0 and len(accepted) - dot <= _LONGEST_EXTENSION
        stem, extension = (accepted[:dot], accepted[dot:]) if has_extension else (accepted, "")
        suffix = f" ({attempt + 1}){extension}"
        if self.longest_name is None:
            return stem + suffix
        pieces = _PIECE.findall(stem)
        excess = self.length(stem + suffix) - self.longest_name
        while excess > 0 and pieces:
            excess -= self.length(pieces.pop())
        if not pieces:
            raise PathTooLong(self._too_long("name", self.length(accepted), self.longest_name), path=accepted)
        return "".join(pieces) + suffix

    def _too_long(self, what: str, length: int, limit: int) -> str:
        return f"the {what} has {length} {self.unit.value}, the destination accepts {limit}"

    @cached_property
    def _escapes(self) -> tuple[Escape, ...]:
        """In this order: a later step never brings back what an earlier one replaced."""
        cased = self.case_sensitive
        steps: list[Escape] = [Characters.of(self.look_alikes, self.marked)]
        if self.basic_plane:
            steps.append(HighCharacters())
        if self.leading:
            steps.append(FirstCharacter.of(self.leading))
        if self.trailing:
            steps.append(LastCharacter.of(self.trailing))
        steps.append(ReservedNames.of(self.reserved_names, self.reserved_stems, case_sensitive=cased))
        steps += [ReservedWord.of(word, case_sensitive=cased) for word in sorted(self.reserved_words)]
        return tuple(steps)
