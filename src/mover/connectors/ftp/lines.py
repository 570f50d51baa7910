"""Lines of LIST, whose form no standard fixes: those of Unix's `ls -l`, and those of DOS.

Times in them have no zone and are taken for UTC; they are of minutes for files of the last months and of days for older
ones. `RESOLUTION_NS` allows for both.
"""

from __future__ import annotations

import re
from typing import Final

from mover.connectors.ftp.facts import SECOND_NS, Facts, instant_ns, read_size
from mover.entries import EntryKind
from mover.errors import ProtocolViolation

RESOLUTION_NS: Final = 2 * 86_400 * SECOND_NS
"""A day, and the clocks of the zones of the earth."""

_UNIX = re.compile(
    rb"(?P<kind>[-dlbcpsDC])[-rwxsStTlL]{9}[+@.]? .*?\s(?P<size>\d{1,19}) +"
    rb"(?:(?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) +(?:(?P<hour>\d{1,2}):(?P<minute>\d\d)|(?P<year>\d{4}))"
    rb"|(?P<date>\d{4}-\d\d-\d\d) (?P<clock>\d\d:\d\d)(?::\d\d)?(?:\.\d+)?(?: [+-]\d{4})?) (?P<name>.+)",
    re.ASCII | re.DOTALL,
)
_DOS = re.compile(
    rb"(?P<a>\d\d)-(?P<b>\d\d)-(?P<c>\d{4}|\d\d) +(?P<hour>\d\d):(?P<minute>\d\d)(?P<half>[AP]M)? +"
    rb"(?:(?P<size>[\d,]{1,25}) |<(?P<what>[A-Z]+)> {1,10})(?P<name>.+)",
    re.ASCII | re.DOTALL,
)
_TOTAL = re.compile(rb"total \d+[KMGkmg]?", re.ASCII)
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_KINDS = {b"-": EntryKind.FILE, b"d": EntryKind.FOLDER, b"l": EntryKind.SHORTCUT}
_DOS_KINDS = {b"DIR": EntryKind.FOLDER}
_ARROW = b" -> "
_DAY_NS = 86_400 * SECOND_NS
_NOON = 12
_CENTURY_TURNS = 70


def read_line(line: bytes, now_ns: int) -> tuple[bytes, Facts] | None:
    """Read one line; None for one that lists nothing (`total 12`). Raises ProtocolViolation for one of another form.

    `now_ns` decides the year of a date without one.
    """
    if not line.strip() or _TOTAL.fullmatch(line.strip()):
        return None
    if (found := _UNIX.fullmatch(line)) is not None:
        return _unix(found, now_ns)
    if (found := _DOS.fullmatch(line)) is not None:
        return _dos(found)
    raise ProtocolViolation(
        "the server lists its files in a form that is not understood",
        said=line[:200].decode("utf-8", "replace"),
    )


def _unix(found: re.Match[bytes], now_ns: int) -> tuple[bytes, Facts]:
    kind = _KINDS.get(found["kind"], EntryKind.SPECIAL)
    name, target = found["name"], None
    if kind is EntryKind.SHORTCUT:
        name, arrow, leads_to = name.partition(_ARROW)
        target = leads_to if arrow else None
    facts = Facts(
        kind=kind,
        size=read_size(found["size"]) if kind is EntryKind.FILE else None,
        modified_ns=_unix_time(found, now_ns),
        target=target,
        is_exact=False,
        is_itself=name in {b".", b".."},
    )
    return name, facts


def _unix_time(found: re.Match[bytes], now_ns: int) -> int | None:
    if found["date"] is not None:
        year, month, day = (int(part) for part in found["date"].split(b"-"))
        hour, minute = (int(part) for part in found["clock"].split(b":"))
        return instant_ns(year, month, day, hour, minute, 0)
    if found["month"] not in _MONTHS:
        return None
    month, day = _MONTHS.index(found["month"]) + 1, int(found["day"])
    if found["year"] is not None:
        return instant_ns(int(found["year"]), month, day, 0, 0, 0)
    return _latest(month, day, int(found["hour"]), int(found["minute"]), now_ns)


def _latest(month: int, day: int, hour: int, minute: int, now_ns: int) -> int | None:
    """Return the last such moment that is not in the future, save for the clock of another zone."""
    this_year = 1970 + now_ns // (365 * _DAY_NS + _DAY_NS // 4)
    for year in range(this_year + 1, this_year - 9, -1):  # the 29th of February is up to eight years back
        moment = instant_ns(year, month, day, hour, minute, 0)
        if moment is not None and moment <= now_ns + _DAY_NS:
            return moment
    return None


def _dos(found: re.Match[bytes]) -> tuple[bytes, Facts]:
    month, day, year = int(found["a"]), int(found["b"]), int(found["c"])
    if len(found["c"]) == 2:  # noqa: PLR2004 - digits of a year without its century
        year += 2000 if year < _CENTURY_TURNS else 1900
    hour = int(found["hour"])
    if found["half"] is not None:
        hour = hour % _NOON + (_NOON if found["half"] == b"PM" else 0)
    size = found["size"]
    kind = EntryKind.FILE if size is not None else _DOS_KINDS.get(found["what"], EntryKind.SHORTCUT)
    facts = Facts(
        kind=kind,
        size=read_size(size.replace(b",", b"")) if size is not None else None,
        modified_ns=instant_ns(year, month, day, hour, int(found["minute"]), 0),
        is_exact=False,
        is_itself=found["name"] in {b".", b".."},
    )
    return found["name"], facts
