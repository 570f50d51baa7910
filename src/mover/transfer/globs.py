r"""Patterns for paths, in the form of .gitignore, matched in linear time.

| pattern      | matches                                                                              |
| ------------ | ------------------------------------------------------------------------------------ |
| `*.pdf`      | without a slash, or with one only at its end: the name of an entry in any folder     |
| `/docs/*.md` | with a slash: the path from the root of the move; the leading slash may be left out  |
| `build/`     | with a slash at its end: folders only                                                |
| `*`          | any characters but a slash, also none                                                |
| `?`          | one character but a slash                                                            |
| `[a-z_]`     | one of these; `[!a-z]` or `[^a-z]` one of all others; never a slash                  |
| `**/a`       | `a` in any folder; `/x/**/a` any number of folders between, also none                |
| `/docs/**`   | all that is in `/docs`, at any depth, but not `/docs` itself                         |
| `\*`         | that very character                                                                  |

What matches a folder holds for all that is in it. Upper and lower case differ, and so do the composed and the decomposed
form of a letter. A pattern that could never match (`a//b`, `../x`, `[z-a]`) is an error rather than ignored.

Matching cannot be slowed down by a clever pattern: between two stars stands a text of fixed length, so its first
occurrence is as good as any other and an atomic group keeps the regular expression from trying them all; the same holds
for what stands between two `**`. (`pathspec` is not used here for that reason: `*a*a*a*a*a*b` takes it seconds for one
name, and its `.` and `$` misjudge names with line feeds.)
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Self

import msgspec

_ANY_FOLDERS = "**"
_FOLDERS_BETWEEN = "(?:/[^/]+)*?"
_CLASS_KINDS = {"[:", "[=", "[."}


class BadPattern(ValueError):
    """The pattern cannot be what was meant; the message says why."""


class Glob(msgspec.Struct, frozen=True):
    """A pattern as it was written, and its regular expression.

    Attributes:
        text: As a person wrote it.
        name: For a pattern that tells the name alone, what matches that name, to its end; else empty.
        path: Matches from the leading slash of a path through the last component that the pattern tells.
        folders_only: Only folders match.
    """

    text: str
    name: str
    path: str
    folders_only: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Translate a pattern. Raises BadPattern."""
        components = text.removesuffix("/").split("/")
        if components[0]:
            if len(components) == 1:
                components.insert(0, _ANY_FOLDERS)
        else:
            del components[0]
        if not components:
            raise BadPattern("it names nothing")
        for component in components:
            if not component:
                raise BadPattern("it has an empty name between slashes")
            if component in {".", ".."}:
                raise BadPattern("it has a '.' or '..' component, which no path has")
        match components:
            case ["**", last] if last != _ANY_FOLDERS:
                name = _component(last)
            case _:
                name = ""
        return cls(text, name, _path(components), text.endswith("/"))

    @property
    def exact(self) -> str:
        """Regular expression that matches the paths of just the entries of this pattern; folders end with a slash."""
        return self.path + (r"/\Z" if self.folders_only else r"/?\Z")


def _path(components: Sequence[str]) -> str:
    """Translate the components of a path; `**` stands for any number of them."""
    groups = [
        (is_wild, list(group))
        for is_wild, group in itertools.groupby(components, lambda name: name == _ANY_FOLDERS)
    ]
    out = []
    for index, (is_wild, group) in enumerate(groups):
        is_last = index == len(groups) - 1
        if is_wild:
            if is_last:
                out.append("(?:/[^/]+)+")
            continue
        names = "".join("/" + _component(name) for name in group)
        if index == 0:
            out.append(names)
        elif is_last:
            out.append(_FOLDERS_BETWEEN + names)
        else:
            out.append(f"(?>{_FOLDERS_BETWEEN}{names})")
    return "".join(out)


def _component(pattern: str) -> str:
    """Translate one name's pattern."""
    texts = _fixed_texts(pattern)
    first, *others = texts
    if not others:
        return first + r"(?=/|\Z)"
    if not any(texts):
        return "[^/]++"
    *middle, last = others
    between = "".join(f"(?>[^/]*?{text})" for text in middle if text)
    return rf"{first}{between}[^/]*{last}(?=/|\Z)"


def _fixed_texts(pattern: str) -> list[str]:
    """Cut a name's pattern at its stars and translate the pieces, each of which has a fixed length."""
    texts = [""]
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        match character:
            case "*":
                texts.append("")
            case "?":
                texts[-1] += "[^/]"
            case "[":
                translated, position = _character_class(pattern, position)
                texts[-1] += translated
            case "\\":
                if position == len(pattern):
                    raise BadPattern("it has a backslash with nothing after it")
                texts[-1] += re.escape(pattern[position])
                position += 1
            case _:
                texts[-1] += re.escape(character)
    return texts


