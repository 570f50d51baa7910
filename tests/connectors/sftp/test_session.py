from __future__ import annotations

import asyncio
from typing import Any, cast

import asyncssh
import pytest

from mover.connectors.sftp.api import Sftp
from mover.connectors.sftp.failures import Refusal, Status
from mover.connectors.sftp.session import Session
from mover.connectors.sftp.wire import LONGEST_ANSWER, Answer, Call, Opening, Unpacker, string, u32
from mover.errors import ProtocolViolation, TimedOut, Unreachable


class _Wire:
    """The server's end of a session, played by the test."""

    def __init__(self, *, silence_s: float = 20) -> None:
        self.session = Session(silence_s=silence_s)
        self.sftp = Sftp(self.session)
        self.packets: list[bytes] = []
        self.is_aborted = False
        self.session.connection_made(cast("asyncssh.SSHClientChannel[bytes]", self))

    def set_write_buffer_limits(self, **_: Any) -> None:
        pass

    def write(self, data: bytes) -> None:
        self.packets.append(data)

    def abort(self) -> None:
        self.is_aborted = True

    def answer(self, kind: Answer, *fields: bytes) -> None:
        body = bytes([kind]) + b"".join(fields)
        self.session.data_received(u32(len(body)) + body, None)

    def requests(self) -> list[tuple[int, int]]:
        """Type and number of every request so far."""
        unpacker = Unpacker(b"".join(self.packets))
        found = []
        while unpacker.left:
            request = Unpacker(unpacker.string())
            found.append((request.u8(), request.u32()))
        return found


async def _turn() -> None:
    """Let the event loop do what it was told to do soon."""
    ready = asyncio.Event()
    asyncio.get_running_loop().call_soon(ready.set)
    await ready.wait()


async def test_requests_of_one_turn_leave_in_one_packet() -> None:
    wire = _Wire()
    for number in range(20):
        wire.sftp.look_at(b"/%d" % number)
    await _turn()

    assert len(wire.packets) == 1
    assert wire.requests() == [(Call.LSTAT, number) for number in range(20)]
    assert wire.session.calls == 20


async def test_answers_find_their_requests_in_any_order() -> None:
    wire = _Wire()
    first, second = wire.sftp.read(b"h", 0, 10), wire.sftp.read(b"h", 10, 10)
    wire.answer(Answer.DATA, u32(1), string(b"second"))
    wire.answer(Answer.DATA, u32(0), string(b"first"))

    assert (await first, await second) == (b"first", b"second")


async def test_answer_may_arrive_byte_by_byte() -> None:
    wire = _Wire()
    answer = wire.sftp.read(b"h", 0, 10)
    body = bytes([Answer.DATA]) + u32(0) + string(b"slow")
    for byte in u32(len(body)) + body:
        wire.session.data_received(bytes([byte]), None)

    assert await answer == b"slow"


@pytest.mark.parametrize("size", [1, 3, 4, 5, 17, 18, 40, 1000])
async def test_answers_may_be_cut_and_joined_anywhere(size: int) -> None:
    wire = _Wire()
    asked = [wire.sftp.read(b"h", 10 * number, 10) for number in range(7)]
    bodies = [bytes([Answer.DATA]) + u32(number) + string(b"data %d" % number) for number in range(7)]
    stream = b"".join(string(body) for body in bodies)

    for start in range(0, len(stream), size):
        wire.session.data_received(stream[start : start + size], None)

    assert [await answer for answer in asked] == [b"data %d" % number for number in range(7)]


async def test_empty_answer_violates_the_protocol() -> None:
    wire = _Wire()
    asked = wire.sftp.read(b"h", 0, 10)
    wire.session.data_received(u32(0), None)

    with pytest.raises(ProtocolViolation):
        await asked


