"""API, pages and runner work with the rights that they have, and a process cannot do what is not its part."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest
from tests.api.installation import Recorded
from tests.e2e.command import Mover
from tests.e2e.operator import Operator
from tests.e2e.places import files_below, put
from tests.isolation.installation import Installation
from tests.isolation.memory import memory_holds
from tests.isolation.separated import SeparatedServer
from tests.runner.watching import listening, until
from tests.servers.certificates import client_certificate, make_certificates

from mover.api.services import make_services
from mover.cli.remote.answers import Migration
from mover.cli.remote.choice import ServerChoice
from mover.cli.remote.server import open_server
from mover.database.roles.words import Role
from mover.errors import InvalidConfiguration
from mover.migrations.imports import ImportKind
from mover.migrations.records import MapKind, NewSchedule
from mover.migrations.timetable import Every, Timing
from mover.serving.web_process import run_web
from mover.settings import Settings
from mover.vault.secret import Secret
from mover.web.apart import ANSWERED
from mover.web.app import WAYS
from mover.workplace.workplace import open_workplace

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.promise("isolation"),
]
_TROUBLE = re.compile(r'"level": ?"(error|critical)"|may not do|permission denied')
_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


def moved(installed: Installation, name: str, files: dict[str, bytes]) -> Migration:
    """Move files from one local folder to another, by the public API, and watch until it is done."""
    source, destination = installed.folder / name / "source", installed.folder / name / "destination"
    put(source, files)
    destination.mkdir()

    async def work() -> Migration:
        choice = ServerChoice(installed.url, installed.prepared.key, installed.ca_file)
        async with open_server(choice) as server:
            operator = Operator(server, server, name=name)
            from_, to = (
                {"service": "local", "configuration": {"path": str(folder)}}
                for folder in (source, destination)
            )
            migration = await operator.plan(from_, to, [{"source_path": "/", "destination_path": "/"}])
            assert await operator.watch(migration, await operator.start(migration)) == 0
            assert [run.code for run in await operator.runs(migration)] == [100]
            return migration

    migration = asyncio.run(work())
    assert files_below(destination) == files
    return migration


def log_of(installed: Installation, role: Role) -> str:
    return Path(installed.movers[role].variables["MOVER_LOG_FILE"]).read_text()


def trouble(installed: Installation, role: Role) -> list[str]:
    return [line for line in log_of(installed, role).splitlines() if _TROUBLE.search(line)]


def csrf(browser: httpx.Client, path: str) -> str:
    found = _CSRF.search(browser.get(path).text)
    assert found, f"{path} has no form"
    return found[1]


async def one_of_each(installed: Installation, migration: Migration) -> dict[str, str]:
    """What the pages about moves can name, by the names of the parameters."""

    async def csv() -> AsyncIterator[bytes]:
        yield b"Source Path,Destination Path,Tags\r\n/a,/b,\r\n"

    actor = installed.prepared.actor
    with mock.patch.dict(os.environ, installed.movers[Role.API].variables):
        settings = Settings()
    async with open_workplace(settings) as place:
        services = make_services(place, Recorded())
        pairs = await services.pairs.page(actor, migration.id)
        users = await services.maps.create(actor, "Staff", MapKind.USERS)
        await services.maps.put_row(actor, users.id, "ann@old.example", "ann@new.example")
        new = NewSchedule(name="Nightly", timing=Timing(every=Every.DAILY, at="02:30"))
        return {
            "migration_id": migration.id,
            "pair_id": str(pairs.items[0].id),
            "import_id": (await services.imports.read(actor, migration.id, ImportKind.ADD, csv())).id,
            "map_id": users.id,
            "schedule_id": (await services.schedules.create(actor, migration.id, new)).id,
            "service": "sftp",
        }


def listened_to_events(browser: httpx.Client) -> bool:
    """Listen for a moment, unless as many do so already as may."""
    with browser.stream("GET", "/app/v1/runs/events", headers={"Accept": "text/event-stream"}) as events:
        return events.status_code == 200 and bool(next(events.iter_raw()))


@pytest.fixture(scope="module")
def migration(installed: Installation) -> Migration:
    return moved(installed, "first", {f"/{n}/file {n}": bytes([n]) * n * 1000 for n in range(40)})


def test_a_move_goes_from_the_api_to_its_reports(
    installed: Installation, migration: Migration, tmp_path: Path
) -> None:
    with installed.signed_in() as browser:
        run = re.search(r"/reports/runs/(\d+)/items", browser.get("/reports").text)
        assert run, "no report is offered"
        told = {
            kind: browser.get(f"/reports/runs/{run[1]}/{kind}").text
            for kind in ("items", "errors", "reconciliation")
        }
        pairs = browser.get(f"/reports/migrations/{migration.id}/pairs").text
    assert all(f"file {n}" in told["items"] for n in range(40))
    assert len(told["errors"].splitlines()) == 1
    assert len(pairs.splitlines()) == 2
    # Signed with a key that only the API can unwrap.
    (tmp_path / "reconciliation").write_text(told["reconciliation"])
    Mover(tmp_path).run("report", "verify", tmp_path / "reconciliation", code=0)
    assert [line for role in installed.processes for line in trouble(installed, role)] == []
    assert listening(installed.processes[Role.RUNNER].pid) == []


def test_pages_about_moves_need_no_api_and_all_others_do(
    installed: Installation, migration: Migration
) -> None:
    with installed.signed_in() as browser:
        known = asyncio.run(one_of_each(installed, migration))
        asked = {}
        for way in WAYS:
            names = re.findall(r"\{(\w+)\}", way.path)
            if way.path.endswith("live") or way.path.startswith("/.well-known/"):  # nobody is to be told here
                continue
            if way.method == "GET" and all(name in known for name in names):
                asked[way.path] = re.sub(r"\{(\w+)\}", lambda found: known[found[1]], way.path)
        with_api = {path: browser.get(address).status_code for path, address in asked.items()}
        installed.processes[Role.API].kill()
        try:
            without = {path: browser.get(address) for path, address in asked.items()}
            with browser.stream("GET", "/live", headers={"Accept": "text/event-stream"}) as live:
                assert any("event: pieces" in text for text in live.iter_text())
            unready = browser.get("/readyz").status_code
        finally:
            installed.restart(Role.API)
        assert browser.get("/readyz").status_code == 200
    assert {path for path, status in with_api.items() if status >= 400} == set()
    streams = {path for path in ANSWERED if path.endswith("live")}
    assert {path for path, answer in without.items() if answer.status_code == 200} == ANSWERED - streams
    away = [answer for answer in without.values() if answer.status_code != 200]
    assert {answer.status_code for answer in away} == {503}
    assert all("cannot be reached now" in answer.text for answer in away)
    assert unready == 503
    assert trouble(installed, Role.WEB) == []


def test_what_changes_something_is_the_apis_which_believes_only_itself(installed: Installation) -> None:
    forged = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Forwarded-Proto": "http"}
    with installed.signed_in() as browser:
        refused = browser.post("/migrations/new-list", data={"name": "forged"}, headers=forged)
        token = csrf(browser, "/migrations/new-list")
        wrong = browser.post("/migrations/new-list", data={"name": "forged", "csrf_token": "x" * len(token)})
        assert (refused.status_code, wrong.status_code) == (403, 403)
        renamed = browser.post(
            "/profile/name",
            data={"csrf_token": csrf(browser, "/profile"), "name": "Ümit Owner"},
            headers=forged,
        )
        assert (renamed.status_code, renamed.headers["location"]) == (303, "/profile")
        assert renamed.headers.get_list("set-cookie"), "what the API says is passed on, line by line"
        assert "Ümit Owner" in browser.get("/profile").text
        # Who came is who came to this process, whatever they claim.
        again = browser.post(
            "/sign-in",
            data={"email": installed.prepared.actor.name, "password": installed.prepared.password.reveal()},
            headers=forged,
        )
        assert again.status_code == 303
        sessions = browser.get("/profile").text
        assert "203.0.113.9" not in sessions
        assert "127.0.0.1" in sessions or "::1" in sessions
        assert browser.get("/app/v1/session").json()["name"] == "Ümit Owner"
        assert browser.put("/app/v1/session", content=b"x" * 100).status_code in {403, 405}
        assert browser.get("/nothing-of-the-kind").status_code == 404
        assert browser.post("/maps", content=b"x" * (17 << 20)).status_code == 413
        assert browser.head("/sign-in").status_code in {200, 303}
        for path in ("/migrations", "/profile", "/app/v1/session"):
            names = [name for name in browser.get(path).headers if name != "set-cookie"]
            headers = browser.get(path).headers
            assert [name for name in names if len(headers.get_list(name)) != 1] == []
            assert headers["strict-transport-security"]
        # Whoever leaves in the middle is gone at the API too, which permits a session no more than four of these.
        for _ in range(6):
            asyncio.run(until(lambda: listened_to_events(browser), 30))


def test_no_key_is_in_the_memory_of_the_pages(installed: Installation, migration: Migration) -> None:  # noqa: ARG001 - it made the API use them
    keys = [bytes.fromhex(installed.global_key), installed.global_key.encode()]
    keys += [bytes.fromhex(installed.payload_key), installed.payload_key.encode()]
    with installed.signed_in() as browser:
        assert browser.get("/connections").status_code == 200
    held = {role: memory_holds(process.pid, keys) for role, process in installed.processes.items()}
    assert any(held[Role.API]), "the search finds nothing where there must be something"
    assert any(held[Role.RUNNER])
    assert not any(held[Role.WEB])
    environment = Path(f"/proc/{installed.processes[Role.WEB].pid}/environ").read_text()
    assert not re.search("GLOBAL_KEY|PAYLOAD|SECRET|TEMPORAL|SMTP", environment)


async def test_the_pages_do_not_start_with_a_key_or_too_many_rights(
    separated: SeparatedServer, tmp_path: Path
) -> None:
    own: dict[str, Any] = {"home": tmp_path / "home", "api_url": "https://localhost:1"}
    wrong: list[tuple[dict[str, Any], str]]
    web = {"database_url": Secret(separated.url(Role.WEB))}
    wrong = [
        ({"global_key": Secret("00" * 32)}, "take away from it: MOVER_GLOBAL_KEY"),
        ({"payload_keys": Secret("x"), "smtp_url": Secret("x")}, "MOVER_PAYLOAD_KEYS, MOVER_SMTP_URL"),
        *(
            ({"database_url": Secret(separated.url(role))}, "may read stored secrets")
            for role in (Role.API, Role.RUNNER, Role.OWNER)
        ),
        ({"database_url": Secret(f"sqlite:///{tmp_path}/mover.db")}, "needs PostgreSQL"),
        ({"api_url": None}, "MOVER_API_URL is not set"),
    ]
    for changed, told in wrong:
        with pytest.raises(InvalidConfiguration, match=told):
            await run_web(Settings(**{**own, **web, **changed}), sockets=[])
    key = tmp_path / "home" / "keys" / "global.key"
    key.parent.mkdir(parents=True, exist_ok=True)
    key.write_text("00" * 32)
    with pytest.raises(InvalidConfiguration, match="give it one of its own"):
        await run_web(Settings(**{**own, **web}), sockets=[])


def test_renewed_certificates_are_taken_up_without_a_restart(
    installed: Installation,
    migration: Migration,  # noqa: ARG001 - it is over
    tmp_path: Path,
) -> None:
    old, new = installed.proxy.tls / "ca.pem", make_certificates(tmp_path / "new").ca_file
    installed.proxy.stop()
    installed.proxy.start([old, new])
    for role in (Role.API, Role.RUNNER):
        made = client_certificate(tmp_path / "new", f"renewed-{role}")
        for path, variable in zip(made, ("CERTIFICATE_FILE", "KEY_FILE"), strict=True):
            path.rename(installed.movers[role].variables[f"MOVER_TEMPORAL_{variable}"])
    asyncio.run(until(lambda: "are used from now on" in log_of(installed, Role.RUNNER), 60))
    with installed.signed_in() as browser:
        asyncio.run(until(lambda: browser.get("/readyz").status_code == 200, 60))
    installed.proxy.stop()
    installed.proxy.start([new])  # the old certificates are worth nothing any more
    processes = {role: process.pid for role, process in installed.processes.items()}

    moved(installed, "second", {"/after": b"renewed"})

    assert {role: process.pid for role, process in installed.processes.items()} == processes
    assert all(process.process.poll() is None for process in installed.processes.values())
