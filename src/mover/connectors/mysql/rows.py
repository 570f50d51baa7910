"""Rows of a query, taken off the wire in one loop.

A dump consists of rows and of nothing else, and PyMySQL makes some twenty calls for each: 2.5 µs, of which this loop
needs a third. For that it knows what PyMySQL keeps to itself (`_rfile`, `_next_seq_id`, `_result`), in this module only.

The format is "Text Resultset" of the client/server protocol, https://mariadb.com/kb/en/resultset-row: packets of a
three-byte length, a sequence number, and values that each begin with their length.
"""
# ruff: noqa: SLF001 - see above

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from pymysql.constants import CR
from pymysql.cursors import SSCursor
from pymysql.err import OperationalError, raise_mysql_exception

from mover.errors import ProtocolViolation

_HEADER = 4
_LONGEST = 0xFFFFFF  # of a packet; a packet of this length goes on in the next one
_NULL, _TWO_BYTES, _THREE_BYTES, _EIGHT_BYTES = 0xFB, 0xFC, 0xFD, 0xFE  # what a length begins with
_END, _ERROR = 0xFE, 0xFF  # what other packets begin with
_LONGEST_END = 8

Row = tuple[Any, ...]
"""Of bytes, or None for NULL."""


def rows_of(connection: Any, cursor: SSCursor) -> Generator[Row, None, None]:
    """Yield the rows of the unbuffered query that a cursor has executed. Raises what PyMySQL raises, ProtocolViolation."""
    result: Any = cursor._result  # type: ignore[attr-defined]
    try:
        while result is not None and result.unbuffered_active:
            packet = _packet(connection)
            if packet[0] == _ERROR:
                result.unbuffered_active = False
                raise_mysql_exception(packet)
            if packet[0] == _END and len(packet) <= _LONGEST_END:
                result.unbuffered_active = False
                result.connection = None
                return
            yield _values(packet)
    except LookupError:
        connection._force_close()
        raise ProtocolViolation("the server sent a row that is none") from None


def _packet(connection: Any) -> bytes:
    read = connection._rfile.read
    whole = b""
    while True:
        try:
            header = read(_HEADER)
            size = header[0] | header[1] << 8 | header[2] << 16
            packet: bytes = read(size)
        except (OSError, LookupError) as error:
            connection._force_close()
            raise OperationalError(CR.CR_SERVER_LOST, "the connection broke") from error
        if len(packet) < size:
            connection._force_close()
            raise OperationalError(CR.CR_SERVER_LOST, "the connection broke")
        if header[3] != connection._next_seq_id:
            connection._force_close()
            raise ProtocolViolation("the server sent packets out of order")
        connection._next_seq_id = (header[3] + 1) & 0xFF
        if size < _LONGEST:
            return whole + packet if whole else packet
        whole += packet


def _values(packet: bytes) -> Row:
    values: list[bytes | None] = []
    at, end = 0, len(packet)
    while at < end:
        size = packet[at]
        at += 1
        if size == _NULL:
            values.append(None)
            continue
        if size >= _TWO_BYTES:
            more = {_TWO_BYTES: 2, _THREE_BYTES: 3, _EIGHT_BYTES: 8}[size]
            size = int.from_bytes(packet[at : at + more], "little")
            at += more
        values.append(packet[at : at + size])
        at += size
    if at != end:
        raise LookupError
    return tuple(values)
