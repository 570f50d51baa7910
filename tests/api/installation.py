"""An installation with two organisations and somebody in every role, made once; each test gets a copy of it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from fastapi import FastAPI
from tests.database_url import Kind, as_staff, copy, fresh, in_use

from mover.accounts.actor import Role
from mover.accounts.passwords import Argon2Cost
from mover.accounts.records import Client, Entrance
from mover.api.app import app_of
from mover.api.cookies import SESSION_COOKIE
from mover.api.services import Services, make_services
from mover.database.database import Database
from mover.migrations.records import Schedule
from mover.settings import PrivateAddresses, Settings
from mover.transport.egress import Egress
from mover.vault.providers import FileKeyProvider
from mover.vault.secret import Secret
from mover.vault.vault import Vault

URL = "https://mover.example.org"
PASSWORD = Secret("a rather long passphrase 7")
CLIENT = Client("192.0.2.7", "a browser")


@dataclass(frozen=True)
class Place:
    """Everything open."""

    settings: Settings
    database: Database
    vault: Vault
    egress: Egress


@dataclass
class Recorded:
    """An `Orchestration` that writes down what it was told."""

    nudges: list[str] = field(default_factory=list)
    put: list[Schedule] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    async def nudge(self, organisation_id: str) -> None:
        self.nudges.append(organisation_id)

    async def put_schedule(self, schedule: Schedule) -> None:
        self.put.append(schedule)

    async def remove_schedule(self, schedule_id: str) -> None:
        self.removed.append(schedule_id)


@dataclass(frozen=True)
class Caller:
    """Somebody of an organisation: how a browser of theirs and a key with their permissions call."""

    role: Role
    organisation_id: str
    person_id: str
    session: Entrance
    key: Secret

    @property
    def bearer(self) -> dict[str, str]:
        """Headers of a program."""
        return {"Authorization": f"Bearer {self.key.reveal()}"}

    @property
    def cookie(self) -> dict[str, str]:
        """Headers of a browser that only looks."""
        return {"Cookie": f"{SESSION_COOKIE}={self.session.token.reveal()}"}

    @property
    def browser(self) -> dict[str, str]:
        """Headers of a page of ours that changes something."""
        csrf = self.session.signed_in.csrf_token.reveal()
        return {**self.cookie, "X-CSRF-Token": csrf, "Origin": URL, "Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True)
class Installation:
    """What the template holds."""

    home: Path
    callers: dict[Role, Caller]
    stranger: Caller  # owner of the other organisation

    @property
    def owner(self) -> Caller:
        return self.callers[Role.OWNER]


@dataclass(frozen=True)
class Running:
    """A copy of an installation, answering."""

    installation: Installation
    services: Services
    app: FastAPI
    orchestration: Recorded
    client: httpx.AsyncClient

    @property
    def owner(self) -> Caller:
        return self.installation.owner


@asynccontextmanager
async def opened(home: Path) -> AsyncIterator[tuple[Services, Recorded]]:
    settings = Settings(
        home=home,
        database_url=Secret(url := fresh(home)),
        staff_database_url=None if in_use() is Kind.SQLITE else Secret(as_staff(url)),
        public_url=URL,
        local_folders=(home / "files",),
        allow_private_addresses=PrivateAddresses(every=True),
    )
    database = await Database.open(settings.database_url)
    egress = Egress.from_settings(settings)
    place = Place(settings, database, Vault(database, FileKeyProvider(settings.global_key_path)), egress)
    orchestration = Recorded()
    cheap = Argon2Cost(memory_kib=8, passes=1, lanes=1)
    try:
        services = make_services(place, orchestration, cost=cheap)
        async with services.running():
            yield services, orchestration
    finally:
        await egress.close()
        await database.close()


async def make_installation(home: Path) -> Installation:
    """Found two organisations, and let people of every role come in."""
    fresh(home, lasting=True)
    (home / "files" / "inner").mkdir(parents=True)
    (home / "files" / "a file.txt").write_bytes(b"content")
    async with opened(home) as (services, _):
        founded = await services.organisations.found(
            "Example Ltd", owner_email="owner@example.org", owner_name="Olga", password=PASSWORD
        )
        entrance = await _signed_in(services, founded.owner.email)
        callers = {Role.OWNER: await _caller(services, entrance, entrance, Role.OWNER)}
        for role in (Role.ADMINISTRATOR, Role.OPERATOR, Role.VIEWER):
            joined = await _joined(services, entrance, role, "example.org")
            callers[role] = await _caller(services, entrance, joined, role)
        other = await services.organisations.create(entrance.signed_in.actor, "Other Ltd")
        there = await services.sessions.switch(
            (await _signed_in(services, founded.owner.email)).signed_in, other.id, CLIENT
        )
        joined = await _joined(services, there, Role.OWNER, "other.example")
        stranger = await _caller(services, joined, joined, Role.OWNER)
    return Installation(home, callers, stranger)


async def _signed_in(services: Services, email: str) -> Entrance:
    entrance = await services.sign_in.with_password(email, PASSWORD, CLIENT)
    assert isinstance(entrance, Entrance)
    return entrance


async def _joined(services: Services, by: Entrance, role: Role, domain: str) -> Entrance:
    invited = await services.invitations.invite(by.signed_in.actor, f"{role.value}@{domain}", role)
    assert invited.link is not None
    token = Secret(invited.link.reveal().rpartition("/")[2])
    return await services.invitations.accept_as_new(
        token, name=f"The {role.value}", password=PASSWORD, client=CLIENT
    )


async def _caller(services: Services, maker: Entrance, entrance: Entrance, role: Role) -> Caller:
    """With a key of the same permissions, made by an owner: people below administrators make none."""
    made = await services.api_keys.make(
        maker.signed_in.actor,
        f"key of the {role.value}",
        role.permissions,
        calls_per_minute=60_000,
        burst=10_000,
    )
    actor = entrance.signed_in.actor
    return Caller(role, actor.organisation_id, actor.id, entrance, made.text)


@asynccontextmanager
async def running(
    installation: Installation, home: Path, app: FastAPI | None = None
) -> AsyncIterator[Running]:
    """Copy an installation and answer requests for it. An application that is given saves making one."""
    shutil.copytree(installation.home, home, dirs_exist_ok=True)
    copy(installation.home, home)
    async with opened(home) as (services, orchestration):
        app = app or app_of(services)
        app.state.services = services
        transport = httpx.ASGITransport(app, client=("192.0.2.7", 4000))
        async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
            yield Running(installation, services, app, orchestration, client)
