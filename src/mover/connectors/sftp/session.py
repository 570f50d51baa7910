"""One SFTP session: requests go out without waiting for each other, answers find the requests they belong to.

Everything asked within one turn of the event loop leaves in as few SSH packets as possible: a packet costs about the
same processor time whether it carries one request or fifty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import asyncssh

from mover.connectors.sftp.failures import Refusal, Status, error_from_ssh
from mover.connectors.sftp.wire import LONGEST_ANSWER, VERSION, Answer, Call, Unpacker, header, string, u32
from mover.errors import MoverError, ProtocolViolation, TimedOut, Unreachable

T = TypeVar("T")

_PACKET = 32768  # RFC 4253, section 6.1: every implementation takes packets with this much in them
_MOST_UNSENT = 1 << 20
_PREFIX = 4  # bytes of the length before each answer

_Decode = Callable[[Answer, Unpacker], object]


class Session(asyncssh.SSHClientSession[bytes]):
    """The client's end of the `sftp` subsystem of one SSH connection.

    Args:
        silence_s: Seconds without a byte from the server, while answers are owed, after which the session is given up.

    Attributes:
        extensions: What the server offers beyond SFTP version 3, with its version or data.
        calls: Requests sent so far.
    """

    def __init__(self, *, silence_s: float) -> None:
        self.extensions: Mapping[bytes, bytes] = {}
        self.calls = 0
        self._silence_s = silence_s
        self._loop = asyncio.get_running_loop()
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._waiting: dict[int, tuple[asyncio.Future[object], _Decode]] = {}
        self._patience_s: dict[int, float] = {}
        self._next_number = 0
        self._incoming: list[memoryview] = []
        self._arrived = 0  # bytes in `_incoming`
        self._wanted = _PREFIX  # bytes until something can be done with them
        self._outgoing: list[bytes | memoryview] = []
        self._version: asyncio.Future[None] = self._loop.create_future()
        self._version.add_done_callback(forget)
        self._lost: Callable[[], MoverError] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._last_heard = self._loop.time()
        self._watch: asyncio.TimerHandle | None = None

    @property
    def is_lost(self) -> bool:
        """The session has ended; whatever is asked now raises at once."""
        return self._lost is not None

    async def greet(self) -> None:
        """Agree on the version; comes before all requests. Raises ProtocolViolation, Unreachable, TimedOut."""
        self._post(u32(5) + bytes([Call.INIT]) + u32(VERSION))
        try:
            async with asyncio.timeout(self._silence_s):
                await self._version
        except TimeoutError:
            raise TimedOut(f"the server did not begin SFTP within {self._silence_s:g} s") from None

    def ask(
        self,
        call: Call,
        *fields: bytes | memoryview,
        decode: Callable[[Answer, Unpacker], T],
        patience_s: float = 0,
    ) -> asyncio.Future[T]:
        """Send a request and return its answer to come.

        The future raises Refusal for a status other than OK, ProtocolViolation for an answer that is none, and
        Unreachable or TimedOut when the session ends first. A cancelled one is forgotten; if its answer opens a
        handle, that is closed.

        Args:
            call: What to ask.
            fields: The packed arguments, in order.
            decode: Makes the result of the answer.
            patience_s: Seconds that the server may take in silence in addition to `silence_s`.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        if self._lost is not None:
            future.set_exception(self._lost())
            return future
        number = self._next_number
        self._next_number = (number + 1) & 0xFFFFFFFF
        if not self._waiting:
            self._last_heard = self._loop.time()
            if self._watch is None:
                self._watch = self._loop.call_later(self._silence_s, self._check_silence)
        self._waiting[number] = (future, decode)  # type: ignore[assignment] # a T is an object
        if patience_s:
            self._patience_s[number] = patience_s
        self.calls += 1
        self._post(header(call, number, sum(map(len, fields))), *fields)
        return future

    async def writable(self) -> None:
        """Wait until what was asked before has mostly left this machine."""
        await self._writable.wait()

    def close(self) -> None:
        """End the session; what is still owed raises Unreachable."""
        self._lose(lambda: Unreachable("the connection was closed"))
        if self._channel is not None:
            self._channel.abort()

    # What asyncssh calls.

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """Take the channel over."""
        self._channel = chan
        chan.set_write_buffer_limits(high=_MOST_UNSENT)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Take what the server sent; standard error output is of no use here."""
        if datatype is not None:
            return
        self._last_heard = self._loop.time()
        self._incoming.append(memoryview(data))
        self._arrived += len(data)
        try:
            for packet in self._packets():
                self._take(packet)
        except ProtocolViolation as violation:
            message = violation.message
            self._lose(lambda: ProtocolViolation(message))
            self.close()

    def eof_received(self) -> bool:
        """Note that the server will send no more; False closes the channel."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up what the server still owes."""
        if exc is None:
            self._lose(lambda: Unreachable("the server ended the session"))
        else:
            self._lose(lambda: error_from_ssh(exc))

    def pause_writing(self) -> None:
        """Note that much is waiting to be sent."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Note that the server has taken most of what was waiting, which is a sign of life too."""
        self._last_heard = self._loop.time()
        self._writable.set()

    def _packets(self) -> Iterator[bytes]:
        """Yield the answers that are complete, their length still before them. One that came in pieces is joined once."""
        while self._arrived >= self._wanted:
            if self._wanted == _PREFIX:
                self._wanted += self._size_of_next()
                continue
            last = self._incoming.pop()
            rest = last[len(last) - (self._arrived - self._wanted) :]
            self._incoming.append(last[: len(last) - len(rest)])
            packet = b"".join(self._incoming)
            self._incoming = [rest] if rest else []
            self._arrived, self._wanted = len(rest), _PREFIX
            yield packet

    def _size_of_next(self) -> int:
        first = self._incoming[0]
        prefix = first[:_PREFIX] if len(first) >= _PREFIX else b"".join(self._incoming)[:_PREFIX]
        size = int.from_bytes(prefix, "big")
        if not 0 < size <= LONGEST_ANSWER:
            raise ProtocolViolation(f"the server sent an answer of {size} bytes; that is not SFTP")
        return size

    def _take(self, packet: bytes) -> None:
        unpacker = Unpacker(packet)
        unpacker.raw(_PREFIX)
        kind = unpacker.u8()
        if kind == Answer.VERSION:
            self._take_version(unpacker)
            return
        number = unpacker.u32()
        if number not in self._waiting:
            raise ProtocolViolation("the server answered what was not asked")
        future, decode = self._waiting.pop(number)
        self._patience_s.pop(number, None)
        if future.done():
            if kind == Answer.HANDLE:
                self.ask(Call.CLOSE, string(unpacker.string()), decode=nothing).add_done_callback(forget)
            return
        try:
            future.set_result(self._result(kind, unpacker, decode))
        except (Refusal, ProtocolViolation) as error:
            future.set_exception(error)

    @staticmethod
    def _result(kind: int, unpacker: Unpacker, decode: _Decode) -> object:
        try:
            answer = Answer(kind)
        except ValueError:
            raise ProtocolViolation(f"the server sent a packet of the unknown type {kind}") from None
        if answer is Answer.STATUS:
            code = unpacker.u32()
            if code != Status.OK:
                # Some servers leave the words out.
                raise Refusal(code, unpacker.string().decode("utf-8", "replace") if unpacker.left else "")
        return decode(answer, unpacker)

    def _take_version(self, unpacker: Unpacker) -> None:
        if self._version.done():
            raise ProtocolViolation("the server told its version twice")
        if unpacker.u32() != VERSION:
            raise ProtocolViolation("the server does not speak version 3 of SFTP")
        extensions = {}
        while unpacker.left:
            name = unpacker.string()
            extensions[name] = unpacker.string()
        self.extensions = extensions
        self._version.set_result(None)

    def _post(self, *pieces: bytes | memoryview) -> None:
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing += pieces

    def _flush(self) -> None:
        pieces, self._outgoing = self._outgoing, []
        if self._channel is None or self._lost is not None:
            return
        try:
            for packet in _packed(pieces):
                self._channel.write(packet)
        except OSError as error:
            said = str(error)
            self._lose(lambda: Unreachable("the connection broke", said=said))

    def _lose(self, reason: Callable[[], MoverError]) -> None:
        """End with a new error for each that waits: each will be given its own path."""
        if self._lost is not None:
            return
        self._lost = reason
        self._writable.set()
        if self._watch is not None:
            self._watch.cancel()
        if not self._version.done():
            self._version.set_exception(reason())
        waiting, self._waiting = self._waiting, {}
        for future, _ in waiting.values():
            if not future.done():
                future.set_exception(reason())

    def _check_silence(self) -> None:
        self._watch = None
        if not self._waiting:
            return
        allowed_s = self._silence_s + max(self._patience_s.values(), default=0)
        left_s = self._last_heard + allowed_s - self._loop.time()
        if left_s > 0:
            self._watch = self._loop.call_later(left_s, self._check_silence)
            return
        self._lose(lambda: TimedOut(f"the server sent nothing for {allowed_s:g} s"))
        self.close()


def nothing(answer: Answer, _: Unpacker) -> None:
    """Decode an answer that says no more than OK."""
    if answer is not Answer.STATUS:
        raise ProtocolViolation(f"the server answered with {answer.name} where only a status can be")


def forget(future: asyncio.Future[Any]) -> None:
    """Take note of a result that changes nothing any more, so that a failure is not reported as unseen."""
    if not future.cancelled():
        future.exception()


def _packed(pieces: list[bytes | memoryview]) -> Iterator[bytes]:
    """Cut and join pieces into packets of the full size, but the last."""
    packet = bytearray()
    for piece in pieces:
        rest = memoryview(piece)
        while len(rest) > _PACKET - len(packet):
            room = _PACKET - len(packet)
            packet += rest[:room]
            rest = rest[room:]
            yield bytes(packet)
            packet.clear()
        packet += rest
    if packet:
        yield bytes(packet)
