"""Whatever goes wrong on the line has its own error, and nothing that ends early looks whole."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
from collections.abc import AsyncIterator

import pytest
from tests.transport.conftest import LIMITS, StartWorld
from tests.transport.scripted_server import Client, Handle

from mover.errors import (
    IntegrityError,
    MoverError,
    NotFound,
    ProtocolViolation,
    TimedOut,
    Unreachable,
)
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.transport.limits import Limits

MIB = 1024 * 1024
IMPATIENT_READ = Limits(connect_s=5, read_s=0.05, answer_s=5)
IMPATIENT_ANSWER = Limits(connect_s=5, read_s=5, answer_s=0.05)


class Source:
    """Pieces of a body, with an eye on what becomes of them."""

    def __init__(self, *, count: int, size: int = MIB, then: Exception | None = None) -> None:
        self.given = 0
        self.closed = asyncio.Event()
        self._count = count
        self._size = size
        self._then = then

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            for _ in range(self._count):
                self.given += 1
                yield bytes(self._size)
            if self._then:
                raise self._then
        finally:
            self.closed.set()


async def never(client: Client) -> None:
    """Take the request and say nothing."""
    await client.request()
    await client.until_closed()


def answering(data: bytes) -> Handle:
    async def handle(client: Client) -> None:
        await client.request()
        await client.send(data)

    return handle


# The answer


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    ],
)
async def test_a_truncated_body_is_an_error(world: StartWorld, data: bytes) -> None:
    async with (
        world(answering(data)) as it,
        it.session.request("GET", it.url(), operation="read", path="/a") as answer,
    ):
        with pytest.raises(Unreachable, match="broke off") as raised:
            await answer.read()
    assert (raised.value.service, raised.value.operation, raised.value.path) == ("scripted", "read", "/a")


async def test_a_reset_in_the_middle_of_a_body_is_an_error(world: StartWorld) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        await client.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + bytes(1000))
        await begun.wait()
        client.reset()

    begun = asyncio.Event()
    async with world(handle) as it, it.session.request("GET", it.url()) as answer:
        pieces = answer.chunks()
        assert await anext(pieces)
        begun.set()
        with pytest.raises(Unreachable):
            async for _ in pieces:
                pass


@pytest.mark.parametrize("extra", [b"surplus", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfake"])
async def test_what_follows_the_announced_body_is_never_taken_for_an_answer(
    world: StartWorld, extra: bytes
) -> None:
    async def handle(client: Client) -> None:
        while await client.request():
            await client.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal" + extra)

    async with world(handle) as it:
        for _ in range(3):
            try:
                async with it.session.request("GET", it.url()) as answer:
                    assert await answer.read() == b"real"
            except (Unreachable, ProtocolViolation):
                pass


@pytest.mark.parametrize("close", ["close", "reset"])
async def test_a_connection_that_ends_without_an_answer_is_an_error(world: StartWorld, close: str) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        if close == "reset":
            client.reset()

    async with world(handle) as it:
        with pytest.raises(Unreachable) as raised:
            await it.session.request("POST", it.url(), operation="list").__aenter__()
    assert raised.value.operation == "list"


async def test_silence_before_the_answer_has_its_limit(world: StartWorld) -> None:
    async with world(never, limits=IMPATIENT_ANSWER) as it:
        with pytest.raises(TimedOut, match="went silent"):
            await it.session.request("GET", it.url()).__aenter__()


async def test_silence_before_the_answer_is_measured_apart_from_silence_in_it(world: StartWorld) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        await asyncio.sleep(0.2)  # longer than the silence that is allowed later
        await client.answer(b"abc")

    async with (
        world(handle, limits=Limits(connect_s=5, read_s=0.05, answer_s=5)) as it,
        it.session.request("GET", it.url()) as answer,
    ):
        assert await answer.read() == b"abc"


async def test_silence_in_the_middle_of_a_body_has_its_limit(world: StartWorld) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        await client.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await client.until_closed()

    async with (
        world(handle, limits=IMPATIENT_READ) as it,
        it.session.request("GET", it.url()) as answer,
    ):
        with pytest.raises(TimedOut):
            await answer.read()


async def test_a_slow_reader_is_no_silent_service(world: StartWorld) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        await client.answer(bytes(20 * MIB))

    async with (
        world(handle, limits=IMPATIENT_READ) as it,
        it.session.request("GET", it.url()) as answer,
    ):
        pieces = answer.chunks()
        total = len(await anext(pieces))
        await asyncio.sleep(0.3)  # longer than the silence that is allowed
        async for piece in pieces:
            total += len(piece)
    assert total == 20 * MIB


async def test_an_answer_that_is_not_http_has_no_cause_that_tells_the_request(world: StartWorld) -> None:
    async with world(answering(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n")) as it:
        with pytest.raises(ProtocolViolation) as raised:
            async with it.session.request("GET", it.url(), headers={"Authorization": "Basic hunter2"}):
                pass
    told: BaseException | None = raised.value
    while told is not None:
        assert "hunter2" not in f"{told!r} {told.args!r} {vars(told)!r}"
        told = told.__cause__ or told.__context__


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 10_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a" * 100_000 + b": a\r\n\r\n",
    ],
    ids=lambda data: data[:40].decode("latin1"),
)
async def test_an_answer_that_is_not_http_is_refused(world: StartWorld, data: bytes) -> None:
    async with world(answering(data)) as it:
        with pytest.raises((ProtocolViolation, Unreachable)) as raised:
            await it.session.request("GET", it.url()).__aenter__()
        assert len(str(raised.value)) < 1000


async def test_an_endless_header_is_not_kept(world: StartWorld) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        await client.send(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(1000):
            await client.send(b"a" * 65536)

    async with world(handle) as it:
        with pytest.raises((ProtocolViolation, Unreachable)):
            await it.session.request("GET", it.url()).__aenter__()


# The request's body


async def test_a_service_that_takes_no_bytes_is_silent_too(world: StartWorld) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined] # it is a transport for reading as well
        await done.wait()

    done = asyncio.Event()
    source = Source(count=1000)
    async with world(handle, limits=IMPATIENT_READ) as it:
        with pytest.raises(TimedOut, match="took no bytes") as raised:
            await it.session.request(
                "PUT", it.url(), body=source.pieces(), size=1000 * MIB, operation="upload"
            ).__aenter__()
        done.set()
    assert raised.value.operation == "upload"
    assert source.given < 1000
    await source.closed.wait()


@pytest.mark.parametrize("status", ["413 Content Too Large", "401 Unauthorized", "507 Insufficient Storage"])
@pytest.mark.parametrize("size", [1000 * MIB, None])
async def test_an_early_refusal_stops_the_sending_and_is_the_answer(
    world: StartWorld, status: str, size: int | None
) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        await client.answer(b"no", status=status)
        await client.until_closed()

    source = Source(count=1000)
    async with world(handle) as it:
        async with it.session.request("PUT", it.url(), body=source.pieces(), size=size) as answer:
            assert answer.status == int(status[:3])
            assert await answer.read() == b"no"
        await source.closed.wait()
    assert source.given < 1000


async def test_an_early_refusal_with_the_connection_closed_at_once_is_still_the_answer(
    world: StartWorld,
) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        await client.answer(b"no", status="413 Content Too Large", headers="Connection: close\r\n")

    source = Source(count=1000)
    async with world(handle) as it:
        try:
            async with it.session.request("PUT", it.url(), body=source.pieces(), size=1000 * MIB) as answer:
                assert answer.status == 413
        except Unreachable:
            pass  # the system threw the answer away when the service reset the connection
        await source.closed.wait()


@pytest.mark.parametrize("received", [0, 1, 1000, 5 * MIB])
@pytest.mark.parametrize("size", [1000 * MIB, None])
async def test_a_connection_that_breaks_in_the_middle_of_a_body_is_unreachable(
    world: StartWorld, received: int, size: int | None
) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        await client.reader.readexactly(received)
        client.reset()

    source = Source(count=1000)
    async with world(handle) as it:
        with pytest.raises(Unreachable) as raised:
            await it.session.request(
                "PUT", it.url(), body=source.pieces(), size=size, operation="upload", path="/a"
            ).__aenter__()
        await source.closed.wait()
    assert (raised.value.service, raised.value.operation, raised.value.path) == ("scripted", "upload", "/a")


async def test_a_success_before_the_whole_body_was_sent_is_no_success(world: StartWorld) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        await client.answer(status="201 Created")
        await client.until_closed()

    source = Source(count=1000)
    async with world(handle) as it:
        with pytest.raises(IntegrityError, match="before it had the whole body"):
            await it.session.request("PUT", it.url(), body=source.pieces(), size=1000 * MIB).__aenter__()
        await source.closed.wait()


@pytest.mark.parametrize("size", [1000 * MIB, None])
@pytest.mark.parametrize(
    "error", [NotFound("the source is gone", service="sftp", path="/a"), OSError(5, "input"), KeyError("x")]
)
async def test_what_reading_the_source_raises_comes_through_unchanged(
    world: StartWorld, size: int | None, error: Exception
) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        received.set_result(await client.until_closed())

    received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    before = dict(vars(error))
    async with world(handle) as it:
        with pytest.raises(type(error)) as raised:
            await it.session.request(
                "PUT",
                it.url(),
                body=Source(count=2, then=error).pieces(),
                size=size,
                operation="upload",
                path="/b",
            ).__aenter__()
        assert raised.value is error
        assert vars(error) == before
        assert not (await received).endswith(b"0\r\n\r\n")


@pytest.mark.parametrize(("announced", "count"), [(3 * MIB, 2), (2 * MIB - 1, 2), (1, 0), (0, 1)])
async def test_a_body_of_another_size_than_announced_is_an_error(
    world: StartWorld, announced: int, count: int
) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        await client.until_closed()

    async with world(handle) as it:
        with pytest.raises(IntegrityError):
            await it.session.request(
                "PUT", it.url(), body=Source(count=count).pieces(), size=announced
            ).__aenter__()


@pytest.mark.parametrize("body", [b"bytes", b"", None])
async def test_a_body_is_sent_once_even_if_the_answer_is_lost(world: StartWorld, body: bytes | None) -> None:
    async def handle(client: Client) -> None:
        request = await client.request()
        assert request
        received.append(await client.body(request))
        client.reset()

    received: list[bytes] = []
    source = Source(count=1, size=3)
    async with world(handle) as it:
        with pytest.raises(Unreachable):
            await it.session.request(
                "PUT", it.url(), body=source.pieces() if body is None else body, size=3
            ).__aenter__()
    assert len(received) == 1


async def test_a_kept_connection_that_the_service_has_closed_is_replaced(world: StartWorld) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        await client.answer(b"hello")
        client.reset()  # while the client still thinks that it can be used

    async with world(handle) as it:
        for _ in range(5):
            async with it.session.request("GET", it.url()) as answer:
                assert await answer.read() == b"hello"


# Connecting


async def test_nobody_listening_is_unreachable(unused_port: int) -> None:
    with pytest.raises(Unreachable, match="refused"):
        await Egress(allowed=PrivateAddresses(every=True)).connect("127.0.0.1", unused_port)


async def test_a_tls_handshake_that_gets_nowhere_has_its_limit(world: StartWorld) -> None:
    async def handle(client: Client) -> None:
        await client.reader.read()

    limits = Limits(connect_s=0.1, read_s=5, answer_s=5)
    async with world(handle, tls=None, limits=limits) as it:
        with pytest.raises(TimedOut, match="no TLS connection"):
            await it.session.request("GET", f"https://localhost:{it.served.port}/").__aenter__()


async def test_a_tls_handshake_that_is_reset_is_unreachable() -> None:
    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    egress = Egress(allowed=PrivateAddresses(every=True), limits=LIMITS)
    async with await asyncio.start_server(reset, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unreachable):
            await egress.http("scripted").request("GET", f"https://localhost:{port}/").__aenter__()
    await egress.close()


async def test_cancelling_closes_the_connection_and_the_source(world: StartWorld) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        asked.set()
        await client.until_closed()
        closed.set()

    asked, closed = asyncio.Event(), asyncio.Event()
    source = Source(count=100_000)
    async with world(handle) as it:

        async def put() -> None:
            async with it.session.request("PUT", it.url(), body=source.pieces()):
                pass

        task = asyncio.create_task(put())
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await closed.wait()
        await source.closed.wait()


@pytest.mark.parametrize("error", [RuntimeError("of the caller"), NotFound("of the caller")])
async def test_an_error_of_the_caller_passes_through_and_closes_the_connection(
    world: StartWorld, error: Exception
) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        await client.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + bytes(1000))
        await client.until_closed()
        closed.set()

    async def get() -> None:
        async with it.session.request("GET", it.url()):
            raise error

    closed = asyncio.Event()
    async with world(handle) as it:
        with pytest.raises(type(error)) as raised:
            await get()
        assert raised.value is error
        await closed.wait()


async def test_no_socket_is_left_open_by_failures(world: StartWorld) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        await client.send(b"rubbish\r\n\r\n")

    async with world(handle) as it:
        for _ in range(10):
            with pytest.raises(MoverError):
                await it.session.request("GET", it.url()).__aenter__()
    gc.collect()  # an unclosed socket or transport would warn now, and a warning is an error here


@pytest.mark.parametrize("apart", [False, True])
async def test_the_last_chunk_of_a_body_that_must_not_be_there_is_no_answer(
    world: StartWorld, *, apart: bool
) -> None:
    async def handle(client: Client) -> None:
        while request := await client.request():
            if request.line.startswith("HEAD"):
                await client.send(
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0\r\n\r\n" * (not apart)
                )
            else:
                await client.send(b"0\r\n\r\n" * apart)
                await client.answer(b"whole")

    async with world(handle) as here:
        for _ in range(3):
            async with here.session.request("HEAD", here.url()) as response:
                assert (response.status, await response.read()) == (200, b"")
            async with here.session.request("GET", here.url()) as response:
                assert await response.read() == b"whole"
        assert here.served.connections == 1