def _character_class(pattern: str, position: int) -> tuple[str, int]:
    """Translate `[...]` whose content begins at `position`; returns what it becomes and where it ended."""
    negated = pattern[position : position + 1] in {"!", "^"}
    position += negated
    ranges: list[str] = []
    while position < len(pattern) and (pattern[position] != "]" or not ranges):
        if pattern[position : position + 2] in _CLASS_KINDS:
            raise BadPattern("classes such as [:alpha:] are not supported; write [a-z]")
        low, position = _class_member(pattern, position)
        high = low
        if pattern[position : position + 1] == "-" and pattern[position + 1 : position + 2] not in {"", "]"}:
            high, position = _class_member(pattern, position + 1)
        if high < low:
            raise BadPattern(f"the range {low}-{high} is the wrong way round")
        ranges.append(re.escape(low) if low == high else f"{re.escape(low)}-{re.escape(high)}")
    if position >= len(pattern):
        raise BadPattern("it has a '[' without its ']' (write \\[ for the character itself)")
    return f"(?!/)[{'^' if negated else ''}{''.join(ranges)}]", position + 1


def _class_member(pattern: str, position: int) -> tuple[str, int]:
    """Take one character of a class, which a backslash may stand before."""
    if pattern[position] == "\\" and position + 1 < len(pattern):
        position += 1
    return pattern[position], position + 1


class GlobSet(msgspec.Struct, frozen=True):
    """Several patterns: tells which one a path, or a folder above it, matches.

    Patterns for names, which most are, become one expression that is searched for; the others are matched from the root.
    """

    of_names: tuple[Glob, ...]
    of_paths: tuple[Glob, ...]
    names: re.Pattern[str]
    paths: re.Pattern[str]

    @classmethod
    def of(cls, globs: Iterable[Glob]) -> Self:
        """Compile patterns."""
        globs = tuple(globs)
        of_names = tuple(glob for glob in globs if glob.name)
        of_paths = tuple(glob for glob in globs if not glob.name)
        return cls(
            of_names,
            of_paths,
            re.compile(f"/(?:{_alternatives(glob.name + _end(glob) for glob in of_names)})"),
            re.compile(_alternatives(glob.path + _end(glob) for glob in of_paths)),
        )

    def match(self, subject: str) -> Glob | None:
        """Return a pattern that matches; a folder's path ends with a slash."""
        if self.of_names and (found := self.names.search(subject)) and found.lastindex:
            return self.of_names[found.lastindex - 1]
        if self.of_paths and (found := self.paths.match(subject)) and found.lastindex:
            return self.of_paths[found.lastindex - 1]
        return None


def _end(glob: Glob) -> str:
    return "(?=/)" if glob.folders_only else r"(?=/|\Z)"


class IgnoreRules(msgspec.Struct, frozen=True):
    """The lines of a .gitignore-style file: of those that match an entry the last one decides, and `!` takes it back in.

    As in Git, what lies in an excluded folder cannot be taken back in.
    """

    globs: tuple[Glob, ...]
    negated: tuple[bool, ...]
    excluding: GlobSet  # most paths match none of these and need no closer look
    exact: re.Pattern[str]  # all, the last one first

    @classmethod
    def of(cls, rules: Iterable[tuple[Glob, bool]]) -> Self:
        """Compile patterns, each with whether it takes entries back in."""
        rules = tuple(reversed(tuple(rules)))
        return cls(
            tuple(glob for glob, _ in rules),
            tuple(negated for _, negated in rules),
            GlobSet.of(glob for glob, negated in rules if not negated),
            re.compile(_alternatives(glob.exact for glob, _ in rules)),
        )

    def match(self, subject: str) -> Glob | None:
        """Return the pattern that excludes a path; a folder's path ends with a slash."""
        found = self.excluding.match(subject)
        if found is None or not any(self.negated):
            return found
        for slash in re.finditer("/", subject[1:]):
            if (glob := self._deciding(subject, slash.end() + 1)) is not None:
                return glob
        return None if subject.endswith("/") else self._deciding(subject, len(subject))

    def _deciding(self, subject: str, end: int) -> Glob | None:
        """Return the pattern that excludes what the first `end` characters name, unless a later one takes it back in."""
        found = self.exact.match(subject, 0, end)
        if found is None or found.lastindex is None or self.negated[found.lastindex - 1]:
            return None
        return self.globs[found.lastindex - 1]


def _alternatives(bodies: Iterable[str]) -> str:
    """Join regular expressions so that the number of the one that matched is the match's `lastindex`."""
    return "|".join(f"{body}()" for body in bodies)
