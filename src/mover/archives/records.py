"""The records of a ZIP archive: PKWARE's APPNOTE.TXT 6.3.10, section 4.3, and Info-ZIP's extended timestamp.

Contents are stored, not deflated: so the length of every piece is known from names and sizes alone, a file has its place in
the archive before it is read, and reading goes on in the middle of it. Small files have their sums in the header in front of
them, large ones in a descriptor behind them.

     header │ content │ descriptor │ header │ ...  │ zeros │ directory │ (zip64 end, locator) │ end
            └ of large files ┘                       └ as many as the directory lacks of what it could have become
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass

SMALL = 256 << 10  # bytes: files up to it are read whole before they are archived
_32 = 0xFFFFFFFF
_16 = 0xFFFF
_UTF8 = 1 << 11
_DESCRIBED = 1 << 3
_PLAIN_VERSION, _ZIP64_VERSION = 20, 45
_UNIX = 3 << 8
_FILE_MODE, _FOLDER_MODE = 0o100644 << 16, 0o040755 << 16 | 0x10
_TIME_EXTRA = struct.Struct("<HHBi")
_LOCAL_ZIP64 = struct.Struct("<HHQQ")
_CENTRAL_ZIP64 = struct.Struct("<HHQQQ")
_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_DESCRIPTOR, _DESCRIPTOR64 = struct.Struct("<IIII"), struct.Struct("<IIQQ")
_END, _END64, _LOCATOR = (
    struct.Struct("<IHHHHIIH"),
    struct.Struct("<IQHHIIQQQQ"),
    struct.Struct("<IIQI"),
)
_YEARS = (1980, 2107)


@dataclass(frozen=True)
class Limits:
    """From where on numbers need the fields of zip64: sizes and offsets in bytes, and the number of members."""

    size: int = _32
    count: int = _16


ZIP = Limits()


@dataclass(frozen=True, kw_only=True)
class Member:
    """One member as it is planned.

    Attributes:
        name: In the archive.
        size: Bytes kept for it; what is read may be less.
        folder: It is one.
        limits: From where on it needs zip64.
    """

    name: str
    size: int
    folder: bool
    limits: Limits = ZIP

    @property
    def described(self) -> bool:
        """Its sums stand behind it."""
        return self.size > SMALL

    @property
    def wide(self) -> bool:
        """Its size needs zip64."""
        return self.size >= self.limits.size

    @property
    def header_size(self) -> int:
        """Bytes in front of its content."""
        return _LOCAL.size + len(self._name) + _TIME_EXTRA.size + (_LOCAL_ZIP64.size if self.wide else 0)

    @property
    def slot_size(self) -> int:
        """Bytes that it takes among the members."""
        behind = _DESCRIPTOR64 if self.wide else _DESCRIPTOR
        return self.header_size + self.size + (behind.size if self.described else 0)

    def record_size(self, position: int) -> int:
        """Bytes that it takes in the directory, if its header stands at `position`."""
        wide = _CENTRAL_ZIP64.size if self._far(position) else 0
        return _CENTRAL.size + len(self._name) + _TIME_EXTRA.size + wide

    def header(self, size: int, crc32: int, modified_ns: int | None) -> bytes:
        """What stands in front of the content. Size and sum count for small members only."""
        if self.described:
            size = crc32 = 0
        sizes = (_32, _32) if self.wide else (size, size)
        extra = (_LOCAL_ZIP64.pack(1, 16, size, size) if self.wide else b"") + _time_extra(modified_ns)
        fields = (self._version, self._flags, 0, *_dos_time(modified_ns), crc32, *sizes)
        return _LOCAL.pack(0x04034B50, *fields, len(self._name), len(extra)) + self._name + extra

    def descriptor(self, size: int, crc32: int) -> bytes:
        """What stands behind the content."""
        if not self.described:
            return b""
        behind = _DESCRIPTOR64 if self.wide else _DESCRIPTOR
        return behind.pack(0x08074B50, crc32, size, size)

    def record(self, size: int, crc32: int, position: int, modified_ns: int | None) -> bytes:
        """What stands in the directory. `position` is that of the header, in bytes from the start."""
        far = self._far(position)
        extra = (_CENTRAL_ZIP64.pack(1, 24, size, size, position) if far else b"") + _time_extra(modified_ns)
        version = _ZIP64_VERSION if far else _PLAIN_VERSION
        fields = (_UNIX | version, version, self._flags, 0, *_dos_time(modified_ns), crc32)
        sizes, place = ((_32, _32), _32) if far else ((size, size), position)
        mode = _FOLDER_MODE if self.folder else _FILE_MODE
        lengths = (len(self._name), len(extra), 0, 0, 0)
        return _CENTRAL.pack(0x02014B50, *fields, *sizes, *lengths, mode, place) + self._name + extra

    def _far(self, position: int) -> bool:
        return self.wide or position >= self.limits.size

    @property
    def _name(self) -> bytes:
        return self.name.encode()

    @property
    def _flags(self) -> int:
        return _UTF8 | (_DESCRIBED if self.described else 0)

    @property
    def _version(self) -> int:
        return _ZIP64_VERSION if self.wide else _PLAIN_VERSION


def end_size(members: int, size: int, limits: Limits = ZIP) -> int:
    """Bytes behind the directory of an archive of so many members, whose members and directory take `size` bytes."""
    wide = members >= limits.count or size >= limits.size
    return _END.size + (_END64.size + _LOCATOR.size if wide else 0)


def end(planned: tuple[int, int], *, members: int, position: int, size: int, limits: Limits = ZIP) -> bytes:
    """What stands behind the directory.

    Args:
        planned: What `end_size` was asked: by it the form is chosen, whatever was left out since.
        members: Of the directory.
        position: Where it begins, in bytes.
        size: Its size in bytes.
        limits: From where on zip64 is needed.
    """
    if planned[0] < limits.count and planned[1] < limits.size:
        return _END.pack(0x06054B50, 0, 0, members, members, size, position, 0)
    about = (_UNIX | _ZIP64_VERSION, _ZIP64_VERSION, 0, 0, members, members, size, position)
    return (
        _END64.pack(0x06064B50, _END64.size - 12, *about)
        + _LOCATOR.pack(0x07064B50, 0, position + size, 1)
        + _END.pack(0x06054B50, 0, 0, _16, _16, _32, _32, 0)
    )


def _time_extra(modified_ns: int | None) -> bytes:
    """The modified time to the second, in UTC. Its length is the same where there is none, or none that fits."""
    seconds = None if modified_ns is None else modified_ns // 1_000_000_000
    if seconds is None or not -(1 << 31) <= seconds < 1 << 31:
        return _TIME_EXTRA.pack(0x5455, 5, 0, 0)
    return _TIME_EXTRA.pack(0x5455, 5, 1, seconds)


def _dos_time(modified_ns: int | None) -> tuple[int, int]:
    """Time and date as DOS had them, in UTC, to two seconds."""
    at = time.gmtime((modified_ns or 0) // 1_000_000_000)
    if modified_ns is None or at.tm_year < _YEARS[0]:
        return 0, 1 << 5 | 1
    if at.tm_year > _YEARS[1]:
        return 23 << 11 | 59 << 5 | 29, (_YEARS[1] - _YEARS[0]) << 9 | 12 << 5 | 31
    date = (at.tm_year - _YEARS[0]) << 9 | at.tm_mon << 5 | at.tm_mday
    return at.tm_hour << 11 | at.tm_min << 5 | min(at.tm_sec, 59) // 2, date
