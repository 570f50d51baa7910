from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from mover.api.front import Front

pytestmark = pytest.mark.promise("P8")

_URL = "https://mover.example.org:8443"


async def _tell(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what the application would see."""
    request = Request(scope, receive)
    assert request.client is not None
    answer = {"client": request.client.host, "scheme": request.url.scheme, "path": request.url.path}
    await JSONResponse(answer)(scope, receive, send)


def _client(peer: str = "192.0.2.7", *, trusted: tuple[str, ...] = (), base: str = _URL) -> httpx.AsyncClient:
    front = Front(_tell, public_url=_URL, trusted_proxies=[ip_network(network) for network in trusted])
    return httpx.AsyncClient(transport=httpx.ASGITransport(front, client=(peer, 5)), base_url=base)


async def _seen(client: httpx.AsyncClient, **headers: str) -> dict[str, Any]:
    answer = await client.get("/api/v1/runs", headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.parametrize(
    "host",
    ["mover.example.org:8443", "MOVER.example.ORG:8443", "mover.example.org", "mover.example.org.:8443"],
)
async def test_the_public_host_is_answered_however_it_is_spelled(host: str) -> None:
    assert (await _client().get("/x", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "mover.example.org.evil.example",
        "mover.example.org:1",
        "mover.example.org@evil.example",
        "user@mover.example.org:8443",
        "mover.example.org:8443/x",
        "mover.example.org:port",
        "[mover.example.org",
        "127.0.0.1:8443",
        "",
    ],
)
async def test_another_host_is_refused(host: str) -> None:
    answer = await _client().get("/x", headers={"Host": host})

    assert answer.status_code == 421
    assert answer.json()["reason"] == "wrong_host"


async def test_two_host_headers_are_refused() -> None:
    request = httpx.Request(
        "GET", _URL, headers=[("Host", "mover.example.org:8443"), ("Host", "mover.example.org:8443")]
    )

    assert (await _client().send(request)).status_code == 421


async def test_a_plain_page_is_redirected_to_the_public_address_and_nowhere_else() -> None:
    client = _client(base="http://mover.example.org")

    answer = await client.get("http://mover.example.org//evil.example/%2e%2e/a b?x=https://evil.example")

    assert answer.status_code == 308
    assert answer.headers["location"].startswith(_URL + "/evil.example")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/v1/runs"), ("GET", "/app/v1/session"), ("POST", "/sign-in")]
)
async def test_plain_calls_and_forms_are_refused(method: str, path: str) -> None:
    answer = await _client(base="http://mover.example.org").request(method, path)

    assert answer.status_code == 403
    assert answer.json()["reason"] == "not_encrypted"


async def test_forwarded_headers_of_strangers_are_not_believed() -> None:
    seen = await _seen(_client(), **{"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "http"})

    assert seen["client"] == "192.0.2.7"
    assert seen["scheme"] == "https"


async def test_a_trusted_proxy_says_who_sent_it_and_how() -> None:
    client = _client("10.0.0.1", trusted=("10.0.0.0/8",), base="http://mover.example.org:8443")

    seen = await _seen(client, **{"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "https"})

    assert seen == {"client": "198.51.100.1", "scheme": "https", "path": "/api/v1/runs"}


@pytest.mark.parametrize(
    ("chain", "sender"),
    [
        ("6.6.6.6, 198.51.100.1", "198.51.100.1"),  # the first one is the sender's own claim
        ("6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),  # two proxies of ours
        ("nonsense, 10.0.0.2", "10.0.0.2"),
        ("6.6.6.6, nonsense", "10.0.0.1"),
        ("10.0.0.3", "10.0.0.3"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
async def test_the_sender_is_the_last_one_that_no_proxy_of_ours_is(chain: str, sender: str) -> None:
    client = _client("10.0.0.1", trusted=("10.0.0.0/8",))

    assert (await _seen(client, **{"X-Forwarded-For": chain}))["client"] == sender


async def test_an_address_mapped_into_ipv6_is_the_same_peer() -> None:
    client = _client("::ffff:10.0.0.1", trusted=("10.0.0.0/8",))

    assert (await _seen(client, **{"X-Forwarded-For": "198.51.100.1"}))["client"] == "198.51.100.1"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_may_come_plain_and_by_address(path: str) -> None:
    answer = await _client(base="http://10.1.2.3:8080").get(path)

    assert answer.status_code == 200


async def test_no_websocket_gets_through() -> None:
    reached = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        reached.append(scope["type"])

    front = Front(app, public_url=_URL)
    await front({"type": "websocket", "path": "/", "headers": []}, None, None)  # type: ignore[arg-type]  # neither is used

    assert reached == []
