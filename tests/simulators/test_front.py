"""The front under its vendors: names, TLS, faults, tallies; with a vendor made for this test."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import httpx
import pytest
from simulators.clock import Clock
from simulators.faults import Answer, Corrupt, Drop, DropRequest, FaultScript, Faulty, LoseAnswer
from simulators.front import RunningFront, running
from simulators.tally import Counted, Tally
from simulators.world import World
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from tests.servers.simulators import simulators_egress

from mover.errors import IntegrityError, Unreachable

pytestmark = pytest.mark.servers


class Echo:
    """Says what it was sent, and counts it."""

    name = "echo"
    hosts = ("api.echo.example", "*.customers.example")

    def __init__(self) -> None:
        self.faults = FaultScript()
        self.tally = Tally(records=True)
        self.said: list[bytes] = []
        routes = [Route("/say/{what}", self._say, methods=["GET", "POST"])]
        self.app = Counted(Faulty(Starlette(routes=routes), self.faults), self.tally)

    async def _say(self, request: Request) -> Response:
        request.scope["operation"] = "say"
        self.said.append(await request.body())
        return PlainTextResponse(f"{request.headers['host']} {request.path_params['what']}")


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFront]:
    world = World([], Clock())
    world.vendors["echo"] = Echo()
    with running(tmp_path_factory.mktemp("front"), world) as made:
        yield made


@pytest.fixture
def echo(front: RunningFront) -> Echo:
    made = Echo()
    front.inside(lambda: front.world.vendors.update(echo=made))
    return made


@pytest.fixture
def client(front: RunningFront) -> Iterator[httpx.Client]:
    trusted = ssl.create_default_context(cafile=front.ca_file)
    with httpx.Client(proxy=front.proxy_url, verify=trusted, trust_env=False) as made:
        yield made


@pytest.mark.parametrize("host", ["api.echo.example", "acme.customers.example"])
def test_a_vendor_answers_under_its_own_names(client: httpx.Client, echo: Echo, host: str) -> None:
    assert client.get(f"https://{host}/say/hello").text == f"{host} hello"
    assert echo.tally.calls == {"say": 1}
    assert echo.tally.exchanges[0].url == f"https://{host}/say/hello"


def test_nothing_else_is_let_out(client: httpx.Client) -> None:
    with pytest.raises(httpx.ProxyError, match="403"):
        client.get("https://elsewhere.example/")
    with pytest.raises(httpx.ProxyError, match="403"):
        client.get("https://127.0.0.1:1/")


def test_an_error_is_answered_as_the_script_says_it(client: httpx.Client, echo: Echo) -> None:
    echo.faults.add(Answer(503, {"Retry-After": "2"}, b"busy"), path=r"/say/b", skip=1, times=2)
    answers = [client.get(f"https://api.echo.example/say/{what}") for what in ("b", "a", "b", "b", "b")]
    assert [answer.status_code for answer in answers] == [200, 200, 503, 503, 200]
    assert answers[2].headers["retry-after"] == "2"
    assert answers[2].text == "busy"


@pytest.mark.parametrize("fault", [Drop(after=3), LoseAnswer(), DropRequest()])
async def test_connections_break_as_the_script_says(
    front: RunningFront, echo: Echo, fault: Drop | LoseAnswer | DropRequest
) -> None:
    echo.faults.add(fault)
    egress = simulators_egress(front)
    session = egress.http("echo")
    with pytest.raises((Unreachable, IntegrityError)):
        async with session.request("POST", "https://api.echo.example/say/x", body=b"content") as answer:
            await answer.read()
    async with session.request("POST", "https://api.echo.example/say/x", body=b"content") as answer:
        assert answer.status == 200
    await egress.close()
    assert echo.said == ([b"content"] if isinstance(fault, DropRequest) else [b"content", b"content"])


def test_an_answer_is_corrupted(client: httpx.Client, echo: Echo) -> None:
    echo.faults.add(Corrupt(at=1))
    assert client.get("https://api.echo.example/say/x").text == "aPi.echo.example x"


def test_the_direct_address_leads_to_one_vendor(front: RunningFront, echo: Echo) -> None:
    trusted = ssl.create_default_context(cafile=front.ca_file)
    with httpx.Client(verify=trusted, trust_env=False) as client:
        assert client.get(f"{front.address('echo')}/say/x").text.endswith(" x")
    assert echo.tally.total == 1