async def test_status_other_than_ok_is_a_refusal_with_the_servers_words() -> None:
    wire = _Wire()
    answer = wire.sftp.open(b"/x", Opening.READ)
    wire.answer(Answer.STATUS, u32(0), u32(3), string(b"go away"), string(b"en"))

    with pytest.raises(Refusal) as caught:
        await answer
    assert (caught.value.code, caught.value.said) == (Status.PERMISSION_DENIED, "go away")


async def test_status_without_words_is_understood() -> None:
    wire = _Wire()
    answer = wire.sftp.close(b"h")
    wire.answer(Answer.STATUS, u32(0), u32(0))

    await answer


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Answer.HANDLE, (u32(0), string(b"h"))),
        (Answer.DATA, (u32(0), string(b"more than was asked for"))),
        (Answer.DATA, (u32(0), u32(1000))),
        (Answer.STATUS, (u32(0), u32(0))),
        (99, (u32(0),)),
    ],
)
async def test_answer_that_is_none_violates_the_protocol(kind: Answer, fields: tuple[bytes, ...]) -> None:
    wire = _Wire()
    answer = wire.sftp.read(b"h", 0, 10)
    wire.answer(kind, *fields)

    with pytest.raises(ProtocolViolation):
        await answer


async def test_overlong_answer_ends_the_session_before_it_is_taken_in() -> None:
    wire = _Wire()
    answer = wire.sftp.look_at(b"/")
    wire.session.data_received(u32(LONGEST_ANSWER + 1), None)

    with pytest.raises(ProtocolViolation):
        await answer
    assert wire.is_aborted


async def test_answer_to_nothing_ends_the_session() -> None:
    wire = _Wire()
    answer = wire.sftp.look_at(b"/")
    wire.answer(Answer.STATUS, u32(77), u32(0))

    with pytest.raises(ProtocolViolation):
        await answer
    assert wire.session.is_lost


async def test_server_that_speaks_another_version_violates_the_protocol() -> None:
    wire = _Wire()
    greeting = asyncio.ensure_future(wire.session.greet())
    await _turn()
    wire.answer(Answer.VERSION, u32(2))

    with pytest.raises(ProtocolViolation):
        await greeting


async def test_lost_connection_fails_each_request_with_an_error_of_its_own() -> None:
    wire = _Wire()
    answers = [wire.sftp.look_at(b"/a"), wire.sftp.look_at(b"/b")]
    wire.session.connection_lost(asyncssh.ConnectionLost("gone"))

    first, second = await asyncio.gather(*answers, return_exceptions=True)
    assert isinstance(first, Unreachable)
    assert isinstance(second, Unreachable)
    assert first is not second
    with pytest.raises(Unreachable):
        await wire.sftp.look_at(b"/c")


async def test_silence_while_answers_are_owed_ends_the_session() -> None:
    wire = _Wire(silence_s=0.02)
    answer = wire.sftp.look_at(b"/")

    with pytest.raises(TimedOut, match="sent nothing"):
        await answer
    assert wire.is_aborted


async def test_request_that_takes_long_is_given_more_time() -> None:
    wire = _Wire(silence_s=0.02)
    hashing = wire.sftp.hash(b"/big", b"sha256", patience_s=60)
    done, _ = await asyncio.wait([hashing], timeout=0.1)
    assert not done
    wire.answer(Answer.EXTENDED_REPLY, u32(0), string(b"sha256"), b"digest")

    assert await hashing == b"digest"


async def test_abandoned_open_is_closed_when_its_handle_arrives() -> None:
    wire = _Wire()
    opening = wire.sftp.open(b"/x", Opening.READ)
    opening.cancel()
    wire.answer(Answer.HANDLE, u32(0), string(b"h"))
    await _turn()

    assert wire.requests() == [(Call.OPEN, 0), (Call.CLOSE, 1)]


async def test_sender_waits_while_much_is_unsent() -> None:
    wire = _Wire()
    wire.session.pause_writing()
    waiting = asyncio.ensure_future(wire.session.writable())
    await _turn()
    assert not waiting.done()
    wire.session.resume_writing()

    await waiting
