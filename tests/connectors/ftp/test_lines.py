"""Lines of LIST and MLSD, as servers write them and as an attacker might."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.connectors.ftp import facts, lines
from mover.connectors.ftp.facts import SECOND_NS, Facts
from mover.entries import EntryKind
from mover.errors import ProtocolViolation

NOW = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)
NOW_NS = int(NOW.timestamp()) * SECOND_NS
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
NAMES = st.binary(min_size=1, max_size=40).filter(lambda name: not set(name) & set(b"/\0\r\n"))
SIZES = st.integers(0, 10**18)
MOMENTS = st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2026, 3, 10), timezones=st.just(dt.UTC))  # noqa: DTZ001 - the zone comes with it


def ns(moment: dt.datetime) -> int:
    return int(moment.timestamp()) * SECOND_NS


def unix(moment: dt.datetime, now: dt.datetime) -> bytes:
    """Write a date as `ls -l` does: time of the day for half a year, then the year."""
    recent = now - dt.timedelta(days=182) < moment <= now
    last = f"{moment:%H:%M}" if recent else f" {moment.year}"
    return f"{MONTHS[moment.month - 1]} {moment.day:>2} {last}".encode()


@given(
    NAMES, SIZES, MOMENTS, st.sampled_from([b"alice    users  ", b"alice    domain users", b"1001 ", b"- -"])
)
def test_file_of_unix_is_read_with_every_name(
    name: bytes, size: int, moment: dt.datetime, owner: bytes
) -> None:
    line = b"-rw-r--r--   1 %b %d %b %b" % (owner, size, unix(moment, NOW), name)
    read = lines.read_line(line, NOW_NS)
    assert read is not None
    found, told = read
    assert (found, told.kind, told.size) == (name, EntryKind.FILE, size)
    assert told.modified_ns is not None
    assert abs(told.modified_ns - ns(moment)) < lines.RESOLUTION_NS


@given(NAMES, SIZES, MOMENTS, st.sampled_from(["%m-%d-%Y", "%m-%d-%y"]))
def test_file_of_dos_is_read_with_every_name(name: bytes, size: int, moment: dt.datetime, form: str) -> None:
    day = moment.strftime(form).encode()
    line = b"%b  %b %20d %b" % (day, moment.strftime("%I:%M%p").encode(), size, name)
    read = lines.read_line(line, NOW_NS)
    assert read == (
        name,
        Facts(kind=EntryKind.FILE, size=size, modified_ns=ns(moment.replace(second=0)), is_exact=False),
    ) or (name in {b".", b".."})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"total 12", None),
        (b"", None),
        (b"drwxr-xr-x  2 a b 4096 Jan  5 10:00 folder", (b"folder", EntryKind.FOLDER, None, None)),
        (b"-rw-r--r--  1 a b 7 Jan  5 10:00 a -> b", (b"a -> b", EntryKind.FILE, 7, None)),
        (b"lrwxrwxrwx  1 a b 4 Jan  5 10:00 link -> to it", (b"link", EntryKind.SHORTCUT, None, b"to it")),
        (b"crw-rw----  1 a b 4, 64 Jan  5 10:00 tty", (b"tty", EntryKind.SPECIAL, None, None)),
        (b"-rw-r--r--+ 1 a b 7 Jan  5 10:00   three blanks", (b"  three blanks", EntryKind.FILE, 7, None)),
        (b"-rw-r--r--  1 a b 7 2026-01-05 10:00 iso", (b"iso", EntryKind.FILE, 7, None)),
        (
            b"-rw-r--r--  1 a b 7 Jan  5 10:00 5 Jan  5 10:00 x",
            (b"5 Jan  5 10:00 x", EntryKind.FILE, 7, None),
        ),
        (b"01-05-26  10:00AM       <DIR>          folder", (b"folder", EntryKind.FOLDER, None, None)),
        (b"01-05-26  10:00AM       <JUNCTION>     link", (b"link", EntryKind.SHORTCUT, None, None)),
        (b"01-05-2026  10:00            1,234 grouped", (b"grouped", EntryKind.FILE, 1234, None)),
    ],
)
def test_lines_of_known_servers(line: bytes, expected: tuple[object, ...] | None) -> None:
    read = lines.read_line(line, NOW_NS)
    if expected is None:
        assert read is None
        return
    assert read is not None
    name, told = read
    assert (name, told.kind, told.size, told.target) == expected
    assert told.modified_ns in {None, ns(dt.datetime(2026, 1, 5, 10, 0, tzinfo=dt.UTC))}


def test_date_without_a_year_is_the_last_such_day() -> None:
    def year(line: bytes) -> int:
        read = lines.read_line(b"-rw-r--r-- 1 a b 1 " + line + b" x", NOW_NS)
        assert read is not None
        assert read[1].modified_ns is not None
        return dt.datetime.fromtimestamp(read[1].modified_ns / SECOND_NS, dt.UTC).year

    assert year(b"Mar 10 11:59") == 2026
    assert year(b"Mar 11 11:00") == 2026  # another zone is ahead
    assert year(b"Mar 12 00:00") == 2025
    assert year(b"Dec 31 23:59") == 2025
    assert year(b"Feb 29 10:00") == 2024


def test_size_that_no_file_has_is_none() -> None:
    for size in (b",", b"9,999,999,999,999,999,999"):
        found = lines.read_line(b"01-01-20  10:00AM  " + size + b" name", NOW_NS)
        assert found is not None
        assert found[1].size is None
    found = lines.read_line(b"-rw-r--r-- 1 a b 9999999999999999999 Jan  1  2020 name", NOW_NS)
    assert found is not None
    assert found[1].size is None
    assert facts.read_size(b"%d" % (2**63 - 1)) == 2**63 - 1


@given(st.binary(max_size=200))
def test_no_bytes_make_the_readers_fail_in_another_way(line: bytes) -> None:
    with suppress(ProtocolViolation):
        lines.read_line(line, NOW_NS)
    with suppress(ProtocolViolation):
        facts.read_line(line)


@given(NAMES, SIZES, MOMENTS)
def test_line_of_mlsd_is_read_with_every_name(name: bytes, size: int, moment: dt.datetime) -> None:
    written = facts.write_time(ns(moment))
    assert written is not None
    line = b"Type=file;Size=%d;Modify=%b.123;Perm=r; %b" % (size, written, name)
    assert facts.read_line(line) == (name, Facts(kind=EntryKind.FILE, size=size, modified_ns=ns(moment)))


@pytest.mark.parametrize(
    ("told", "kind", "target"),
    [
        (b"type=dir;", EntryKind.FOLDER, None),
        (b"type=cdir;sizd=4096;", EntryKind.FOLDER, None),
        (b"type=OS.unix=slink:/to/it;", EntryKind.SHORTCUT, b"/to/it"),
        (b"type=OS.unix=slink:/to it/all of it;size=4;", EntryKind.SHORTCUT, b"/to it/all of it"),
        (b"type=OS.unix=symlink;", EntryKind.SHORTCUT, None),
        (b"type=OS.unix=chr-13/29;", EntryKind.SPECIAL, None),
        (b"size=5;", EntryKind.SPECIAL, None),
    ],
)
def test_kinds_of_mlsd(told: bytes, kind: EntryKind, target: bytes | None) -> None:
    name, found = facts.read_line(told + b" na me")
    assert (name, found.kind, found.target) == (b"na me", kind, target)


@pytest.mark.parametrize(
    "text", [b"20261332000000", b"20260230000000", b"20260101250000", b"now", b"2026", b"-" * 14]
)
def test_moment_that_no_calendar_has_is_none(text: bytes) -> None:
    assert facts.read_time(text) is None


@pytest.mark.parametrize("moment_ns", [-1, 10**30])
def test_moment_that_cannot_be_written_is_none(moment_ns: int) -> None:
    assert facts.write_time(moment_ns) is None
