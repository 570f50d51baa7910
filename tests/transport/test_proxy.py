"""Everything goes through the operator's proxy, and nothing of what follows its answer is lost."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from tests.certificates import Authority
from tests.servers.proxies import Proxy as RunningProxy
from tests.transport.conftest import LOOPBACK
from tests.transport.scripted_server import Client, Served, server_tls, serving

from mover.errors import AddressRefused, InvalidConfiguration, MoverError, TimedOut, Unreachable
from mover.settings import PrivateAddresses, Settings
from mover.transport.egress import Egress
from mover.transport.limits import Limits
from mover.transport.proxy import Proxy, ProxyKind
from mover.vault.secret import Secret

pytestmark = pytest.mark.promise("P7", "egress")

PASSWORD = "pass%word:with@signs"
QUOTED = "pass%25word%3Awith%40signs"


def test_a_proxy_s_address_is_taken_apart() -> None:
    proxy = Proxy.parse(Secret(f"http://egress:{QUOTED}@proxy.example:3128"))
    assert (proxy.kind, proxy.host, proxy.port, proxy.username) == (
        ProxyKind.CONNECT,
        "proxy.example",
        3128,
        "egress",
    )
    assert proxy.password == Secret(PASSWORD)


@pytest.mark.parametrize(
    ("url", "kind", "host"),
    [
        ("socks5h://proxy:1080", ProxyKind.SOCKS5, "proxy"),
        ("socks5://proxy:1080/", ProxyKind.SOCKS5, "proxy"),
        ("http://[fd00::1]:1080", ProxyKind.CONNECT, "fd00::1"),
    ],
)
def test_each_kind_of_proxy_is_known(url: str, kind: ProxyKind, host: str) -> None:
    proxy = Proxy.parse(Secret(url))
    assert (proxy.kind, proxy.host, proxy.port, proxy.username, proxy.password) == (
        kind,
        host,
        1080,
        None,
        None,
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "proxy:3128",
        "http://proxy",
        "http://:3128",
        "https://egress:hunter2@proxy:3128",
        "ftp://egress:hunter2@proxy:3128",
        "http://egress:hunter2@proxy:99999",
        "http://egress:hunter2@[proxy:3128",
        "http://e%3Ag:hunter2@proxy:3128",
        "socks5h://egress:hunter2%C3%A9@proxy:1080",
        f"socks5h://egress:hunter2{'x' * 255}@proxy:1080",
        "socks5h://egress@proxy:1080",
        "http://egress:hunter2\udcff@proxy:3128",
    ],
)
def test_an_unusable_proxy_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(InvalidConfiguration) as raised:
        Proxy.parse(Secret(url))
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_a_proxy_does_not_print_its_password() -> None:
    assert "hunter2" not in repr(Proxy.parse(Secret("http://egress:hunter2@proxy:3128")))


Answer = Callable[[Client], Awaitable[None]]


@contextlib.asynccontextmanager
async def scripted(
    answer: Answer,
    *,
    credentials: str = "",
    limits: Limits = Limits(connect_s=5),  # noqa: B008 - immutable
) -> AsyncIterator[tuple[Egress, Served, list[str]]]:
    """Run a CONNECT proxy that answers as it is told."""
    asked: list[str] = []

    async def handle(client: Client) -> None:
        request = await client.request()
        assert request
        asked.append(request.line)
        asked.append(request.headers.get("proxy-authorization", ""))
        await answer(client)

    async with serving(handle, None) as served:
        proxy = Proxy.parse(Secret(f"http://{credentials}127.0.0.1:{served.port}"))
        yield Egress(proxy=proxy, limits=limits), served, asked


def saying(*parts: bytes) -> Answer:
    async def answer(client: Client) -> None:
        for part in parts:
            await client.send(part)
            await asyncio.sleep(0)
        await client.until_closed()

    return answer


async def test_what_the_other_end_says_first_is_not_lost() -> None:
    banner = b"SSH-2.0-OpenSSH_9.2\r\n"
    async with scripted(saying(b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n" + banner)) as (egress, _, _):
        with await egress.connect("nas.example.org", 22) as connected:
            received = b""
            while len(received) < len(banner):
                received += await asyncio.get_running_loop().sock_recv(connected, 100)
    assert received == banner


async def test_an_answer_may_come_in_fragments() -> None:
    answer = [bytes([byte]) for byte in b"HTTP/1.0 200 Connection established\r\nA: b\r\n\r\n"]
    async with scripted(saying(*answer)) as (egress, _, _):
        (await egress.connect("nas.example.org", 22)).close()


@pytest.mark.parametrize(
    ("host", "authority"),
    [
        ("nas.example.org", "nas.example.org:22"),
        ("2606:4700::1111", "[2606:4700::1111]:22"),
        ("8.8.8.8", "8.8.8.8:22"),
    ],
)
async def test_the_proxy_gets_the_name_and_looks_it_up_itself(host: str, authority: str) -> None:
    async with scripted(saying(b"HTTP/1.1 200 OK\r\n\r\n")) as (egress, _, asked):
        (await egress.connect(host, 22)).close()
    assert asked[0] == f"CONNECT {authority} HTTP/1.1"


async def test_user_name_and_password_are_shown_to_the_proxy() -> None:
    async with scripted(saying(b"HTTP/1.1 200 OK\r\n\r\n"), credentials=f"EGRESS:{QUOTED}@") as (
        egress,
        _,
        asked,
    ):
        (await egress.connect("nas.example.org", 22)).close()
    assert asked[1] == f"Basic {base64.b64encode(f'EGRESS:{PASSWORD}'.encode()).decode()}"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", InvalidConfiguration),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", AddressRefused),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad", Unreachable),
        (b"HTTP/1.1 503 \r\n\r\n", Unreachable),
        (b"HTTP/1.1 100 Continue\r\n\r\n", Unreachable),
        (b"HTTP/1.1\r\n\r\n", Unreachable),
        (b"\r\n\r\n", Unreachable),
        (b"SSH-2.0-OpenSSH\r\n\r\n", Unreachable),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", Unreachable),
        ("HTTP/1.1 \N{SUPERSCRIPT TWO}00 OK\r\n\r\n".encode(), Unreachable),
        (b"HTTP/1.1 " + b"9" * 5_000 + b" OK\r\n\r\n", Unreachable),
        (b"x" * 100_000, Unreachable),
    ],
)
async def test_a_refusal_says_what_it_means(answer: bytes, kind: type[MoverError]) -> None:
    async with scripted(saying(answer), credentials="egress:hunter2@") as (egress, _, _):
        with pytest.raises(kind) as raised:
            await egress.connect("nas.example.org", 22)
    assert type(raised.value) is kind
    assert "hunter2" not in str(raised.value)


async def test_a_proxy_that_hangs_up_is_unreachable() -> None:
    async def hang_up(client: Client) -> None:
        await client.send(b"HTTP/1.1 200 OK\r\n")

    async with scripted(hang_up) as (egress, _, _):
        with pytest.raises(Unreachable):
            await egress.connect("nas.example.org", 22)


async def test_a_silent_proxy_has_its_limit() -> None:
    async with scripted(saying(), limits=Limits(connect_s=0.05)) as (egress, _, _):
        with pytest.raises(TimedOut):
            await egress.connect("nas.example.org", 22)


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_a_proxy_that_is_not_there_is_unreachable_and_named(scheme: str, unused_port: int) -> None:
    egress = Egress(proxy=Proxy.parse(Secret(f"{scheme}://egress:hunter2@127.0.0.1:{unused_port}")))
    with pytest.raises(Unreachable, match=f"127.0.0.1:{unused_port}.*refused") as raised:
        await egress.connect("nas.example.org", 22)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "169.254.169.254", "[::1]"])
async def test_a_proxy_is_not_asked_for_a_refused_address(host: str) -> None:
    async with scripted(saying(b"HTTP/1.1 200 OK\r\n\r\n")) as (egress, served, _):
        with pytest.raises(AddressRefused):
            await egress.connect(host, 80)
        assert served.connections == 0


# Real proxies


@pytest.fixture(params=["squid_proxy", "dante_proxy"])
def running_proxy(request: pytest.FixtureRequest) -> RunningProxy:
    proxy = request.getfixturevalue(request.param)
    assert isinstance(proxy, RunningProxy)
    return proxy


def through(url: str, *, allowed: PrivateAddresses = LOOPBACK) -> Egress:
    return Egress(proxy=Proxy.parse(Secret(url)), allowed=allowed, limits=Limits(connect_s=10))


async def logged(proxy: RunningProxy, text: str) -> None:
    """Return when the proxy has written that to its log, which it may do a moment after the fact."""
    async with asyncio.timeout(20):
        while text not in proxy.requests.read_text():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)


async def hello(client: Client) -> None:
    while await client.request():
        await client.answer(b"hello")


@pytest.mark.servers
async def test_https_goes_through_a_real_proxy(running_proxy: RunningProxy, authority: Authority) -> None:
    egress = through(running_proxy.url)
    async with serving(hello, server_tls(*authority.issue("127.0.0.1"))) as served:
        session = egress.http("webdav", ca_file=authority.ca_file)
        for _ in range(3):
            async with session.request("GET", f"https://127.0.0.1:{served.port}/") as answer:
                assert await answer.read() == b"hello"
        await egress.close()
        assert served.connections == 1
    await logged(running_proxy, str(served.port))


@pytest.mark.servers
async def test_plain_http_goes_through_a_tunnel_too(running_proxy: RunningProxy) -> None:
    egress = through(running_proxy.url)
    async with serving(hello, None) as served:
        session = egress.http("webdav", allow_plain=True)
        async with session.request("GET", f"http://127.0.0.1:{served.port}/") as answer:
            assert await answer.read() == b"hello"
        await egress.close()


@pytest.mark.servers
async def test_a_server_that_speaks_first_is_heard_through_a_real_proxy(running_proxy: RunningProxy) -> None:
    async def greet(client: Client) -> None:
        await client.send(b"SSH-2.0-test\r\n")
        assert await client.reader.readline() == b"SSH-2.0-mover\r\n"
        await client.send(b"well met\r\n")

    egress = through(running_proxy.url)
    async with serving(greet, None) as served:
        connected = await egress.connect("127.0.0.1", served.port)
        reader, writer = await asyncio.open_connection(sock=connected)
        assert await reader.readline() == b"SSH-2.0-test\r\n"
        writer.write(b"SSH-2.0-mover\r\n")
        assert await reader.readline() == b"well met\r\n"
        writer.close()
        await writer.wait_closed()


@pytest.mark.servers
@pytest.mark.parametrize("credentials", ["", "egress:wrong@", "nobody:proxy-pass@"])
async def test_wrong_credentials_for_a_real_proxy_are_the_operator_s_to_correct(
    running_proxy: RunningProxy, credentials: str
) -> None:
    scheme, _, place = running_proxy.url_without_password.partition("://")
    with pytest.raises(InvalidConfiguration, match="user name and password"):
        await through(f"{scheme}://{credentials}{place}").connect("127.0.0.1", 9)


@pytest.mark.servers
async def test_what_a_real_proxy_forbids_is_refused(running_proxy: RunningProxy) -> None:
    egress = through(running_proxy.url, allowed=PrivateAddresses(every=True))
    with pytest.raises(AddressRefused, match="the proxy does not allow"):
        await egress.connect("127.0.0.2", 443)


@pytest.mark.servers
async def test_what_a_real_proxy_cannot_reach_is_unreachable(
    running_proxy: RunningProxy, unused_port: int
) -> None:
    with pytest.raises(Unreachable, match="the proxy could not connect"):
        await through(running_proxy.url).connect("127.0.0.1", unused_port)


@pytest.mark.servers
async def test_the_rules_hold_before_a_real_proxy_is_asked(running_proxy: RunningProxy) -> None:
    before = running_proxy.requests.read_text()
    with pytest.raises(AddressRefused, match="loopback"):
        await through(running_proxy.url, allowed=PrivateAddresses()).connect("127.0.0.1", 443)
    assert running_proxy.requests.read_text() == before


def test_an_egress_is_made_from_settings(authority: Authority) -> None:
    settings = Settings(
        proxy=Secret("socks5h://proxy.example:1080"),
        ca_file=authority.ca_file,
        allow_private_addresses="10.0.0.0/8",
        connect_timeout_s=3,
        read_timeout_s=400,
    )
    egress = Egress.from_settings(settings)
    assert egress.limits == Limits(connect_s=3, read_s=400, answer_s=400)
    assert egress.rules.for_proxy("10.0.0.1") == "10.0.0.1"
