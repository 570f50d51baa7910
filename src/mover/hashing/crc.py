"""Cyclic redundancy checks, as S3 and Google Cloud Storage publish them.

CRC-32C and CRC-64/NVME come from the AWS Common Runtime (more than 50 GB/s a core with carry-less multiplication);
for CRC-32 zlib is the faster of the two, and lets go of the interpreter's lock. All three are big-endian when written
as text, as everywhere in these services.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from typing import cast

import msgspec

from mover.entries import HashName


class _Algorithm(msgspec.Struct, frozen=True):
    digits: int  # of the hexadecimal text
    extend: Callable[[bytes, int], int]  # (data, CRC so far) -> CRC
    combine: Callable[[int, int, int], int]  # (CRC of A, CRC of B, size of B) -> CRC of A + B


@functools.cache
def _algorithm(name: HashName) -> _Algorithm | None:
    # Imported here since loading it takes a tenth of a command's start, and many commands hash nothing.
    from awscrt import checksums  # type: ignore[import-untyped]  # noqa: PLC0415 - it ships no py.typed

    match name:
        case HashName.CRC32:
            return _Algorithm(8, zlib.crc32, checksums.combine_crc32)
        case HashName.CRC32C:
            return _Algorithm(8, checksums.crc32c, checksums.combine_crc32c)
        case HashName.CRC64NVME:
            return _Algorithm(16, checksums.crc64nvme, checksums.combine_crc64nvme)
        case _:
            return None


class Crc:
    """A running CRC of one of the three kinds."""

    __slots__ = ("_algorithm", "_name", "_value")

    def __init__(self, name: HashName) -> None:
        self._name = name
        algorithm = _algorithm(name)
        assert algorithm is not None
        self._algorithm = algorithm
        self._value = 0

    def update(self, data: bytes | memoryview, /) -> None:
        """Take the next bytes."""
        # Both libraries take any buffer, though their annotations name only bytes.
        self._value = self._algorithm.extend(cast("bytes", data), self._value)

    def hexdigest(self) -> str:
        """Return the CRC so far as lower-case hexadecimal text, all leading zeros kept."""
        return f"{self._value:0{self._algorithm.digits}x}"

    def copy(self) -> Crc:
        """Return an independent CRC that has taken the same bytes."""
        twin = Crc(self._name)
        twin._value = self._value
        return twin


def combine_crc(name: HashName, first: str, second: str, second_size: int) -> str:
    """Return the CRC of a concatenation, from the CRCs of its two pieces alone.

    With it the CRC of a whole file follows from the CRCs of parts that were hashed in any order.

    Args:
        name: One of CRC32, CRC32C, CRC64NVME.
        first: CRC of the piece that stands first, hexadecimal.
        second: CRC of the piece that follows, hexadecimal.
        second_size: Size of the piece that follows, in bytes.

    Raises:
        ValueError: `name` is not a CRC, a CRC is not hexadecimal text of the right length, or the size is negative.
    """
    algorithm = _algorithm(name)
    if algorithm is None:
        raise ValueError(f"{name} is not a CRC and cannot be combined")
    if second_size < 0:
        raise ValueError("a size cannot be negative")
    value = algorithm.combine(_parse(first, algorithm.digits), _parse(second, algorithm.digits), second_size)
    return f"{value:0{algorithm.digits}x}"


def _parse(text: str, digits: int) -> int:
    # Not int(text, 16) alone: that takes signs, underscores and blanks too.
    raw = bytes.fromhex(text)
    if len(text) != digits or len(raw) * 2 != digits:
        raise ValueError(f"a CRC of {digits} hexadecimal digits was expected")
    return int.from_bytes(raw, "big")
