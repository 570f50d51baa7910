"""SFTP version 3 on the wire: packets packed and unpacked, every length checked against what really arrived.

The protocol is draft-ietf-secsh-filexfer-02, the version that every server speaks; later versions are not asked for.
"""

from __future__ import annotations

import enum
import struct
from typing import Final

import msgspec

from mover.errors import ProtocolViolation

VERSION: Final = 3
LONGEST_ANSWER: Final = 1 << 20
"""Bytes of one answer at most; OpenSSH itself never sends more than 256 KiB, and no more than that is asked for."""

_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")
_HEADER = struct.Struct(">IBI")
_USUAL_ATTRIBUTES = struct.Struct(">QIIIII")


class Call(enum.IntEnum):
    """Packet types that ask (section 3)."""

    INIT = 1
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    SETSTAT = 9
    FSETSTAT = 10
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    REALPATH = 16
    STAT = 17
    RENAME = 18
    READLINK = 19
    EXTENDED = 200


class Answer(enum.IntEnum):
    """Packet types that answer (section 3)."""

    VERSION = 2
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED_REPLY = 201


class Opening(enum.IntFlag):
    """How to open a file (section 6.3)."""

    READ = 0x01
    WRITE = 0x02
    CREATE = 0x08
    TRUNCATE = 0x10


class _Has(enum.IntFlag):
    """Which attributes follow (section 5)."""

    SIZE = 0x00000001
    OWNER = 0x00000002
    PERMISSIONS = 0x00000004
    TIMES = 0x00000008
    EXTENDED = 0x80000000


_KNOWN = int(_Has.SIZE | _Has.OWNER | _Has.PERMISSIONS | _Has.TIMES | _Has.EXTENDED)
_USUAL = int(_Has.SIZE | _Has.OWNER | _Has.PERMISSIONS | _Has.TIMES)


class Attributes(msgspec.Struct, frozen=True):
    """What a server tells about a file, or is told to set. None: not told.

    Attributes:
        size: In bytes.
        permissions: Mode bits with the file type, as in POSIX `st_mode`.
        modified_s: Whole seconds since 1970 UTC, unsigned 32 bit.
    """

    size: int | None = None
    permissions: int | None = None
    modified_s: int | None = None


class Name(msgspec.Struct, frozen=True):
    """One line of a listing; `long_name` is the line of `ls -l` that goes with it."""

    name: bytes
    long_name: bytes
    attributes: Attributes


def u32(value: int) -> bytes:
    """Pack an unsigned 32 bit number."""
    return _U32.pack(value)


def u64(value: int) -> bytes:
    """Pack an unsigned 64 bit number."""
    return _U64.pack(value)


def string(value: bytes) -> bytes:
    """Pack bytes with their length before them."""
    return _U32.pack(len(value)) + value


def attributes(values: Attributes) -> bytes:
    """Pack attributes to be set; the access time, which comes along, is set to the modified time."""
    flags = 0
    packed = b""
    if values.permissions is not None:
        flags |= _Has.PERMISSIONS
        packed += _U32.pack(values.permissions)
    if values.modified_s is not None:
        flags |= _Has.TIMES
        packed += _U32.pack(values.modified_s) * 2
    return _U32.pack(flags) + packed


def header(call: Call, number: int, size: int) -> bytes:
    """Pack what stands before the `size` bytes of a request: length, type, request number."""
    return _HEADER.pack(5 + size, call, number)


class Unpacker:
    """Takes an answer apart from the front. Raises ProtocolViolation when there is less than the answer claims."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """Bytes not taken yet."""
        return len(self._data) - self._at

    def u8(self) -> int:
        """Take one byte."""
        return self.raw(1)[0]

    def u32(self) -> int:
        """Take an unsigned 32 bit number."""
        return self._number(_U32)

    def u64(self) -> int:
        """Take an unsigned 64 bit number."""
        return self._number(_U64)

    def string(self) -> bytes:
        """Take bytes that have their length before them."""
        return self.raw(self.u32())

    def raw(self, size: int) -> bytes:
        """Take exactly `size` bytes."""
        end = self._at + size
        if end > len(self._data):
            raise ProtocolViolation("the server sent an answer that is shorter than it claims")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def attributes(self) -> Attributes:
        """Take the attributes of a file."""
        flags = self.u32()
        if flags == _USUAL and self.left >= _USUAL_ATTRIBUTES.size:
            size, _uid, _gid, permissions, _accessed, modified = _USUAL_ATTRIBUTES.unpack_from(
                self._data, self._at
            )
            self._at += _USUAL_ATTRIBUTES.size
            return Attributes(size, permissions, modified)
        if flags & ~_KNOWN:
            raise ProtocolViolation(
                f"the server sent attributes unknown to SFTP version 3 (flags {flags:#x})"
            )
        told_size = self.u64() if flags & _Has.SIZE else None
        if flags & _Has.OWNER:
            self.raw(8)
        told_permissions = self.u32() if flags & _Has.PERMISSIONS else None
        told_modified = None
        if flags & _Has.TIMES:
            self.raw(4)
            told_modified = self.u32()
        if flags & _Has.EXTENDED:
            for _ in range(self.u32()):
                self.string()
                self.string()
        return Attributes(told_size, told_permissions, told_modified)

    def names(self) -> list[Name]:
        """Take a list of names."""
        return [Name(self.string(), self.string(), self.attributes()) for _ in range(self.u32())]

    def _number(self, form: struct.Struct) -> int:
        if self.left < form.size:
            raise ProtocolViolation("the server sent an answer that is shorter than it claims")
        (number,) = form.unpack_from(self._data, self._at)
        self._at += form.size
        return int(number)
