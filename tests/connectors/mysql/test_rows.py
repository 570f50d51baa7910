"""Rows are read as the protocol has them, and what is none is an error."""

from __future__ import annotations

import io
import socket
import struct
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysql.err import MySQLError

from mover.connectors.mysql.rows import rows_of
from mover.errors import ProtocolViolation

END = b"\xfe\0\0\x02\0"


def value(raw: bytes | None) -> bytes:
    if raw is None:
        return b"\xfb"
    size = len(raw)
    if size < 251:
        return bytes([size]) + raw
    if size < 1 << 16:
        return b"\xfc" + struct.pack("<H", size) + raw
    if size < 1 << 24:
        return b"\xfd" + struct.pack("<I", size)[:3] + raw
    return b"\xfe" + struct.pack("<Q", size) + raw


def packets(*payloads: bytes, first: int = 5) -> bytes:
    sent, number = b"", first
    for payload in payloads:
        left: bytes | None = payload
        while left is not None:
            piece, rest = left[:0xFFFFFF], left[0xFFFFFF:]
            sent += struct.pack("<I", len(piece))[:3] + bytes([number & 0xFF]) + piece
            number += 1
            left = rest if len(piece) == 0xFFFFFF else None
    return sent


def read(stream: Any) -> tuple[list[tuple], Any]:
    connection = SimpleNamespace(_rfile=stream, _next_seq_id=5, closed=False)
    connection._force_close = lambda: setattr(connection, "closed", True)
    result = SimpleNamespace(unbuffered_active=True, connection=connection)
    cursor: Any = SimpleNamespace(_result=result)
    try:
        return list(rows_of(connection, cursor)), result
    finally:
        assert connection.closed or not result.unbuffered_active


@given(st.lists(st.lists(st.none() | st.binary(max_size=300), min_size=1, max_size=5), max_size=20))
def test_rows_of_any_values_are_read(rows: list[list[bytes | None]]) -> None:
    sent = packets(*(b"".join(map(value, row)) for row in rows), END)
    found, result = read(io.BytesIO(sent))
    assert found == [tuple(row) for row in rows]
    assert not result.unbuffered_active


@pytest.mark.parametrize("size", [250, 251, 65_535, 65_536, 0xFFFFFF - 4, 0xFFFFFF + 10, 2 * 0xFFFFFF])
def test_values_of_any_length_are_read(size: int) -> None:
    found, _ = read(io.BytesIO(packets(value(bytes(size)) + value(b"x"), END)))
    assert found == [(bytes(size), b"x")]


def test_error_in_the_middle_is_raised() -> None:
    with pytest.raises(MySQLError, match="interrupted"):
        read(io.BytesIO(packets(value(b"a"), b"\xff" + struct.pack("<H", 1317) + b"#70100interrupted")))


@pytest.mark.parametrize(
    "sent",
    [
        packets(b""),
        packets(b"\x05abc"),
        packets(b"\xfc\x01"),
        packets(b"a\xff\x01\x02\x03\x04"),
        packets(value(b"a"), first=6),
    ],
)
def test_row_that_is_none_is_a_violation(sent: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        read(io.BytesIO(sent + packets(END)))


@pytest.mark.parametrize("sent", [b"", b"\x05", packets(value(b"abcdef"))[:-1], packets(value(b"a"))])
def test_connection_that_ends_in_a_row_or_before_the_last_is_an_error(sent: bytes) -> None:
    with pytest.raises(MySQLError):
        read(io.BytesIO(sent))


def test_silence_is_told_from_an_end() -> None:
    here, there = socket.socketpair()
    with here, there:
        here.settimeout(0.05)
        with here.makefile("rb") as stream, pytest.raises(MySQLError) as caught:
            read(stream)
    assert isinstance(caught.value.__context__, TimeoutError)
