from __future__ import annotations

import socket
import ssl
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from tests.servers.processes import free_port

from mover.errors import Locked
from mover.serving.certificates import names_of_this_server
from mover.serving.metrics import ApiMetrics, new_registry, published
from mover.serving.routes import NoticeRoute
from mover.serving.tls import own_made_certificate


class Route:
    def __init__(self, path: str) -> None:
        self.path = path


def application(status: int, route: str | None, media_type: bytes = b"application/json"):
    async def innermost(scope, _receive, send):
        if route is not None:
            scope["route"] = Route(route)
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", media_type)]}
        )
        await send({"type": "http.response.body", "body": b""})

    noticing = NoticeRoute(innermost)

    async def copying(scope, receive, send):  # as what stands in between does
        await noticing({**scope}, receive, send)

    return copying


async def ask(metrics: ApiMetrics, method: str = "GET", path: str = "/api/v1/runs/7") -> None:
    async def nothing(message: Any = None) -> Any:
        return message

    await metrics({"type": "http", "method": method, "path": path, "headers": []}, nothing, nothing)


def samples(registry: CollectorRegistry, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == name
    }


async def test_requests_are_counted_by_the_template_of_their_route():
    registry = CollectorRegistry()
    metrics = ApiMetrics(application(200, "/api/v1/runs/{run_id}"), registry=registry)
    await ask(metrics)
    await ask(metrics, path="/api/v1/runs/8")
    assert samples(registry, "mover_http_requests_total") == {("GET", "/api/v1/runs/{run_id}", "200"): 2}
    assert samples(registry, "mover_http_request_seconds_count") == {("GET", "/api/v1/runs/{run_id}"): 2}
    assert samples(registry, "mover_http_requests_running") == {(): 0}


async def test_what_people_make_up_makes_no_series_of_its_own():
    registry = CollectorRegistry()
    metrics = ApiMetrics(application(404, None), registry=registry)
    for number in range(50):
        await ask(metrics, method=f"CANARY{number}", path=f"/canary/{number}")
    assert samples(registry, "mover_http_requests_total") == {("other", "unknown", "404"): 50}
    assert b"canary" not in generate_latest(registry).lower()


async def test_a_defect_counts_as_one():
    async def broken(*_given):
        raise RuntimeError

    registry = CollectorRegistry()
    with pytest.raises(RuntimeError):
        await ask(ApiMetrics(broken, registry=registry))
    assert samples(registry, "mover_http_requests_total") == {("GET", "unknown", "500"): 1}


async def test_streams_are_counted_and_not_timed():
    registry = CollectorRegistry()
    events = application(200, "/events", b"text/event-stream; charset=utf-8")
    await ask(ApiMetrics(events, registry=registry, streams=lambda: 3))
    assert samples(registry, "mover_event_streams") == {(): 3}
    assert samples(registry, "mover_http_request_seconds_count") == {}


async def test_refused_sign_ins_are_counted():
    registry = CollectorRegistry()
    await ask(ApiMetrics(application(401, "/app/v1/sign-in"), registry=registry), method="POST")
    assert samples(registry, "mover_sign_in_failures_total") == {("401",): 1}


def test_prometheus_finds_them_at_a_port_of_their_own():
    port = free_port()
    with published(new_registry(), port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            assert b"process_resident_memory_bytes" in answer.read()
        with pytest.raises(Locked, match="MOVER_METRICS_PORT"), published(new_registry(), port):
            pass


async def test_pages_are_counted_by_their_template_too():
    async def page(_request: Request) -> Response:
        return Response("ok")

    registry = CollectorRegistry()
    pages = Starlette(
        routes=[StarletteRoute("/other", page), StarletteRoute("/migrations/{migration_id}", page)],
        middleware=[Middleware(NoticeRoute)],
    )
    await ask(ApiMetrics(pages, registry=registry), path="/migrations/canary")
    await ask(ApiMetrics(pages, registry=CollectorRegistry()), path="/nothing")
    assert samples(registry, "mover_http_requests_total") == {("GET", "/migrations/{migration_id}", "200"): 1}


def certificate_seen(port: int, ca_file: Path) -> str:
    context = ssl.create_default_context(cafile=ca_file)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        seen = str((connection.getpeercert() or {})["serialNumber"])
        connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        assert b"process_resident_memory_bytes" in answer
        return seen


@pytest.mark.promise("tls")
def test_over_tls_they_follow_the_certificate_and_no_silent_client_keeps_others_out(tmp_path, capfd):
    tls, made = own_made_certificate(tmp_path / "tls", names_of_this_server())
    port = free_port()
    with published(new_registry(), port, tls=tls), socket.create_connection(("127.0.0.1", port)):
        first = certificate_seen(port, made.ca_file)
        with (
            pytest.raises(OSError, match=r"."),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10),
        ):
            pass
        made.server_file.unlink()
        assert tls.refresh()
        assert certificate_seen(port, made.ca_file) != first
    assert capfd.readouterr().err == ""
