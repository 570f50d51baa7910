"""Connections through the API, with a folder that the operator allows as the service at the other end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from tests.api.installation import Running

from mover.accounts.actor import Role
from mover.api.turns import OPEN_AT_ONCE
from mover.connections.tables import connections
from mover.settings import PrivateAddresses

_SFTP = {"host": "files.example.org", "username": "ann", "password": "canary-password"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path / "installation" / "files"


async def _connect(
    mover: Running,
    name: str,
    service: str,
    configuration: dict[str, Any],
    *,
    by: dict[str, str] | None = None,
) -> httpx.Response:
    body = {"name": name, "service": service, "configuration": configuration}
    return await mover.client.post("/api/v1/connections", headers=by or mover.owner.bearer, json=body)


async def _folder(mover: Running, files: Path) -> str:
    answer = await _connect(mover, "share", "local", {"path": str(files)})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_connection_is_shown_without_its_secrets(mover: Running) -> None:
    made = await _connect(mover, "nas", "sftp", _SFTP)
    shown = await mover.client.get(made.headers["location"], headers=mover.owner.bearer)
    listed = await mover.client.get("/api/v1/connections", headers=mover.owner.bearer)

    assert made.status_code == 201
    assert shown.json() == made.json() == listed.json()["items"][0]
    assert shown.json()["configuration"] == {"host": "files.example.org", "username": "ann"}
    assert "canary" not in made.text + shown.text + listed.text


async def test_what_was_connected_stands_in_the_audit_log(mover: Running) -> None:
    made = await _connect(mover, "nas", "sftp", _SFTP)
    await mover.client.delete(made.headers["location"], headers=mover.owner.bearer)

    events = (await mover.client.get("/api/v1/audit-events", headers=mover.owner.bearer)).json()["items"]

    assert [event["action"] for event in events[:2]] == ["connection.removed", "connection.added"]
    assert events[0]["subject"] == "connection nas"
    assert "canary" not in str(events)


async def test_the_connection_of_another_organisation_is_not_there(mover: Running) -> None:
    made = await _connect(mover, "nas", "sftp", _SFTP)
    stranger = mover.installation.stranger.bearer

    answers = [
        await mover.client.get(made.headers["location"], headers=stranger),
        await mover.client.delete(made.headers["location"], headers=stranger),
        await mover.client.post(made.headers["location"] + "/test", headers=stranger),
        await mover.client.get(made.headers["location"] + "/folders", headers=stranger),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert (await mover.client.get("/api/v1/connections", headers=stranger)).json()["items"] == []
    assert (await _connect(mover, "nas", "sftp", _SFTP, by=stranger)).status_code == 201


@pytest.mark.parametrize(
    ("service", "configuration"),
    [
        ("sftp", {"host": "h", "username": "u", "private_key": "/etc/passwd"}),
        ("sftp", {"host": "h", "username": "u", "password": "p", "agent": True}),
        ("webdav", {"url": "https://h/", "ca_file": "/etc/passwd"}),
        ("webdav", {"url": "https://h/", "client_certificate": "/etc/passwd", "client_key": "/etc/shadow"}),
        ("s3", {"access_key": "a", "secret_key": "s", "ca_file": "/etc/passwd"}),
        ("mysql", {"host": "h", "username": "u", "ca_file": "/etc/passwd"}),
        ("ftps", {"host": "h", "username": "u", "password": "p", "ca_file": "/etc/passwd"}),
        ("swift", {"username": "u", "api_key": "k", "ca_file": "/etc/passwd"}),
        ("local", {"path": "/etc"}),
        ("local", {"path": "/"}),
        ("local", {"path": "~"}),
    ],
)
async def test_nobody_reads_the_servers_own_files(
    mover: Running, service: str, configuration: dict[str, Any]
) -> None:
    answer = await _connect(mover, "reader", service, configuration)

    assert answer.status_code == 422
    assert answer.json()["reason"] == "configuration"
    assert "root:" not in answer.text
    assert (await mover.client.get("/api/v1/connections", headers=mover.owner.bearer)).json()["items"] == []


async def test_a_connection_is_not_turned_into_a_reader_later(mover: Running) -> None:
    made = await _connect(mover, "nas", "sftp", _SFTP)
    body = {"configuration": {"host": "h", "username": "u", "private_key": "/etc/passwd"}}

    answer = await mover.client.put(
        made.headers["location"] + "/authorisation", headers=mover.owner.bearer, json=body
    )

    assert answer.status_code == 422
    assert (
        await mover.client.get(made.headers["location"], headers=mover.owner.bearer)
    ).json() == made.json()


async def test_a_folder_that_became_a_link_to_elsewhere_is_not_opened(mover: Running, files: Path) -> None:
    made = await _connect(mover, "share", "local", {"path": str(files / "inner")})
    (files / "inner").rmdir()
    (files / "inner").symlink_to("/etc")

    answer = await mover.client.get(made.headers["location"] + "/folders", headers=mover.owner.bearer)

    assert answer.status_code == 422
    assert "passwd" not in answer.text


async def test_links_inside_of_a_folder_lead_nowhere(mover: Running, files: Path) -> None:
    (files / "etc").symlink_to("/etc")
    connection = await _folder(mover, files)

    answer = await mover.client.get(
        f"/api/v1/connections/{connection}/folders", params={"path": "/etc"}, headers=mover.owner.bearer
    )

    assert answer.status_code in {404, 424}
    assert "passwd" not in answer.text


@pytest.mark.parametrize("path", ["/..", "/../..", "/inner/../../..", "/./", "/inner/\u0000"])
async def test_paths_do_not_climb(mover: Running, files: Path, path: str) -> None:
    connection = await _folder(mover, files)

    answer = await mover.client.get(
        f"/api/v1/connections/{connection}/folders", params={"path": path}, headers=mover.owner.bearer
    )

    assert answer.status_code == 422


async def test_a_connection_is_tested(mover: Running, files: Path) -> None:
    connection = await _folder(mover, files)

    answer = await mover.client.post(f"/api/v1/connections/{connection}/test", headers=mover.owner.bearer)

    assert answer.status_code == 200, answer.text
    assert answer.json()["description"]
    shown = await mover.client.get(f"/api/v1/connections/{connection}", headers=mover.owner.bearer)
    assert shown.json()["last_used_at"] is not None


async def test_a_folder_is_browsed_in_pages(mover: Running, files: Path) -> None:
    for number in range(25):
        (files / f"folder {number}").mkdir()
    connection = await _folder(mover, files)
    found: list[str] = []
    query: dict[str, str] = {"limit": "4", "folders_only": "true"}
    while True:
        answer = await mover.client.get(
            f"/api/v1/connections/{connection}/folders", params=query, headers=mover.owner.bearer
        )
        assert answer.status_code == 200, answer.text
        found += [entry["path"] for entry in answer.json()["items"]]
        if answer.json()["next_cursor"] is None:
            break
        query["cursor"] = answer.json()["next_cursor"]

    assert sorted(found) == sorted([f"/folder {number}" for number in range(25)] + ["/inner"])


async def test_a_folder_is_made_once(mover: Running, files: Path) -> None:
    connection = await _folder(mover, files)
    address = f"/api/v1/connections/{connection}/folders"

    made = await mover.client.post(address, headers=mover.owner.bearer, json={"path": "/inner/new/"})
    again = await mover.client.post(address, headers=mover.owner.bearer, json={"path": "/inner/new"})
    orphan = await mover.client.post(address, headers=mover.owner.bearer, json={"path": "/missing/new"})

    assert (made.status_code, again.status_code, orphan.status_code) == (201, 201, 404)
    assert made.json()["path"] == again.json()["path"] == "/inner/new"
    assert (files / "inner" / "new").is_dir()


async def test_a_service_that_refuses_is_not_mistaken_for_mover(mover: Running) -> None:
    made = await _connect(mover, "nas", "sftp", _SFTP | {"host": "127.0.0.1", "port": 1})

    answer = await mover.client.post(made.headers["location"] + "/test", headers=mover.owner.bearer)

    assert answer.status_code == 424
    assert answer.json()["reason"] == "unreachable"
    assert "no connection to 127.0.0.1:1" in answer.json()["detail"]
    assert "canary" not in answer.text


async def test_private_addresses_are_the_operators_decision(mover: Running) -> None:
    mover.services.connections._egress.rules.__init__(PrivateAddresses())  # type: ignore[misc]  # the strictest rules
    made = await _connect(mover, "inside", "webdav", {"url": "https://169.254.169.254/latest/meta-data"})

    answer = await mover.client.post(made.headers["location"] + "/test", headers=mover.owner.bearer)

    assert answer.status_code == 422
    assert answer.json()["reason"] == "address_refused"


async def test_an_organisation_opens_few_connections_at_once(mover: Running, files: Path) -> None:
    connection = await _folder(mover, files)
    opened = 0
    most = 0
    full = asyncio.Event()

    async def slowly() -> httpx.Response:
        return await mover.client.post(f"/api/v1/connections/{connection}/test", headers=mover.owner.bearer)

    of = mover.services.connections._of

    def counting(actor: Any) -> Any:
        connections = of(actor)
        sign_in = connections.sign_in

        async def counted(name: str) -> Any:
            nonlocal opened, most
            opened += 1
            most = max(most, opened)
            if opened == OPEN_AT_ONCE:
                full.set()
            await full.wait()
            for _ in range(20):
                await asyncio.sleep(0)
            opened -= 1
            return await sign_in(name)

        connections.sign_in = counted  # type: ignore[method-assign]  # to look at it from outside
        return connections

    mover.services.connections._of = counting  # type: ignore[method-assign]  # likewise
    answers = await asyncio.gather(*(slowly() for _ in range(10)))

    assert {answer.status_code for answer in answers} == {200}
    assert most == OPEN_AT_ONCE


async def test_services_describe_what_to_fill_in(mover: Running) -> None:
    answer = await mover.client.get("/api/v1/services", headers=mover.owner.bearer)

    services = {service["name"]: service for service in answer.json()["items"]}
    sftp = services["sftp"]["configuration_schema"]
    assert {"local", "sftp", "s3", "webdav", "mysql"} <= services.keys()
    secret = {"type": "string", "format": "password", "writeOnly": True}
    assert sftp["properties"]["password"]["anyOf"] == [secret, {"type": "null"}]
    assert "agent" not in sftp["properties"]
    assert "host_key" not in sftp["properties"]
    assert sftp["required"] == ["host", "username"]
    assert "ca_file" not in services["webdav"]["configuration_schema"]["properties"]
    assert "$ref" not in answer.text


@pytest.mark.promise("audit")
async def test_that_a_connection_is_opened_is_recorded_once_for_each_purpose(
    mover: Running, files: Path
) -> None:
    connection = await _folder(mover, files)
    address = f"/api/v1/connections/{connection}"

    for _ in range(3):
        assert (await mover.client.get(f"{address}/folders", headers=mover.owner.bearer)).status_code == 200
        assert (await mover.client.post(f"{address}/test", headers=mover.owner.bearer)).status_code == 200

    log = await mover.client.get("/api/v1/audit-events", headers=mover.owner.bearer)
    used = [one for one in log.json()["items"] if one["action"] == "connection.opened"]
    assert [one["details"]["for"] for one in used] == ["test", "browse"]
    assert {one["details"]["id"] for one in used} == {connection}
    assert used[0]["details"]["process"].startswith("api ")
    assert used[0]["actor_kind"] == "api_key"


async def test_viewers_do_not_look_into_services(mover: Running, files: Path) -> None:
    connection = await _folder(mover, files)
    viewer = mover.installation.callers[Role.VIEWER].bearer

    browsed = await mover.client.get(f"/api/v1/connections/{connection}/folders", headers=viewer)
    seen = await mover.client.get(f"/api/v1/connections/{connection}", headers=viewer)

    assert (browsed.status_code, seen.status_code) == (403, 200)


async def test_nothing_of_a_deleted_organisation_stays(mover: Running) -> None:
    await _connect(mover, "nas", "sftp", _SFTP)
    theirs = await _connect(mover, "nas", "sftp", _SFTP, by=mover.installation.stranger.bearer)
    gone = await mover.client.post(
        "/app/v1/organisation/deletion", headers=mover.owner.browser, json={"typed_name": "Example Ltd"}
    )

    while await mover.services.accounts.departures.remove_deleted():
        pass
    left = await mover.services.database.read(lambda c: list(c.execute(select(connections.c.id)).scalars()))

    assert gone.status_code == 204, gone.text
    assert (await mover.client.get("/api/v1/connections", headers=mover.owner.bearer)).status_code == 401
    assert left == [theirs.json()["id"]]
