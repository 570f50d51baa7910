"""What a connector asks for is what is sent, and what comes back is what it gets."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
from tests.transport.conftest import StartWorld
from tests.transport.scripted_server import Client, Request

from mover.errors import Canceled, InvalidConfiguration, ProtocolViolation, Throttled
from mover.transport.http import PIECE
from mover.transport.status import error_from_status

MIB = 1024 * 1024


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


class Recorder:
    """Answers every request with the same and keeps what was asked."""

    def __init__(self, body: bytes = b"", *, status: str = "200 OK", headers: str = "") -> None:
        self.requests: list[Request] = []
        self.bodies: list[bytes] = []
        self._answer = body, status, headers

    async def __call__(self, client: Client) -> None:
        body, status, headers = self._answer
        while request := await client.request():
            self.requests.append(request)
            chunked = request.headers.get("transfer-encoding") == "chunked"
            self.bodies.append(await client.chunked_body() if chunked else await client.body(request))
            await client.answer(
                b"" if request.line.startswith("HEAD ") else body, status=status, headers=headers
            )


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/a/../b/./c//d/",
        "/%41%2F%2e%2e/%C3%A9%FF",
        "/a+b;c=d,e@f:g!$&'()*~",
        '/"<>^`{|}[]',
        "/?list-type=2&prefix=%E2%80%9B&empty=",
        "/a%20b?x=%20+&y=a/b?c",
        "/%",
    ],
)
async def test_the_path_is_sent_as_it_is_spelled(world: StartWorld, path: str) -> None:
    recorder = Recorder()
    async with world(recorder) as it, it.session.request("GET", it.url(path)) as answer:
        assert answer.status == 200
    assert recorder.requests[0].line == f"GET {path} HTTP/1.1"


async def test_nothing_is_sent_that_was_not_asked_for(world: StartWorld) -> None:
    recorder = Recorder()
    async with world(recorder) as it, it.session.request("PROPFIND", it.url(), headers={"Depth": "1"}):
        host = f"localhost:{it.served.port}"
    assert recorder.requests[0].headers == {
        "host": host,
        "depth": "1",
        "user-agent": "mover",
        "accept-encoding": "identity",
        "content-length": "0",
    }


async def test_a_get_announces_no_body(world: StartWorld) -> None:
    recorder = Recorder()
    async with world(recorder) as it, it.session.request("GET", it.url()):
        pass
    assert recorder.requests[0].headers.keys().isdisjoint({"content-length", "transfer-encoding"})


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 3 * MIB])
async def test_bytes_arrive_with_their_length(world: StartWorld, size: int) -> None:
    recorder = Recorder()
    body = bytes(range(256)) * (size // 256 + 1)
    async with world(recorder) as it, it.session.request("PUT", it.url(), body=body[:size]):
        pass
    assert recorder.requests[0].headers["content-length"] == str(size)
    assert recorder.bodies == [body[:size]]


@pytest.mark.parametrize("sizes", [(), (0,), (1, 2, 3), (MIB, MIB - 1, 1), (128 * 1024 + 1,), (5 * MIB,)])
@pytest.mark.parametrize("size_is_known", [True, False])
async def test_pieces_arrive_in_order(world: StartWorld, sizes: tuple[int, ...], size_is_known: bool) -> None:  # noqa: FBT001 - a parameter
    recorder = Recorder()
    given = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    total = sum(sizes)
    async with (
        world(recorder) as it,
        it.session.request(
            "PUT", it.url(), body=pieces(*given), size=total if size_is_known else None
        ) as answer,
    ):
        assert answer.status == 200
    expected = {"content-length": str(total)} if size_is_known else {"transfer-encoding": "chunked"}
    assert expected.items() <= recorder.requests[0].headers.items()
    assert recorder.bodies == [b"".join(given)]


async def test_headers_of_answers_are_found_whatever_their_case(world: StartWorld) -> None:
    async with (
        world(Recorder(headers='ETAG: "1"\r\nx-thing: a\r\n')) as it,
        it.session.request("GET", it.url()) as answer,
    ):
        assert answer.headers["etag"] == answer.headers["ETag"] == '"1"'
        assert answer.headers.get("X-Thing") == "a"
        assert "absent" not in answer.headers


async def test_a_redirect_is_an_answer_like_any_other(world: StartWorld) -> None:
    recorder = Recorder(status="307 Temporary Redirect", headers="Location: /elsewhere\r\n")
    async with world(recorder) as it, it.session.request("GET", it.url()) as answer:
        assert (answer.status, answer.headers["Location"]) == (307, "/elsewhere")
    assert len(recorder.requests) == 1


async def test_cookies_are_forgotten(world: StartWorld) -> None:
    recorder = Recorder(headers="Set-Cookie: session=secret; Path=/\r\n")
    async with world(recorder) as it:
        for _ in range(2):
            async with it.session.request("GET", it.url()):
                pass
    assert "cookie" not in recorder.requests[1].headers


async def test_compressed_content_is_handed_on_as_it_is(world: StartWorld) -> None:
    packed = gzip.compress(b"content")
    async with (
        world(Recorder(packed, headers="Content-Encoding: gzip\r\n")) as it,
        it.session.request("GET", it.url()) as answer,
    ):
        assert await answer.read() == packed


async def test_a_large_body_comes_in_pieces_of_at_most_a_mebibyte(world: StartWorld) -> None:
    body = bytes(5 * MIB + 17)
    async with world(Recorder(body)) as it, it.session.request("GET", it.url()) as answer:
        assert answer.size == len(body)
        sizes = [len(piece) async for piece in answer.chunks()]
    assert sum(sizes) == len(body)
    assert all(0 < size <= PIECE for size in sizes)


async def test_a_body_in_http_chunks_is_put_together(world: StartWorld) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        await client.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
        )

    async with world(handle) as it, it.session.request("GET", it.url()) as answer:
        assert answer.size is None
        assert await answer.read() == b"abcde"


async def test_an_interim_answer_is_no_answer(world: StartWorld) -> None:
    async def handle(client: Client) -> None:
        request = await client.request()
        assert request
        await client.send(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
        await client.body(request)
        await client.answer(b"done")

    async with (
        world(handle) as it,
        it.session.request("PUT", it.url(), body=pieces(b"abc"), size=3) as answer,
    ):
        assert (answer.status, await answer.read()) == (200, b"done")


async def test_reading_everything_stops_at_the_limit(world: StartWorld) -> None:
    async with world(Recorder(bytes(1000))) as it:
        async with it.session.request("GET", it.url()) as answer:
            assert len(await answer.read(1000)) == 1000
        async with it.session.request("GET", it.url(), operation="list", path="/a") as answer:
            with pytest.raises(ProtocolViolation, match="longer than 999 bytes") as raised:
                await answer.read(999)
    assert (raised.value.service, raised.value.operation, raised.value.path) == ("scripted", "list", "/a")


async def test_calls_are_counted(world: StartWorld) -> None:
    async with world(Recorder(status="404 Not Found")) as it:
        for _ in range(3):
            async with it.session.request("GET", it.url()):
                pass
        assert it.session.calls == 3


async def test_a_connection_serves_again_even_if_nobody_read_a_short_answer(world: StartWorld) -> None:
    async with world(Recorder(bytes(60_000))) as it:
        for _ in range(5):
            async with it.session.request("GET", it.url()):
                pass
        assert it.served.connections == 1


async def test_a_long_answer_that_nobody_wants_is_not_read(world: StartWorld) -> None:
    async def handle(client: Client) -> None:
        await client.request()
        await client.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n" + bytes(1000))
        await client.until_closed()
        closed.set()

    closed = asyncio.Event()
    async with world(handle) as it:
        async with it.session.request("GET", it.url()) as answer:
            assert answer.size == 10**12
        await closed.wait()


async def test_no_more_connections_than_allowed_stand_at_once(world: StartWorld) -> None:
    async with world(Recorder(), connections=2) as it:

        async def get() -> None:
            async with it.session.request("GET", it.url()) as answer:
                await answer.read()

        await asyncio.gather(*(get() for _ in range(20)))
        assert it.served.connections <= 2


async def test_closing_twice_is_no_error_and_nothing_is_sent_afterwards(world: StartWorld) -> None:
    recorder = Recorder()
    async with world(recorder) as it:
        async with it.session.request("GET", it.url()):
            pass
        await it.session.close()
        await it.session.close()
        with pytest.raises(Canceled):
            await it.session.request("GET", it.url()).__aenter__()
    assert len(recorder.requests) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"X": "a\r\nInjected: yes"},
        {"X": "a\nb"},
        {"X": "a\0"},
        {"X\r\nInjected": "a"},
        {"X: a\r\nInjected": "a"},
        {"Ä": "a"},
        {"X Y": "a"},
        {"": "a"},
    ],
)
async def test_a_header_cannot_be_smuggled_in(world: StartWorld, headers: dict[str, str]) -> None:
    recorder = Recorder()
    async with world(recorder) as it:
        with pytest.raises(ProtocolViolation):
            await it.session.request("GET", it.url(), headers=headers).__aenter__()
    assert recorder.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/a\r\nInjected: yes",
        "https://localhost/a b",
        "https://localhost/a#b",
        "https://localhost/ä",
        "https://local\r\nhost/",
        "https://local host/",
        "https://alice:password@localhost/",
        "https://localhost\\@elsewhere/",
        "https://",
        "https:///a",
        "https://localhost:port/",
        "https://localhost:99999/",
        "ftp://localhost/",
        "file:///etc/passwd",
        "localhost/",
        "",
        "http://localhost/",
    ],
)
async def test_an_address_that_is_none_is_refused(world: StartWorld, url: str) -> None:
    async with world(Recorder()) as it:
        with pytest.raises(InvalidConfiguration) as raised:
            await it.session.request("GET", url).__aenter__()
        assert "password" not in str(raised.value)
        assert it.served.connections == 0


async def test_a_method_cannot_smuggle_either(world: StartWorld) -> None:
    async with world(Recorder()) as it:
        with pytest.raises(ValueError):
            await it.session.request("GET / HTTP/1.1\r\nX: y\r\n\r\nGET", it.url()).__aenter__()


async def test_plain_http_works_only_for_who_insists(world: StartWorld) -> None:
    async with world(Recorder(b"plain"), tls=None) as it, it.session.request("GET", it.url()) as answer:
        assert await answer.read() == b"plain"
    async with world(Recorder(), tls=None, allow_plain=False) as it:
        with pytest.raises(InvalidConfiguration, match="use https"):
            await it.session.request("GET", it.url()).__aenter__()
        assert it.served.connections == 0


async def test_a_wish_for_a_pause_comes_through(world: StartWorld) -> None:
    recorder = Recorder(status="503 Service Unavailable", headers="Retry-After: 17\r\n")
    async with world(recorder) as it, it.session.request("GET", it.url()) as answer:
        error = error_from_status(answer.status, headers=answer.headers)
    assert isinstance(error, Throttled)
    assert error.retry_after_s == 17
