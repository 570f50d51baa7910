"""A whole set of accounts for tests: cheap passwords, a clock that is moved by hand, mail that is kept in a list."""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, Table, select
from tests.database_url import Kind, fresh, in_use

from mover.accounts.actor import Actor, ActorKind, Role
from mover.accounts.assembly import Accounts, assemble
from mover.accounts.organisations import Founded
from mover.accounts.passwords import Argon2Cost
from mover.accounts.records import Client, Entrance, SecondFactorNeeded, SignedIn
from mover.accounts.site import Site
from mover.database.database import Database
from mover.mail.message import Message
from mover.mail.queue import MailQueue
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.vault.providers import FileKeyProvider
from mover.vault.secret import Secret
from mover.vault.vault import Vault

START = 1_700_000_000.0
CHEAP = Argon2Cost(memory_kib=8, passes=1, lanes=1)
PASSWORD = Secret("violet teapot gravity")
OTHER_PASSWORD = Secret("copper meadow lantern")
CLIENT = Client("198.51.100.7", "Firefox")
OWNER = "ann@example.org"
SITE = Site("https://mover.example.org")


@dataclass
class Clock:
    """Seconds since 1970, moved by hand."""

    at: float = START

    def __call__(self) -> float:
        return self.at

    @property
    def ns(self) -> int:
        return int(self.at * 1e9)


@dataclass
class Letterbox:
    """Mail that was sent."""

    letters: list[Message] = field(default_factory=list)

    async def send(self, message: Message) -> None:
        self.letters.append(message)

    def token(self, to: str) -> Secret:
        """The token in the link of the latest letter to an address."""
        for letter in reversed(self.letters):
            if letter.to == to and letter.link:
                found = re.search(r"/([A-Za-z0-9_-]{43})$", letter.link)
                assert found
                return Secret(found[1])
        raise AssertionError(f"no letter with a link to {to}")


@dataclass
class House:
    """The accounts, and what stands around them."""

    accounts: Accounts
    database: Database
    vault: Vault
    clock: Clock
    letterbox: Letterbox
    queue: MailQueue
    founded: Founded
    another: Callable[[], Any]

    @property
    def owner(self) -> Actor:
        """The founder, without a session."""
        person, organisation = self.founded.owner, self.founded.organisation
        return Actor(organisation.id, ActorKind.PERSON, person.id, person.email, Role.OWNER.permissions)

    async def sign_in(
        self, email: str = OWNER, password: Secret = PASSWORD, client: Client = CLIENT
    ) -> SignedIn:
        return (await self.enter(email, password, client)).signed_in

    async def enter(
        self, email: str = OWNER, password: Secret = PASSWORD, client: Client = CLIENT
    ) -> Entrance:
        entrance = await self.accounts.sign_in.with_password(email, password, client)
        assert isinstance(entrance, Entrance)
        return entrance

    async def half_way(self, email: str = OWNER, password: Secret = PASSWORD) -> SecondFactorNeeded:
        needed = await self.accounts.sign_in.with_password(email, password, CLIENT)
        assert isinstance(needed, SecondFactorNeeded)
        return needed

    async def actor(self, email: str = OWNER) -> Actor:
        return (await self.sign_in(email)).actor

    async def add_person(self, email: str, role: Role, actor: Actor | None = None) -> SignedIn:
        """Invite somebody and accept."""
        await self.accounts.invitations.invite(actor or self.owner, email, role)
        entrance = await self.accounts.invitations.accept_as_new(
            self.letterbox.token(email),
            name=email.partition("@")[0].title(),
            password=PASSWORD,
            client=CLIENT,
        )
        return entrance.signed_in

    async def other_organisation(self, email: str = "eve@example.net") -> SignedIn:
        """Another organisation with an owner of its own."""
        owner = await self.actor()
        made = await self.accounts.organisations.create(owner, "Others")
        founder = await self.sign_in()
        there = (await self.accounts.sessions.switch(founder, made.id, CLIENT)).signed_in
        return await self.add_person(email, Role.OWNER, there.actor)

    async def actions(self, actor: Actor | None = None) -> list[str]:
        """What the audit log says, the newest first."""
        page = await self.accounts.audit.page(actor or await self.actor())
        return [event.action for event in page.events]

    async def posted(self) -> None:
        """Wait until the queue has sent all that was posted."""
        await self.queue._waiting.join()

    async def rows(self, table: Table) -> list[Any]:
        return await self.database.read(lambda transaction: _all(transaction, table))


@functools.cache
def _template() -> tuple[dict[str, bytes], Founded]:
    """What founding leaves on disk: made once, since making the tables takes longer than most tests."""

    with TemporaryDirectory() as folder:
        file = Path(folder) / "state" / "mover.db"
        founded = asyncio.run(_found(f"sqlite:///{file}", Path(folder)))
        return {file.name: file.read_bytes()}, founded


async def _found(url: str, folder: Path) -> Founded:
    database = await Database.open(url)
    vault = Vault(database, FileKeyProvider(folder / "keys" / "global.key"))
    accounts = assemble(database, vault, Egress(), SITE, mail=None, queue=None, cost=CHEAP, now=lambda: START)
    founded = await accounts.organisations.found(
        "Example", owner_email=OWNER, owner_name="Ann Able", password=PASSWORD
    )
    await database.close()
    return founded


def _furnish(folder: Path) -> Founded:
    files, founded = _template()
    (folder / "state").mkdir(mode=0o700, exist_ok=True)
    for name, content in files.items():
        (folder / "state" / name).write_bytes(content)
    return founded


def _all(transaction: Connection, table: Table) -> list[Any]:
    return list(transaction.execute(select(table)).mappings())


@asynccontextmanager
async def open_house(
    folder: Path, *, ca_file: Path | None = None, mail: bool = True, clock: Clock | None = None
) -> AsyncIterator[House]:
    """Open the accounts in a folder; the first organisation is founded already, in a copy of the same database each time."""
    clock = clock or Clock()
    url = fresh(folder / "state")
    if in_use() is Kind.SQLITE:
        founded = await asyncio.to_thread(_furnish, folder)
    else:
        founded = await _found(url, folder)
    database = await Database.open(url)
    vault = Vault(database, FileKeyProvider(folder / "keys" / "global.key"), now=clock)
    egress = Egress(allowed=PrivateAddresses(every=True), ca_file=ca_file)
    letterbox = Letterbox()
    async with MailQueue(letterbox) as queue:

        def make(on: Database, holder: Vault) -> Accounts:
            return assemble(
                on,
                holder,
                egress,
                SITE,
                mail=letterbox if mail else None,
                queue=queue if mail else None,
                cost=CHEAP,
                now=clock,
            )

        others: list[Database] = []

        async def another() -> Accounts:
            """What a second process has: the same database, nothing else in common."""
            opened = await Database.open(url)
            others.append(opened)
            return make(opened, Vault(opened, FileKeyProvider(folder / "keys" / "global.key"), now=clock))

        accounts = make(database, vault)
        try:
            yield House(accounts, database, vault, clock, letterbox, queue, founded, another)
        finally:
            await accounts.close()
            await egress.close()
            for opened in others:
                await opened.close()
            await database.close()
