"""Syslog: RFC 5424 messages over UDP (RFC 5426), TCP (RFC 6587, octet counting), TLS (RFC 5425) or a local socket."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import socket
import struct
import termios
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlsplit

from mover.errors import TimedOut, Unreachable
from mover.transport.egress import Egress

_LOG_AUDIT, _NOTICE = 13, 5
_PRIORITY = _LOG_AUDIT * 8 + _NOTICE
_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}
_SENDING_S = 20.0
_LOOK_S = 0.01
_NOT_PRINTED = re.compile(r"[^!-~]+")


class Line(Protocol):
    """A way to a receiver. Used by one task at a time."""

    async def send(self, messages: Sequence[bytes]) -> None:
        """Hand messages over, as surely as the way can tell. Raises MoverError; then some may have arrived."""

    async def close(self) -> None:
        """Hang up. Idempotent."""


def message(text: str, kind: str, at_ns: int, *, host: str, process: int) -> bytes:
    """Spell a message (RFC 5424, section 6).

    Args:
        text: In ASCII.
        kind: Its MSGID: at most 32 printable characters, others are left out.
        at_ns: When it happened.
        host: Of this machine.
        process: Whose it is.
    """
    when = datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    header = f"<{_PRIORITY}>1 {when} {_word(host, 255)} mover {process} {_word(kind, 32)} - "
    return (header + text).encode("ascii", "replace")


def _word(text: str, longest: int) -> str:
    return _NOT_PRINTED.sub("", text)[:longest] or "-"


def line_to(url: str, egress: Egress) -> Line:
    """Make the way to a receiver: `udp://host[:port]`, `tcp://`, `tls://`, `unix:///path`. Opened when it is used."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        path = parts.path
        return DatagramLine(lambda: asyncio.to_thread(_local, path))
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    if parts.scheme == "udp":
        return DatagramLine(lambda: egress.datagrams(host, port))
    return StreamLine(host, port, egress, tls=parts.scheme == "tls")


class DatagramLine:
    """One message, one datagram: what becomes of it nobody says, unless the receiver is on this machine.

    Args:
        connect: Makes a connected socket.
    """

    def __init__(self, connect: Callable[[], Awaitable[socket.socket]]) -> None:
        self._connect = connect
        self._socket: socket.socket | None = None

    async def send(self, messages: Sequence[bytes]) -> None:
        """See `Line`."""
        if self._socket is None:
            self._socket = await self._connect()
        try:
            await asyncio.to_thread(_send_each, self._socket, messages)
        except OSError as error:
            await self.close()
            raise Unreachable(f"syslog does not take messages: {error.strerror or error}") from error

    async def close(self) -> None:
        """See `Line`."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class StreamLine:
    """TCP, with or without TLS. A message counts as handed over when the receiver's machine has confirmed its bytes.

    That is as much as TCP tells: what a receiver lost after that, its own crash for instance, is not sent again.
    """

    def __init__(self, host: str, port: int, egress: Egress, *, tls: bool) -> None:
        self._host = host
        self._port = port
        self._egress = egress
        self._tls = tls
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter, int] | None = None

    async def send(self, messages: Sequence[bytes]) -> None:
        """See `Line`."""
        if self._open is not None and self._open[0].at_eof():
            await self.close()
        try:
            async with asyncio.timeout(_SENDING_S):
                if self._open is None:
                    self._open = await self._connected()
                reader, writer, descriptor = self._open
                writer.write(b"".join(b"%d %s" % (len(one), one) for one in messages))
                await writer.drain()
                while writer.transport.get_write_buffer_size() or _unconfirmed(descriptor):
                    if reader.at_eof():
                        raise ConnectionResetError("the receiver has hung up")
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError as error:
            await self.close()
            raise TimedOut(f"syslog took no messages within {_SENDING_S:.0f} s") from error
        except OSError as error:
            await self.close()
            raise Unreachable(f"syslog does not take messages: {error.strerror or error}") from error

    async def close(self) -> None:
        """See `Line`."""
        if self._open is not None:
            _, writer, _ = self._open
            self._open = None
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await writer.wait_closed()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, int]:
        connected = await self._egress.connect(self._host, self._port)
        try:
            descriptor = connected.fileno()
            reader, writer = await asyncio.open_connection(
                sock=connected,
                ssl=self._egress.tls() if self._tls else None,
                server_hostname=self._host if self._tls else None,
            )
        except BaseException:
            connected.close()
            raise
        return reader, writer, descriptor


def _unconfirmed(descriptor: int) -> int:
    """Bytes that the kernel has sent or not, and nobody has confirmed (tcp(7), SIOCOUTQ)."""
    found: int = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, b"\0" * 4))[0]
    return found


def _local(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.settimeout(_SENDING_S)
    try:
        made.connect(path)
    except OSError as error:
        made.close()
        raise Unreachable(f"there is no syslog at {path}: {os.strerror(error.errno or 0)}") from error
    return made


def _send_each(connected: socket.socket, messages: Sequence[bytes]) -> None:
    for one in messages:
        connected.send(one)
