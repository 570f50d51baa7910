"""Which entries of the source move: by pattern, by list, by size and by time.

Paths are those below the root of the move, with a leading slash. An entry moves when nothing speaks against it:

1. `files_from` lists paths; only they move, a folder's path standing for all that is in it.
2. `exclude` and `filter_from` patterns keep entries out, folders with all that is in them.
3. Where there is an `include` pattern, a file must match one. `exclude` wins over it.
4. Sizes (both limits included) and modified times (from `after`, up to but without `before`) apply to all but folders.
   What the source does not tell cannot be judged, and moves.

`mover.transfer.globs` describes the patterns.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import msgspec

from mover.entries import Entry, EntryKind, clean_path, parent_path
from mover.errors import InvalidConfiguration
from mover.naming import text_from_bytes
from mover.transfer.globs import BadPattern, Glob, GlobSet, IgnoreRules
from mover.transfer.measures import parse_moment, parse_size

__all__ = ["Filters", "parse_moment", "parse_size"]

_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # its byte order marks; never the beginning of UTF-8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Listed(msgspec.Struct, frozen=True):
    """An exact list of paths, and the folders on the way to them."""

    paths: frozenset[str]
    on_the_way: frozenset[str]

    @classmethod
    def of(cls, paths: Iterable[str]) -> Self:
        """Build from canonical paths."""
        paths = frozenset(paths)
        folders: set[str] = set()
        for path in paths:
            folder = parent_path(path)
            while folder not in folders:
                folders.add(folder)
                folder = parent_path(folder)
        return cls(paths, frozenset(folders))

    def holds(self, path: str) -> bool:
        """Tell whether the path or a folder above it is listed."""
        while path not in self.paths:
            if path == "/":
                return False
            path = parent_path(path)
        return True


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What moves and what does not. Made by `build`; immutable, comparable, fit for being sent to another process.

    Attributes:
        fingerprint: Equal for filters that let the same entries pass, wherever they were read from.
    """

    include: GlobSet | None = None
    exclude: GlobSet | None = None
    rules: IgnoreRules | None = None
    rules_file: str = ""
    listed: Listed | None = None
    min_size: int | None = None
    max_size: int | None = None
    modified_after_ns: int | None = None
    modified_before_ns: int | None = None
    fingerprint: str

    @classmethod
    def build(
        cls,
        *,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        filter_from: Path | None = None,
        files_from: Path | None = None,
        paths: Iterable[str] | None = None,
        min_size: int | None = None,
        max_size: int | None = None,
        modified_after_ns: int | None = None,
        modified_before_ns: int | None = None,
    ) -> Self:
        """Read and compile everything.

        Args:
            include: Patterns; a file must match one of them, if there are any.
            exclude: Patterns.
            filter_from: A .gitignore-style file of patterns that exclude: `#` begins a comment, `!` takes back in.
            files_from: A file of paths, one a line; blank lines and lines that begin with `#` do not count (`/#name` is
                a path). If it holds a NUL character, NUL separates, and every other character is part of a path.
            paths: Such a list that is no file, in canonical form; not together with `files_from`.
            min_size: In bytes.
            max_size: In bytes.
            modified_after_ns: Nanoseconds since 1970 UTC.
            modified_before_ns: Likewise.

        Raises:
            InvalidConfiguration: There are two lists, a file cannot be read, a pattern or a listed path cannot be what was meant, or limits
                leave nothing between them.
        """
        _check_order(min_size, max_size, "the smallest size is greater than the largest")
        _check_order(modified_after_ns, modified_before_ns, "the first modified time is later than the last")
        includes = [_glob(text, "include pattern") for text in include]
        excludes = [_glob(text, "exclude pattern") for text in exclude]
        rules = _read_rules(filter_from) if filter_from else []
        if files_from and paths is not None:
            raise InvalidConfiguration("one list of paths is enough: a single file needs no --files-from")
        exact = _read_list(files_from) if files_from else paths
        listed = None if exact is None else Listed.of(exact)
        meaning = (
            sorted(glob.text for glob in includes),
            sorted(glob.text for glob in excludes),
            [(glob.text, negated) for glob, negated in rules],
            None if listed is None else sorted(listed.paths),
            (min_size, max_size, modified_after_ns, modified_before_ns),
        )
        return cls(
            include=GlobSet.of(includes) if includes else None,
            exclude=GlobSet.of(excludes) if excludes else None,
            rules=IgnoreRules.of(rules) if rules else None,
            rules_file=filter_from.name if filter_from else "",
            listed=listed,
            min_size=min_size,
            max_size=max_size,
            modified_after_ns=modified_after_ns,
            modified_before_ns=modified_before_ns,
            fingerprint=hashlib.sha256(json.dumps(meaning).encode()).hexdigest()[:32],
        )

    @property
    def listed_paths(self) -> frozenset[str]:
        """The paths of `files_from`, so that those that were never seen can be reported; empty without a list."""
        return self.listed.paths if self.listed else frozenset()

    def verdict(self, path: str, entry: Entry) -> str | None:
        """Return None if the entry at `path` moves, else the reason why not, for the report."""
        if entry.kind is EntryKind.FOLDER:
            return self._verdict_on_folder(path)
        if self.listed and not self.listed.holds(path):
            return "not in the list of paths"
        return self._kept_out(path) or self._not_included(path) or self._out_of_limits(entry)

    def walks_into(self, path: str) -> bool:
        """Tell whether the folder at `path` is listed at all: something in it may move."""
        return self._verdict_on_folder(path) is None

    def _verdict_on_folder(self, path: str) -> str | None:
        if path == "/":
            return None
        if self.listed and path not in self.listed.on_the_way and not self.listed.holds(path):
            return "not in the list of paths"
        return self._kept_out(path + "/")

    def _kept_out(self, subject: str) -> str | None:
        if self.exclude and (glob := self.exclude.match(subject)):
            return f"excluded by {glob.text!r}"
        if self.rules and (glob := self.rules.match(subject)):
            return f"excluded by {glob.text!r} in {self.rules_file}"
        return None

    def _not_included(self, path: str) -> str | None:
        if self.include and self.include.match(path) is None:
            return "matches none of the include patterns"
        return None

    def _out_of_limits(self, entry: Entry) -> str | None:
        if (size := entry.size) is not None:
            if self.min_size is not None and size < self.min_size:
                return f"smaller than {self.min_size} bytes"
            if self.max_size is not None and size > self.max_size:
                return f"larger than {self.max_size} bytes"
        if (modified_ns := entry.modified_ns) is not None:
            if self.modified_after_ns is not None and modified_ns < self.modified_after_ns:
                return f"modified before {_moment(self.modified_after_ns)}"
            if self.modified_before_ns is not None and modified_ns >= self.modified_before_ns:
                return f"modified after {_moment(self.modified_before_ns)}"
        return None


