"""The pure ASGI layers: ids, headers, the last net, limits of bodies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from mover.api.body_limit import BodyLimit
from mover.api.handlers import handle_errors
from mover.api.request_ids import RequestIdFilter, RequestIds, request_id
from mover.api.security_headers import SecurityHeaders
from mover.api.unexpected import Broken, Unexpected


def _client(app: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://localhost")  # type: ignore[arg-type]  # any ASGI application


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(request_id())(scope, receive, send)


async def test_each_request_has_an_id_of_our_own_whatever_the_client_sends() -> None:
    client = _client(RequestIds(_echo))

    first = await client.get("/", headers={"X-Request-Id": "chosen"})
    second = await client.get("/")

    assert first.text == first.headers["x-request-id"] != second.headers["x-request-id"]
    assert first.text != "chosen"
    assert request_id() == ""


async def test_what_is_logged_meanwhile_carries_the_id() -> None:
    record = logging.makeLogRecord({})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        RequestIdFilter().filter(record)
        await _echo(scope, receive, send)

    answer = await _client(RequestIds(app)).get("/")

    assert record.__dict__["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/", "/api/v1/x", "/app/v1/x"])
async def test_every_answer_carries_the_security_headers(path: str) -> None:
    headers = (await _client(SecurityHeaders(_echo)).get(path)).headers

    assert headers["strict-transport-security"].startswith("max-age=63072000")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy


async def test_an_answer_that_decides_a_header_itself_is_left_alone() -> None:
    app = SecurityHeaders(PlainTextResponse("x", headers={"Cache-Control": "public, max-age=9"}))

    assert (await _client(app).get("/static/x")).headers["cache-control"] == "public, max-age=9"


async def test_a_defect_is_a_problem_without_details_and_a_line_in_the_log_without_values(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        canary = "canary-secret"
        try:
            _ = dict[str, str]()[canary]
        except KeyError as error:
            raise ValueError(f"the value was {canary}") from error

    answer = await _client(RequestIds(Unexpected(app))).get("/api/v1/x?password=canary-secret")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == "unexpected"
    assert "canary" not in answer.text
    assert "Traceback" not in answer.text
    assert "ValueError after KeyError" in caplog.text
    assert answer.headers["x-request-id"] in caplog.text
    assert "canary-secret" not in caplog.text


async def test_a_defect_in_the_middle_of_an_answer_breaks_it_off() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"half"
        raise ValueError

    with pytest.raises(Broken):
        await _client(Unexpected(StreamingResponse(pieces()))).get("/")


def _reader(limit: int = 10, arrival_s: float = 60.0) -> BodyLimit:
    async def read(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    app = Starlette(routes=[Route("/", read, methods=["POST"])])
    handle_errors(app)  # type: ignore[arg-type]  # FastAPI is a Starlette; no more is used
    return BodyLimit(app, limit=lambda _path: limit, arrival_s=arrival_s)


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_a_body_up_to_the_limit_is_read() -> None:
    assert (await _client(_reader()).post("/", content=b"x" * 10)).text == "10"


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_beyond_the_limit_is_refused_whether_it_says_so_or_not(announced: bool) -> None:  # noqa: FBT001 - a parameter of the test
    content = b"x" * 11 if announced else _pieces(b"x" * 6, b"x" * 5)

    answer = await _client(_reader()).post("/", content=content)

    assert answer.status_code == 413
    assert answer.json()["reason"] == "too_large"


@pytest.mark.parametrize("length", ["-1", "nonsense", "1e3", "9" * 30])
async def test_a_length_that_is_none_is_refused(length: str) -> None:
    answer = await _client(_reader()).post("/", content=_pieces(b""), headers={"Content-Length": length})

    assert answer.status_code == 413


async def test_a_body_that_does_not_arrive_is_not_waited_for_for_ever() -> None:
    sent: list[Message] = []
    app = _reader(arrival_s=0.0)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    await app(scope, receive, send)

    assert sent[0]["status"] == 408
