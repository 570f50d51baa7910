"""What stands beside the resources: the description, health, figures, problems of pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
from fastapi import Request, Response
from starlette.responses import HTMLResponse
from tests.api.installation import URL, Installation, Running, opened

from mover.api.app import app_of
from mover.api.problems import HttpProblem
from mover.errors import Unreachable


async def test_the_description_is_open_and_whole(mover: Running) -> None:
    answer = await mover.client.get("/api/v1/openapi.json")
    document = answer.json()

    assert document["openapi"].startswith("3.1")
    assert document["servers"][0]["url"] == URL
    assert not any(path.startswith("/app/") for path in document["paths"])
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["description"], where
            assert {"401", "421", "429", "500", "503"} <= operation["responses"].keys(), where
            assert all("description" in parameter for parameter in operation.get("parameters", ())), where
            assert ("404" in operation["responses"]) >= ("{" in path), where
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description"), name


async def test_the_reference_needs_no_script_and_nothing_from_elsewhere(mover: Running) -> None:
    page = await mover.client.get("/api/v1/docs")
    style = await mover.client.get("/api/v1/docs/style.css")

    assert (page.status_code, style.status_code) == (200, 200)
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert 'id="start_pairs"' in page.text
    assert "://" not in page.text.replace(URL, "").replace("https://hooks.example.org", "")
    assert style.headers["content-type"].startswith("text/css")


async def test_no_model_is_anonymous(mover: Running) -> None:
    document = (await mover.client.get("/api/v1/openapi.json")).json()
    anonymous = []

    def look(schema: Any, where: str) -> None:
        if isinstance(schema, dict):
            if schema.get("type") == "object" and "properties" in schema:
                anonymous.append(where)
            for key, inner in schema.items():
                look(inner, f"{where}/{key}")
        elif isinstance(schema, list):
            for inner in schema:
                look(inner, where)

    look(document["paths"], "paths")
    for name, schema in document["components"]["schemas"].items():
        for key, inner in schema.get("properties", {}).items():
            look(inner, f"{name}/{key}")

    assert anonymous == []


async def test_everything_that_is_referred_to_is_there(mover: Running) -> None:
    text = (await mover.client.get("/api/v1/openapi.json")).text
    document = json.loads(text)

    for reference in {part.split('"')[0] for part in text.split('"$ref":"#/')[1:]}:
        here = document
        for step in reference.split("/"):
            here = here[step]


async def test_health_tells_strangers_no_more_than_yes_or_no(mover: Running) -> None:
    plain = httpx.AsyncClient(transport=httpx.ASGITransport(mover.app), base_url="http://10.0.0.1:8080")
    alive, ready = await plain.get("/healthz"), await plain.get("/readyz")
    await mover.services.database.close()
    still_alive = await plain.get("/healthz")

    assert (alive.text, ready.text, still_alive.text) == ("ok\n", "ready\n", "ok\n")
    assert "content-security-policy" in ready.headers


async def test_without_orchestration_it_is_not_ready(installation: Installation) -> None:
    async def away() -> None:
        raise Unreachable("canary.internal:7233 does not answer")

    async with opened(installation.home) as (services, _):
        app = app_of(services, ready=away)
        answer = await httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL).get("/readyz")

    assert answer.status_code == 503
    assert answer.text == "not ready\n"


async def test_the_public_port_shows_no_figures(mover: Running) -> None:
    """They are at a port of the loopback address; see `tests/serving/test_metrics.py`."""
    assert (await mover.client.get("/metrics")).status_code == 404


async def test_people_see_problems_as_pages_and_programs_as_json(installation: Installation) -> None:
    async def page(_request: Request, problem: HttpProblem) -> Response:
        return HTMLResponse(f"<p>{problem.reason}</p>", problem.status_code)

    async with opened(installation.home) as (services, _):
        app = app_of(services, problem_page=page)
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL)
        person = await client.get("/nothing", headers={"Accept": "text/html"})
        program = await client.get("/api/v1/nothing", headers={"Accept": "text/html"})

    assert (person.status_code, person.text) == (404, "<p>gone</p>")
    assert program.headers["content-type"] == "application/problem+json"


def test_nothing_heavy_is_loaded_by_others() -> None:
    """The command line starts without FastAPI: only the service loads this room."""
    sources = Path(__file__).parents[2] / "src" / "mover"
    importing = [
        file.relative_to(sources).parts[0]
        for file in sources.rglob("*.py")
        if "import fastapi" in file.read_text() or "from fastapi" in file.read_text()
    ]

    assert set(importing) <= {"api", "web"}
