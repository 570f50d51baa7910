from __future__ import annotations

import asyncio
import ipaddress
import socket
from contextlib import suppress

import pytest
from tests.serving.conftest import LOOPBACK, Served, SmallApplication, read_answer

from mover.errors import InvalidConfiguration, Locked
from mover.serving import doorway, protocol
from mover.serving.listening import close_all, listen
from mover.serving.server import DidNotStart
from mover.settings import ListenAt


async def test_it_answers_over_tls_and_says_nothing_of_itself(serve):
    application = SmallApplication()
    async with serve(application) as served:
        answer = await served.ask("/")
    assert (answer.status, application.schemes) == (200, ["https"])
    assert "server" not in answer.headers
    assert application.ended


async def test_plain_http_at_the_same_port_is_redirected_or_refused(serve):
    application = SmallApplication()
    async with serve(application) as served:
        page = await served.ask_plainly("GET /x HTTP/1.1\r\nHost: localhost:1234\r\n\r\n")
        call = await served.ask_plainly("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
    assert (page.status, page.headers["location"]) == (308, "https://localhost:1234/x")
    assert call.status == 400
    assert application.schemes == []


async def test_a_listener_of_its_own_redirects_to_the_port_of_https(serve):
    async with serve(SmallApplication(), redirect=True) as served:
        page = await served.ask_plainly(
            "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", port=served.redirect_port
        )
        assert page.headers["location"] == f"https://localhost:{served.port}/x"


async def test_a_proxy_that_takes_tls_off_may_come_without_it(serve):
    application = SmallApplication()
    async with serve(application, plain_from=[ipaddress.ip_network("127.0.0.0/8")]) as served:
        page = await served.ask_plainly("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert page.status == 200
        assert (await served.ask("/")).status == 200
    assert application.schemes == ["http", "https"]


async def test_a_stream_of_events_ends_properly_with_the_server(serve):
    async with serve(SmallApplication()) as served:
        reader, writer = await served.connect()
        writer.write(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"data: first\n\n")
        assert served.server.streams == 1
        served.server.end()
        async with asyncio.timeout(20):
            rest = await reader.read()
        writer.close()
    assert rest == b"\r\n0\r\n\r\n"
    assert served.server.streams == 0


async def test_a_request_that_is_being_answered_is_finished_before_the_end(serve):
    application = SmallApplication()
    async with serve(application) as served:
        asked = asyncio.create_task(served.ask("/slow"))
        await application.waiting.wait()
        served.server.end()
        with pytest.raises(OSError, match="Connect"):
            await _connect_until_refused(served)
        application.let_go.set()
        assert (await asked).body.startswith(b"2\r\nok")


async def _connect_until_refused(served: Served) -> None:
    async with asyncio.timeout(20):
        while True:
            with suppress(
                ConnectionResetError
            ):  # it came in time, and is let go in the middle of its handshake
                _, writer = await served.connect()
                writer.close()


async def test_a_header_that_grows_without_end_is_cut_off(serve):
    async with serve(SmallApplication()) as served:
        reader, writer = await served.connect()
        writer.write(b"GET / HTTP/1.1\r\nX: " + b"a" * (protocol.LARGEST_HEAD + 1))
        assert (await read_answer(reader, writer)).status == 431
        assert (await served.ask("/", headers="X: " + "a" * 20_000 + "\r\n")).status == 200


async def test_a_header_that_never_comes_is_not_waited_for_for_ever(serve, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_WITHIN_S", 0.05)
    monkeypatch.setattr(doorway, "_FIRST_BYTE_WITHIN_S", 0.05)
    async with serve(SmallApplication()) as served:
        reader, writer = await served.connect()
        writer.write(b"GET / HTTP/1.1\r\n")
        assert (await read_answer(reader, writer)).status == 0
        silent, silent_writer = await asyncio.open_connection("127.0.0.1", served.port)
        assert await silent.read() == b""
        silent_writer.close()


@pytest.mark.parametrize(
    "rubbish", [b"\x16\x03\x01\xff\xff" + b"\x00" * 50, b"\x16", b"\x00" * 200, b"\r\n\r\n"]
)
async def test_rubbish_is_no_trouble_to_others(serve, rubbish):
    async with serve(SmallApplication()) as served:
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(rubbish)
        assert (await served.ask("/")).status == 200
        writer.close()


async def test_an_application_that_does_not_start_ends_the_server(serve):
    async def broken(scope, receive, send):
        assert scope["type"] == "lifespan"
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    with pytest.raises(DidNotStart):
        async with serve(broken):
            pass


def test_a_port_that_is_taken_is_said_to_be():
    first = listen(LOOPBACK)
    port = first[0].getsockname()[1]
    with pytest.raises(Locked, match=f"port {port} is taken"):
        listen(ListenAt("127.0.0.1", port))
    close_all(first)


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(InvalidConfiguration, match="cannot listen"):
        listen(ListenAt("192.0.2.1", 0))


def test_localhost_is_listened_at_with_one_port_in_both_families():
    opened = listen(ListenAt("localhost", 0))
    try:
        assert len({each.getsockname()[1] for each in opened}) == 1
        assert all(each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) for each in opened)
    finally:
        close_all(opened)


async def test_silent_connections_keep_nobody_out(serve, monkeypatch):
    monkeypatch.setattr(doorway, "MOST_ON_THEIR_WAY_IN", 5)
    async with serve(SmallApplication()) as served:
        silent = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(20)]
        async with asyncio.timeout(5):  # far less than a silent one is waited for
            assert (await served.ask("/")).status == 200
        assert await silent[0][0].read() == b""
        for _, writer in silent:
            writer.close()


async def test_a_client_that_does_not_take_leave_is_not_waited_for(serve):
    def ask(port, context):
        idle = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost")
        idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in idle.recv(1000)
        return idle  # kept alive, and never read from again

    async with serve(SmallApplication()) as served:
        idle = await asyncio.to_thread(ask, served.port, served.trust())
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 8  # the server gives requests ten seconds
    idle.close()


@pytest.mark.parametrize("moment", range(6))
async def test_whoever_comes_at_the_moment_of_the_end_is_not_left_hanging(serve, moment):
    async with serve(SmallApplication()) as served:
        client = socket.create_connection(
            ("127.0.0.1", served.port)
        )  # the kernel takes it before the server does
        for _ in range(moment):
            await asyncio.sleep(0)
        [door] = served.server.servers
        door.close()
        client.settimeout(20)
        with client, suppress(ConnectionResetError):
            assert await asyncio.to_thread(client.recv, 1) == b""


@pytest.mark.promise("availability")
async def test_a_drain_answers_everybody_and_asks_them_to_come_elsewhere_next_time(serve):
    async with serve(SmallApplication(), drain_s=3600) as served:
        reader, writer = await served.connect()
        writer.write(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"data: first\n\n")
        idle_reader, idle_writer = await served.connect()
        idle_writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"connection: close" not in await idle_reader.readuntil(b"\r\n\r\n")

        served.server.end()

        assert served.server.is_leaving
        idle_writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")  # on a connection that it kept
        assert b"connection: close" in await idle_reader.read()
        newcomer = await served.connect()
        newcomer[1].write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = await read_answer(*newcomer)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert served.server.streams == 1  # nobody would be better off elsewhere before balancers know
        served.server.end()  # who is in a hurry says it again
        async with asyncio.timeout(20):
            assert await reader.read() == b"\r\n0\r\n\r\n"
        for end in (writer, idle_writer):
            end.close()


async def test_a_drain_ends_by_itself(serve):
    async with serve(SmallApplication(), drain_s=0.05) as served:
        assert not served.server.is_leaving
        served.server.end()
        with pytest.raises(OSError, match="Connect"):
            await _connect_until_refused(served)
