"""Secrets go in and never come out: canaries in every secret field, then a search of all that was answered, logged and stored."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.api.installation import Running
from tests.api.test_every_route import _address, _ask, _credentials, _operations

from mover.connectors.configuration import Reach
from mover.connectors.registry import connector_type, service_names
from mover.vault.secret import Secret

_NOT_SECRET: dict[str, dict[str, Any]] = {
    "sftp": {"host": "127.0.0.1", "port": 1, "username": "u"},
    "ftp": {"host": "127.0.0.1", "port": 1, "username": "u", "plain": True},
    "ftps": {"host": "127.0.0.1", "port": 1, "username": "u"},
    "webdav": {"url": "https://127.0.0.1:1/", "username": "u"},
    "s3": {"endpoint": "https://127.0.0.1:1", "access_key": "a"},
    "swift": {"url": "https://127.0.0.1:1/v3", "username": "u"},
    "dropbox": {},
    "dropbox-business": {},
    "mysql": {"host": "127.0.0.1", "port": 1, "username": "u"},
    "box": {},
    "box-enterprise": {"client_id": "c", "enterprise_id": "1"},
    "egnyte": {"domain": "acme"},
    "google": {},
    "google-admin": {"admin": "a@example.org"},
    "office365": {"tenant": "t.example", "client_id": "c"},
    "onedrive": {},
    "sharepoint": {},
}


def _secret_keys(service: str) -> list[str]:
    return [key.name for key in connector_type(service).config.keys() if key.secret]  # noqa: SIM118 - not a dictionary's `keys`


def _bodies() -> list[dict[str, Any]]:
    """Each secret of each service: alone, with what is missing, with a wrong type, with a key that is none."""
    bodies = []
    for service in service_names():
        for key in _secret_keys(service):
            canary = f"canary-{service}-{key}"
            right = {"configuration": _NOT_SECRET[service] | {key: canary}, "service": service}
            bodies += [
                {"name": f"{service}-{key}"[:63].replace("_", "-"), **right},
                {"name": "not a name", **right},
                {"name": "x", "service": service, "configuration": {key: canary}},
                {"name": "x", "service": "nonsense", "configuration": {key: canary}},
                {"name": "x", "service": service, "configuration": {key: [canary]}},
                {"name": "x", "service": service, "configuration": {key: {canary: canary}}},
                {"name": "x", "service": service, "configuration": {key: canary + "\0"}},
                {"name": "x", "service": service, "configuration": {key: canary * 8000}},
                {"name": "x", "service": service, "configuration": {key: f"-----BEGIN {canary}"}},
                {"name": "x", "service": service, "configuration": {key: canary, "port": "nonsense"}},
                {"name": "x", "service": service, "configuration": {key: canary}, "more": canary},
            ]
    return bodies


def _only_this_machine(look_up: Callable[..., Any]) -> Callable[..., Any]:
    """Let the names of cloud services be unknown, as they are to a machine without a network."""

    def looked_up(host: Any, *arguments: Any, **more: Any) -> Any:
        if isinstance(host, str) and host.endswith(".com"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *arguments, **more)

    return looked_up


@pytest.mark.slow
async def test_no_secret_comes_out_anywhere(
    mover: Running,
    samples: dict[str, str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _only_this_machine(socket.getaddrinfo))
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "httpx")  # the tests' own client
    answers: list[str] = []
    saved = []
    for body in _bodies():
        answer = await mover.client.post("/api/v1/connections", headers=mover.owner.bearer, json=body)
        answers.append(answer.text)
        if answer.status_code == 201:
            saved.append(answer.json()["id"])
    for connection in saved:
        for call in ("test", "folders"):
            method = "POST" if call == "test" else "GET"
            address = f"/api/v1/connections/{connection}/{call}"
            answer = await mover.client.request(method, address, headers=mover.owner.bearer)
            assert answer.status_code in {409, 422, 424}
            answers.append(answer.text)
    for route in _operations(mover.app):
        if route.operation.method == "GET" and route.operation.name != "watch_runs":
            for found in (samples, samples | {"connection_id": saved[0]}):
                answer = await _ask(mover, route, _address(route, found), _credentials(route, mover.owner))
                answers.append(answer.text)
    await mover.services.database.close()
    stored = b"".join(file.read_bytes() for file in (tmp_path / "installation").glob("mover.db*"))

    assert len(saved) >= 7
    assert [text for text in answers if "canary" in text] == []
    assert "canary" not in caplog.text
    assert b"canary-" not in stored


async def test_keys_and_tokens_are_in_no_answer_log_or_database(
    mover: Running, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "httpx")  # the tests' own client
    made = await mover.client.post(
        "/app/v1/api-keys",
        headers=mover.owner.browser | {"Idempotency-Key": "one"},
        json={"name": "x", "scopes": ["read"]},
    )
    webhook = await mover.client.post(
        "/api/v1/webhooks",
        headers=mover.owner.bearer | {"Idempotency-Key": "one"},
        json={"url": "https://hooks.example.org/", "events": ["run.ended"]},
    )
    shown_once = [made.json()["text"], webhook.json()["secret"]]
    secrets = [*shown_once, mover.owner.key.reveal(), mover.owner.session.token.reveal()]
    answers = [
        (await _ask(mover, route, route.path, _credentials(route, mover.owner))).text
        for route in _operations(mover.app)
        if route.operation.method == "GET" and "{" not in route.path and route.operation.name != "watch_runs"
    ]
    await mover.services.database.close()
    stored = b"".join(file.read_bytes() for file in (tmp_path / "installation").glob("mover.db*"))

    for secret in secrets:
        assert not any(secret in text for text in answers)
        assert secret not in caplog.text
        assert secret.encode() not in stored


def test_every_secret_is_among_the_canaries() -> None:
    assert {service for service in service_names() if _secret_keys(service)} <= _NOT_SECRET.keys()
    assert any(key.reach is Reach.KEY_FILE for key in connector_type("sftp").config.keys())  # noqa: SIM118 - as above
    assert "canary" not in repr(Secret("canary"))
