"""Lines of MLSD and MLST (RFC 3659, section 7)."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

from mover.entries import Entry, EntryKind
from mover.errors import ProtocolViolation

SECOND_NS: Final = 1_000_000_000

_TIME = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,9})\d*)?", re.ASCII)
_LARGEST_SIZE = (1 << 63) - 1
_LONGEST_SIZE = 19  # its digits
_KINDS = {
    b"file": EntryKind.FILE,
    b"dir": EntryKind.FOLDER,
    b"cdir": EntryKind.FOLDER,
    b"pdir": EntryKind.FOLDER,
}
_LINKS = (b"os.unix=slink", b"os.unix=symlink")
_HIMSELF = {b"cdir", b"pdir"}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LEAP_SECOND = 60


@dataclass(frozen=True)
class Facts:
    """What a server tells about one entry.

    Attributes:
        kind: What it is.
        size: In bytes, of files.
        modified_ns: Nanoseconds since 1970 UTC.
        target: Where a symbolic link leads, as the server spells it.
        is_itself: It is the listed folder, or the one above it.
        is_exact: The time is that of the file; else it is one of LIST, which is told in another form when it grows old.
    """

    kind: EntryKind
    size: int | None = None
    modified_ns: int | None = None
    target: bytes | None = None
    is_itself: bool = False
    is_exact: bool = True

    @property
    def version(self) -> str | None:
        """Time and size as the evidence of a file's content; FTP has nothing better."""
        if self.kind is not EntryKind.FILE or not self.is_exact or None in {self.modified_ns, self.size}:
            return None
        assert self.modified_ns is not None
        return f"{self.modified_ns // SECOND_NS}-{self.size}"

    def entry(self, name: str, target: str | None = None) -> Entry:
        """Describe it under a name."""
        is_file = self.kind is EntryKind.FILE
        return Entry(
            name=name,
            kind=self.kind,
            size=self.size if is_file else None,
            modified_ns=self.modified_ns,
            version=self.version,
            target=target,
        )


def read_line(line: bytes) -> tuple[bytes, Facts]:
    """Read `fact=value;fact=value; name`; a blank may stand before it. Raises ProtocolViolation."""
    line = line.removeprefix(b" ")
    told, blank, name = line.partition(b" ")
    if not told.endswith(b";") and any(link in told.lower() for link in _LINKS) and b"; " in line:
        told, blank, name = line.partition(b"; ")  # the link leads to a path with a blank
    facts: dict[bytes, bytes] = {}
    for fact in told.split(b";"):
        if fact:
            key, equals, value = fact.partition(b"=")
            if not equals:
                raise _not_understood(line)
            facts[key.lower()] = value
    if not blank or not facts:
        raise _not_understood(line)
    return name, _facts(facts)


def _facts(facts: dict[bytes, bytes]) -> Facts:
    told = facts.get(b"type", b"")
    kind = told.lower()
    target = None
    if kind.startswith(_LINKS):
        found, leads_to = EntryKind.SHORTCUT, told.partition(b":")[2]
        target = leads_to or None
    else:
        found = _KINDS.get(kind, EntryKind.SPECIAL)
    return Facts(
        kind=found,
        size=read_size(facts.get(b"size", b"")),
        modified_ns=read_time(facts.get(b"modify", b"")),
        target=target,
        is_itself=kind in _HIMSELF,
    )


def read_size(text: bytes) -> int | None:
    """Read a number of bytes; None if it is not that, or more than any file has."""
    size = int(text) if text.isdigit() and len(text) <= _LONGEST_SIZE else None
    return size if size is None or size <= _LARGEST_SIZE else None


def read_time(text: bytes) -> int | None:
    """Read `YYYYMMDDHHMMSS[.sss]` in UTC as nanoseconds since 1970, in whole seconds; None if it is not that.

    Fractions are left away: servers list them and then do not let them be set.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(found[index]) for index in range(1, 7))
    return instant_ns(year, month, day, hour, minute, second)


def instant_ns(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    """Return a moment in UTC as nanoseconds since 1970; None for one that no calendar has."""
    whole = min(second, _LEAP_SECOND - 1) if second <= _LEAP_SECOND else second
    try:
        moment = dt.datetime(year, month, day, hour, minute, whole, tzinfo=dt.UTC)
    except ValueError:
        return None
    return ((moment - _EPOCH) // dt.timedelta(seconds=1) + second - whole) * SECOND_NS


def write_time(ns: int) -> bytes | None:
    """Write a moment as `YYYYMMDDHHMMSS`, fractions dropped; None before 1970 and after 9999, which cannot be written."""
    if ns < 0:
        return None
    try:
        moment = _EPOCH + dt.timedelta(seconds=ns // SECOND_NS)
    except OverflowError:
        return None
    return moment.strftime("%Y%m%d%H%M%S").encode()


def _not_understood(line: bytes) -> ProtocolViolation:
    return ProtocolViolation(
        "the server lists what is no line of MLSD", said=line[:200].decode("utf-8", "replace")
    )
