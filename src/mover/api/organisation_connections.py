"""The connections of an organisation: who may do what with them, and looking into them from the API and the pages.

Opening one signs in at a service of somebody else's, which takes as long as that likes: so there is a limit to how long,
and to how many an organisation opens at once. All goes out through the same `Egress` as a move.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import msgspec
from sqlalchemy import Connection as Transaction

from mover.accounts.actor import Actor, Permission
from mover.accounts.audit import Auditor
from mover.accounts.queries.api_keys import person_behind
from mover.accounts.refusals import NoSuchThing, NotPossible
from mover.api.folder_pages import FolderPage, Position, page_of
from mover.api.problems import ServiceRefused
from mover.api.turns import Turns
from mover.connections.browser_sign_in import BrowserSignIn, Wanted
from mover.connections.connections import NO_APPS, Connections
from mover.connections.records import Connection
from mover.connections.revoking import Revocation
from mover.connections.service_rules import ServiceRules
from mover.connectors.bounded import Bounded
from mover.connectors.contract import Account, Connector, Place
from mover.connectors.registry import ConnectorType, connector_type, service_names
from mover.database.database import Database
from mover.entries import Entry, EntryRef, clean_path
from mover.errors import InvalidConfiguration, MoverError, TimedOut
from mover.transport.egress import Egress
from mover.transport.oauth.description import AppRegistration
from mover.transport.oauth.proofs import Proofs
from mover.vault.secret import Secret
from mover.vault.vault import Vault

CONNECTION_ADDED = "connection.added"
CONNECTION_AUTHORISED = "connection.authorised"
CONNECTION_REMOVED = "connection.removed"
CONNECTION_OPENED = "connection.opened"

_TOLD_EVERY_S = (
    600.0  # that the same one opens the same connection for the same: a browser lists each folder anew
)
_TOLD = 1_000

OPEN_LIMIT_S = 45.0

Values = Mapping[str, Secret | int | bool | None]


class OrganisationConnections:
    """The connections of all organisations, each seen by its own people and keys only.

    Args:
        database: Holds names and what is not secret.
        vault: Holds the secrets, of `organisation:<id>`.
        egress: The way out.
        auditor: Keeps what happened.
        rules: What may be filled in.
        apps: As what Mover is registered at the vendors, by vendor.
        types: Finds a service by name.
        now: Seconds since 1970 UTC.
        limit_s: Longest time to open one and look.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        egress: Egress,
        auditor: Auditor,
        rules: ServiceRules,
        *,
        apps: Mapping[str, AppRegistration] = NO_APPS,
        types: Callable[[str], ConnectorType] = connector_type,
        now: Callable[[], float] = time.time,
        limit_s: float = OPEN_LIMIT_S,
    ) -> None:
        self._database = database
        self._vault = vault
        self._egress = egress
        self._auditor = auditor
        self._rules = rules
        self._apps = apps
        self._types = types
        self._now = now
        self._limit_s = limit_s
        self._turns = Turns()
        self._told: Bounded[tuple[str, str, str], float] = Bounded(_TOLD)

    @property
    def apps(self) -> Mapping[str, AppRegistration]:
        """As what Mover is registered at the vendors, by vendor."""
        return self._apps

    @property
    def rules(self) -> ServiceRules:
        """What may be filled in."""
        return self._rules

    def services(self, actor: Actor) -> list[ConnectorType]:
        """The services that can be connected here, by name. Needs READ."""
        actor.require(Permission.READ)
        return [self._types(name) for name in service_names() if self._rules.offers(name)]

    async def all(self, actor: Actor) -> list[Connection]:
        """List them by name. Needs READ."""
        actor.require(Permission.READ)
        return await self._of(actor).all()

    async def get(self, actor: Actor, connection_id: str) -> Connection:
        """Find one. Needs READ. Raises NotFound."""
        actor.require(Permission.READ)
        for connection in await self._of(actor).all():
            if connection.id == connection_id:
                return connection
        raise NoSuchThing("there is no such connection")

    async def add(self, actor: Actor, name: str, service: str, values: Values) -> Connection:
        """Save a connection; it is not signed in for that. Needs CONNECT. Raises InvalidConfiguration."""
        actor.require(Permission.CONNECT)
        await self._expect_free(actor, name, replace=False)
        return await self._of(actor).add(
            name,
            service,
            _typed(values),
            added_by=await self._person(actor),
            along=self._audited(actor, CONNECTION_ADDED),
        )

    async def authorise(self, actor: Actor, connection_id: str, values: Values) -> Connection:
        """Fill one in anew; it keeps its id, name and service. Needs CONNECT. Raises NotFound, InvalidConfiguration."""
        actor.require(Permission.CONNECT)
        before = await self.get(actor, connection_id)
        return await self._of(actor).add(
            before.name,
            before.service,
            _typed(values),
            replace=True,
            added_by=await self._person(actor),
            along=self._audited(actor, CONNECTION_AUTHORISED),
        )

    async def rehearse(
        self, actor: Actor, name: str, service: str, values: Values, *, replace: bool = False
    ) -> tuple[Account, Values]:
        """Sign in with what `add` would save (with `replace`: `authorise`), and save nothing. Needs CONNECT.

        Returns who is signed in, and what the connector found out (a host key to be pinned): given along with the values,
        it is kept.

        Raises InvalidConfiguration, ServiceRefused.
        """
        actor.require(Permission.CONNECT)
        async with self._bounded(actor, name):
            account, found = await self._of(actor).rehearse(name, service, _typed(values), replace=replace)
        return account, _as_values(found)

    async def leaving_address(
        self,
        actor: Actor,
        name: str,
        service: str,
        values: Values,
        proofs: Proofs,
        redirect_uri: str,
        *,
        replace: bool,
    ) -> str:
        """Where the browser goes that signs in at a service's own page. Needs CONNECT.

        Raises InvalidConfiguration as `add` and `authorise`, AppMissing.
        """
        actor.require(Permission.CONNECT)
        await self._expect_free(actor, name, replace=replace)
        wanted = Wanted(name=name, service=service, values=_typed(values), replace=replace)
        return await self._by_browser(actor).address(wanted, proofs, redirect_uri)

    async def tokens_for(
        self,
        actor: Actor,
        name: str,
        service: str,
        values: Values,
        answer: Mapping[str, str],
        proofs: Proofs,
        redirect_uri: str,
        *,
        replace: bool,
    ) -> Values:
        """Exchange what a browser brought back, and return the values with the tokens in them. Needs CONNECT.

        Raises InvalidConfiguration, ServiceRefused.
        """
        actor.require(Permission.CONNECT)
        wanted = Wanted(name=name, service=service, values=_typed(values), replace=replace)
        async with self._bounded(actor, name):
            found = await self._by_browser(actor).tokens(wanted, answer, proofs, redirect_uri)
        return _as_values(found)

    async def remove(self, actor: Actor, connection_id: str) -> Revocation:
        """Forget one, destroy its secrets, and revoke its tokens at the service. Needs CONNECT. Raises NotFound."""
        actor.require(Permission.CONNECT)
        connection = await self.get(actor, connection_id)
        return await self._of(actor).remove(connection.name, along=self._audited(actor, CONNECTION_REMOVED))

    async def test(self, actor: Actor, connection_id: str) -> Account:
        """Sign in and tell as whom. Needs CONNECT. Raises NotFound, ServiceRefused."""
        actor.require(Permission.CONNECT)
        async with self._opened(actor, connection_id, "test") as (_, account):
            return account

    async def browse(
        self,
        actor: Actor,
        connection_id: str,
        path: str,
        *,
        position: str | None = None,
        limit: int = 200,
        folders_only: bool = False,
    ) -> FolderPage:
        """List what stands in a folder. Needs PLAN. Raises NotFound, InvalidConfiguration, ServiceRefused."""
        actor.require(Permission.PLAN)
        begin = msgspec.json.decode(position, type=Position) if position else Position(None, 0)
        where = _path(path)
        async with self._opened(actor, connection_id, "browse") as (connector, _):
            folder = await connector.look_up(where)
            return await page_of(
                connector, EntryRef(where, folder.id), begin, limit=limit, folders_only=folders_only
            )

    async def create_folder(self, actor: Actor, connection_id: str, path: str) -> Entry:
        """Make a folder, and return it; one that is there already is returned. Needs PLAN.

        Raises NotFound (also if its parent is not there), InvalidConfiguration, ServiceRefused.
        """
        actor.require(Permission.PLAN)
        where = _path(path)
        parent, _, name = where.rpartition("/")
        if not name:
            raise InvalidConfiguration("the path names no new folder")
        async with self._opened(actor, connection_id, "create a folder") as (connector, _):
            folder = await connector.look_up(parent or "/")
            return await connector.create_folder(EntryRef(parent or "/", folder.id), name)

    async def places(self, actor: Actor, connection_id: str) -> Sequence[Place] | None:
        """People and sites, where the account administers those of others; for discovery. Needs PLAN.

        Raises NotFound, ServiceRefused.
        """
        actor.require(Permission.PLAN)
        async with self._opened(actor, connection_id, "discover") as (connector, _):
            if connector.places is None:
                return None
            async with aclosing(connector.places.all()) as pages:
                return [place async for page in pages for place in page]

    async def top_folders(self, actor: Actor, connection_id: str) -> Sequence[str]:
        """Names of the folders at the top; for discovery. Needs PLAN. Raises NotFound, ServiceRefused."""
        found: list[str] = []
        position = None
        while True:
            page = await self.browse(
                actor, connection_id, "/", position=position, limit=1000, folders_only=True
            )
            found += [entry.name for entry in page.entries]
            position = page.next
            if position is None:
                return found

    async def _expect_free(self, actor: Actor, name: str, *, replace: bool) -> None:
        if not replace and any(connection.name == name for connection in await self._of(actor).all()):
            raise NotPossible(f"there is a connection {name!r} already")

    def _by_browser(self, actor: Actor) -> BrowserSignIn:
        return BrowserSignIn(self._of(actor), self._egress, self._apps, types=self._types, now=self._now)

    def _of(self, actor: Actor) -> Connections:
        return Connections(
            self._database,
            self._vault,
            self._egress,
            person=_person(actor.organisation_id),
            rules=self._rules,
            apps=self._apps,
            types=self._types,
            now=self._now,
        )

    async def _person(self, actor: Actor) -> str | None:
        return await self._database.read(lambda transaction: person_behind(transaction, actor))

    def _audited(self, actor: Actor, action: str) -> Callable[[Transaction, Connection], None]:
        def record(transaction: Transaction, connection: Connection) -> None:
            self._auditor.record(
                transaction,
                actor,
                action,
                f"connection {connection.name}",
                {"service": connection.service}
                | ({"account": account} if (account := connection.config.get("account")) else {}),
                now_ns=int(self._now() * 1e9),
            )

        return record

    @asynccontextmanager
    async def _opened(
        self, actor: Actor, connection_id: str, purpose: str
    ) -> AsyncIterator[tuple[Connector, Account]]:
        connection = await self.get(actor, connection_id)
        try:
            async with self._bounded(actor, connection.name):
                await self._tell_of_use(actor, connection, purpose)
                connector, account = await self._of(actor).sign_in(connection.name)
                try:
                    yield connector, account
                finally:
                    await connector.close()
        except InvalidConfiguration as error:  # of what is saved, not of what was asked for
            raise ServiceRefused(error.at(service=connection.name)) from error

    async def _tell_of_use(self, actor: Actor, connection: Connection, purpose: str) -> None:
        """Record that a connection's secrets are used, before they are; the same again once in ten minutes."""
        what, now_s = (f"{actor.kind}:{actor.id}", connection.id, purpose), self._now()
        told_s = self._told.get(what)
        if told_s is not None and 0 <= now_s - told_s < _TOLD_EVERY_S:
            return
        await self._database.write(
            lambda transaction: self._auditor.record(
                transaction,
                actor,
                CONNECTION_OPENED,
                f"connection {connection.name}",
                {"id": connection.id, "for": purpose, "process": f"api {os.getpid()}"},
                now_ns=int(now_s * 1e9),
            )
        )
        self._told.put(what, now_s)

    @asynccontextmanager
    async def _bounded(self, actor: Actor, name: str) -> AsyncIterator[None]:
        """Talk to a service: in turn, not for too long, and with its errors as such. InvalidConfiguration is ours."""
        limit = asyncio.timeout(self._limit_s)
        async with self._turns.of(actor.organisation_id):
            try:
                async with limit:
                    yield
            except InvalidConfiguration:
                raise
            except MoverError as error:
                raise ServiceRefused(error.at(service=name)) from error
            except TimeoutError:
                if not limit.expired():
                    raise
                late = TimedOut(f"{name!r} did not answer within {self._limit_s:.0f} s")
                raise ServiceRefused(late) from None


def _person(organisation_id: str) -> str:
    """What connections and the vault call an organisation."""
    return f"organisation:{organisation_id}"


def _path(text: str) -> str:
    try:
        return clean_path(text)
    except ValueError as error:
        raise InvalidConfiguration(str(error)) from None


def _typed(values: Values) -> dict[str, str | Secret]:
    """As `Connections` takes them: text, as if typed. What is null was left empty."""
    typed: dict[str, str | Secret] = {}
    for name, value in values.items():
        match value:
            case None:
                continue
            case bool():
                typed[name] = "true" if value else "false"
            case int():
                typed[name] = str(value)
            case Secret():
                typed[name] = value
    return typed


def _as_values(found: Mapping[str, str | Secret]) -> Values:
    return {key: value if isinstance(value, Secret) else Secret(value) for key, value in found.items()}


def shown_configuration(kind: ConnectorType, connection: Connection) -> dict[str, Any]:
    """What was filled in and is not secret, as it is shown."""
    secret = {key.name for key in kind.config.keys() if key.secret}  # noqa: SIM118 - not a dictionary's `keys`
    return {name: value for name, value in connection.config.items() if name not in secret}
