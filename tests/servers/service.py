"""Mover's own API as a process of its own, over TLS, on a throwaway home: with an owner and an API key."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.processes import free_port, running

from mover.accounts.actor import Actor, ActorKind, Permission, Role
from mover.accounts.api_keys import ApiKeys
from mover.accounts.attempts import Attempts
from mover.accounts.audit_log import AuditLog
from mover.serving.first_owner import first_owner
from mover.settings import Settings
from mover.vault.secret import Secret
from mover.workplace.workplace import open_workplace

EMAIL = "owner@example.org"


@dataclass(frozen=True)
class Prepared:
    """A home with an owner, and who that is.

    Attributes:
        home: MOVER_HOME.
        actor: The owner, with all that an owner may do.
        password: The owner's.
        key: Of the API, with every scope but those of owners and administrators.
        narrow_key: One that may only look.
    """

    home: Path
    actor: Actor
    password: Secret
    key: Secret
    narrow_key: Secret


@dataclass(frozen=True)
class MoverApi:
    """The API, running."""

    url: str
    port: int
    ca_file: Path
    log: Path
    prepared: Prepared
    process: subprocess.Popen[bytes]


async def prepare_home(home: Path) -> Prepared:
    """Make a home's database, owner and keys, as a first start would."""
    settings = Settings(home=home)
    async with open_workplace(settings) as place:
        founded = await first_owner(place, EMAIL)
        assert founded is not None
        assert founded.password is not None
        owner = Actor(
            founded.organisation.id, ActorKind.PERSON, founded.owner.id, EMAIL, Role.OWNER.permissions
        )
        keys = ApiKeys(place.database, Attempts(place.database), AuditLog(place.database))
        wide = frozenset({Permission.READ, Permission.RUN, Permission.PLAN, Permission.CONNECT})
        made = await keys.make(owner, "tests", wide, calls_per_minute=60_000, burst=10_000)
        narrow = await keys.make(owner, "tests that look", frozenset({Permission.READ}))
    return Prepared(home, owner, founded.password, made.text, narrow.text)


@contextlib.contextmanager
def mover_api(
    folder: Path, prepared: Prepared, *, environment: Mapping[str, str] | None = None, port: int | None = None
) -> Iterator[MoverApi]:
    """Run `mover api` for the time of a `with` block, without runners."""
    port = port or free_port()
    ca_file = prepared.home / "tls" / "ca.pem"
    log = folder / "api.log"
    variables = {"MOVER_HOME": str(prepared.home), **(environment or {})}
    command = [sys.executable, "-m", "mover", "api", "--host", "localhost", "--port", str(port)]
    with running(
        command, log=log, ready=lambda: answers(port, ca_file), within_s=90, environment=variables
    ) as process:
        yield MoverApi(f"https://localhost:{port}", port, ca_file, log, prepared, process)


def answers(port: int, ca_file: Path, path: str = "/healthz") -> bool:
    """Tell whether the API answers that all is well."""
    if not ca_file.is_file():
        return False
    context = ssl.create_default_context(cafile=ca_file)
    connection = http.client.HTTPSConnection("localhost", port, timeout=10, context=context)
    with contextlib.closing(connection):
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


def ask(prepared: Prepared, port: int, ca_file: Path, method: str, path: str, body: object = None) -> Any:
    """Call the public API with the owner's key; returns what it answers. A refusal is an error of the test."""
    context = ssl.create_default_context(cafile=ca_file)
    headers = {"Authorization": f"Bearer {prepared.key.reveal()}", "Content-Type": "application/json"}
    api = http.client.HTTPSConnection("localhost", port, timeout=60, context=context)
    with contextlib.closing(api):
        api.request(method, f"/api/v1{path}", json.dumps(body) if body is not None else None, headers)
        answer = api.getresponse()
        text = answer.read()
        assert answer.status < 300, (path, answer.status, text)
        return json.loads(text)