def _moment(nanoseconds: int) -> str:
    return (_EPOCH + timedelta(microseconds=nanoseconds // 1000)).isoformat(timespec="seconds")


def _check_order(first: int | None, last: int | None, message: str) -> None:
    if first is not None and last is not None and first > last:
        raise InvalidConfiguration(message)


def _glob(text: str, where: str) -> Glob:
    try:
        text.encode()
        return Glob.parse(text)
    except UnicodeEncodeError:
        raise InvalidConfiguration(f"{where} {text!r}: it is not valid Unicode") from None
    except BadPattern as error:
        raise InvalidConfiguration(f"{where} {text!r}: {error}") from None


def _read(file: Path) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidConfiguration(f"cannot read {file}: {error.strerror or type(error).__name__}") from None
    if content.startswith(_UTF_16):
        raise InvalidConfiguration(f"{file} is UTF-16, as Windows PowerShell writes it; save it as UTF-8")
    return content.removeprefix(_BOM)


def _text(raw: bytes) -> str:
    """Decode a line: a spelling as Mover's reports show it stays as it is, bytes that are not UTF-8 are spelled."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return text_from_bytes(raw)


def _read_rules(file: Path) -> list[tuple[Glob, bool]]:
    """Read patterns, each with whether it takes entries back in (gitignore(5), "Pattern format")."""
    rules = []
    for number, raw in enumerate(_read(file).split(b"\n"), start=1):
        line = _without_trailing_blanks(_text(raw.removesuffix(b"\r")))
        if not line or line.startswith("#"):
            continue
        if "\0" in line:
            raise InvalidConfiguration(f"{file}, line {number}: a pattern must not contain a NUL character")
        negated = line.startswith("!")
        rules.append((_glob(line[negated:], f"{file}, line {number}: pattern"), negated))
    return rules


def _without_trailing_blanks(line: str) -> str:
    """Cut blanks at the end, all but one that a backslash stands before."""
    cut = line.rstrip(" ")
    backslashes = len(cut) - len(cut.rstrip("\\"))
    return cut + " " if backslashes % 2 and len(cut) < len(line) else cut


def _read_list(file: Path) -> list[str]:
    content = _read(file)
    if b"\0" in content:
        lines = content.split(b"\0")
    else:
        # What does not count becomes empty rather than vanish, so that numbers stay those of the file.
        lines = [b"" if line.startswith(b"#") else line.removesuffix(b"\r") for line in content.split(b"\n")]
    paths = []
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        try:
            paths.append(clean_path(_text(raw)))
        except ValueError as error:
            raise InvalidConfiguration(f"{file}, line {number}: {error}") from None
    return paths
