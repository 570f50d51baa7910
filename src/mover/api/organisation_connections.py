"""The connections of an organisation: who may do what with them, and looking into them from the API and the pages.

Opening one signs in at a service of somebody else's, which takes as long as that likes: so there is a limit to how long,
and to how many an organisation opens at once. All goes out through the same `Egress` as a move.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from sqlalchemy import Connection as Transaction

from mover.accounts.actor import Actor, Permission
from mover.accounts.audit import Auditor
from mover.accounts.refusals import NoSuchThing, NotPossible
from mover.api.problems import HttpProblem, ServiceRefused
from mover.connections.connections import NO_APPS, Connections
from mover.connections.records import Connection
from mover.connections.revoking import Revocation
from mover.connections.service_rules import ServiceRules
from mover.connectors.contract import Account, Connector
from mover.connectors.registry import ConnectorType, connector_type, service_names
from mover.database.database import Database
from mover.entries import Entry, EntryKind, EntryRef, clean_path
from mover.errors import InvalidConfiguration, MoverError, TimedOut
from mover.transport.egress import Egress
from mover.transport.oauth.description import AppRegistration
from mover.vault.secret import Secret
from mover.vault.vault import Vault

CONNECTION_ADDED = "connection.added"
CONNECTION_AUTHORISED = "connection.authorised"
CONNECTION_REMOVED = "connection.removed"

OPEN_AT_ONCE = 3
OPEN_LIMIT_S = 45.0
_PATIENCE_S = 10.0
_MOST_LOOKED_AT = 100_000

Values = Mapping[str, Secret | int | bool | None]


class Position(msgspec.Struct, frozen=True, array_like=True):
    """Where the listing of a folder goes on: after `skip` entries from the connector's own cursor."""

    cursor: str | None
    skip: int


@dataclass(frozen=True)
class FolderPage:
    """Some entries of a folder, and where the next ones begin; None at the end."""

    entries: list[Entry]
    next: str | None


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
        self._opening: dict[str, int] = {}
        self._freed = asyncio.Condition()

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
        if any(connection.name == name for connection in await self._of(actor).all()):
            raise NotPossible(f"there is a connection {name!r} already")
        return await self._of(actor).add(
            name, service, _typed(values), along=self._audited(actor, CONNECTION_ADDED)
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
        limit = asyncio.timeout(self._limit_s)
        async with self._slot(actor.organisation_id):
            try:
                async with limit:
                    account, found = await self._of(actor).rehearse(
                        name, service, _typed(values), replace=replace
                    )
            except InvalidConfiguration:
                raise
            except MoverError as error:
                raise ServiceRefused(error) from error
            except TimeoutError:
                if not limit.expired():
                    raise
                late = TimedOut(f"{name!r} did not answer within {self._limit_s:.0f} s")
                raise ServiceRefused(late) from None
        return account, {
            key: value if isinstance(value, Secret) else Secret(value) for key, value in found.items()
        }

    async def remove(self, actor: Actor, connection_id: str) -> Revocation:
        """Forget one, destroy its secrets, and revoke its tokens at the service. Needs CONNECT. Raises NotFound."""
        actor.require(Permission.CONNECT)
        connection = await self.get(actor, connection_id)
        return await self._of(actor).remove(connection.name, along=self._audited(actor, CONNECTION_REMOVED))

    async def test(self, actor: Actor, connection_id: str) -> Account:
        """Sign in and tell as whom. Needs CONNECT. Raises NotFound, ServiceRefused."""
        actor.require(Permission.CONNECT)
        async with self._opened(actor, connection_id) as (_, account):
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
        async with self._opened(actor, connection_id) as (connector, _):
            folder = await connector.look_up(where)
            return await _page(
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
        async with self._opened(actor, connection_id) as (connector, _):
            folder = await connector.look_up(parent or "/")
            return await connector.create_folder(EntryRef(parent or "/", folder.id), name)

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

    def _audited(self, actor: Actor, action: str) -> Callable[[Transaction, Connection], None]:
        def record(transaction: Transaction, connection: Connection) -> None:
            self._auditor.record(
                transaction,
                actor,
                action,
                f"connection {connection.name}",
                {"service": connection.service},
                now_ns=int(self._now() * 1e9),
            )

        return record

    @asynccontextmanager
    async def _opened(self, actor: Actor, connection_id: str) -> AsyncIterator[tuple[Connector, Account]]:
        connection = await self.get(actor, connection_id)
        limit = asyncio.timeout(self._limit_s)
        async with self._slot(actor.organisation_id):
            try:
                async with limit:
                    connector, account = await self._of(actor).sign_in(connection.name)
                    try:
                        yield connector, account
                    finally:
                        await connector.close()
            except MoverError as error:
                raise ServiceRefused(error.at(service=connection.name)) from error
            except TimeoutError:
                if not limit.expired():
                    raise
                late = TimedOut(f"{connection.name!r} did not answer within {self._limit_s:.0f} s")
                raise ServiceRefused(late) from None

    @asynccontextmanager
    async def _slot(self, organisation_id: str) -> AsyncIterator[None]:
        async with self._freed:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await self._freed.wait_for(lambda: self._opening.get(organisation_id, 0) < OPEN_AT_ONCE)
            except TimeoutError:
                raise HttpProblem(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    "throttled",
                    f"{OPEN_AT_ONCE} connections of the organisation are being looked into already",
                    advice="Wait until they have answered.",
                    headers={"Retry-After": "10"},
                ) from None
            self._opening[organisation_id] = self._opening.get(organisation_id, 0) + 1
        try:
            yield
        finally:
            async with self._freed:
                self._opening[organisation_id] -= 1
                if not self._opening[organisation_id]:
                    del self._opening[organisation_id]
                self._freed.notify_all()


def _person(organisation_id: str) -> str:
    """What connections and the vault call an organisation."""
    return f"organisation:{organisation_id}"


async def _page(
    connector: Connector, folder: EntryRef, begin: Position, *, limit: int, folders_only: bool
) -> FolderPage:
    """Take entries until there are enough. Where a connector has no cursors, the listing is made again and skipped over."""
    entries: list[Entry] = []
    base, passed = begin.cursor, 0
    async with aclosing(connector.list_folder(folder, begin.cursor)) as pages:
        async for page in pages:
            for entry in page.entries:
                passed += 1
                if base == begin.cursor and passed <= begin.skip:
                    continue
                if len(entries) == limit:
                    return FolderPage(entries, msgspec.json.encode(Position(base, passed - 1)).decode())
                if not folders_only or entry.kind is EntryKind.FOLDER:
                    entries.append(entry)
            if passed > _MOST_LOOKED_AT:
                raise InvalidConfiguration(
                    f"the folder has more than {_MOST_LOOKED_AT} entries; name a folder in it by its path"
                )
            if page.cursor is not None:
                base, passed = page.cursor, 0
    return FolderPage(entries, None)


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


def shown_configuration(kind: ConnectorType, connection: Connection) -> dict[str, Any]:
    """What was filled in and is not secret, as it is shown."""
    secret = {key.name for key in kind.config.keys() if key.secret}  # noqa: SIM118 - not a dictionary's `keys`
    return {name: value for name, value in connection.config.items() if name not in secret}
