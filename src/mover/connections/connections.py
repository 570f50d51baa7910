"""The saved connections of one person: add, list, remove, and open."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection as Transaction

from mover.connections import queries
from mover.connections.account_rules import expect_wanted
from mover.connections.filled_in import FilledIn, Values, filled_in
from mover.connections.findings import check_free, found_by_signing_in, internal_keys, with_findings
from mover.connections.grants import grant_of
from mover.connections.keeping import VaultKeeper
from mover.connections.memory import Memory
from mover.connections.records import Connection, check_name
from mover.connections.revoking import NOTHING_TO_REVOKE, Revocation, Revoking
from mover.connections.service_rules import NotAllowed, ServiceRules
from mover.connectors.contract import Account, Connector
from mover.connectors.registry import ConnectorType, Surroundings, connector_type
from mover.database.database import Database
from mover.errors import Changed, InvalidConfiguration, MoverError, NotFound, SignInFailed
from mover.transport.egress import Egress
from mover.transport.oauth.description import AppRegistration
from mover.transport.oauth.tokens import MemoryKeeper
from mover.vault.secret import Secret
from mover.vault.vault import Vault

LOCAL_PERSON = "local"
"""Whose the connections of the command line are: it knows one person, the one who runs it."""

NO_APPS: Mapping[str, AppRegistration] = {}

Along = Callable[[Transaction, Connection], object]
"""Writes more in the transaction that saves or removes a connection."""


def _nothing_more(_transaction: Transaction, _connection: Connection) -> None:
    pass


def _nobody_waits() -> None:
    pass


class ConnectionGone(NotFound):
    """What a pair refers to was deleted."""

    advice = "Choose another connection for the pair, or connect the account again."


class Deauthorised(SignInFailed):
    """Nobody used the connection for a long time."""

    advice = "Connect the account again under the same name; pairs and history are kept."


class Connections:
    """A person's saved accounts. Secrets go to the vault and nowhere else; several processes may use the same ones.

    Args:
        database: Holds names and what is not secret.
        vault: Holds the secrets.
        egress: The way out that connectors are given.
        person: Whose connections these are.
        rules: What may be filled in where those who do are not those whose machine this is; None: anything.
        apps: As what Mover is registered at the vendors, by vendor.
        types: Finds a service by name; raises InvalidConfiguration for an unknown one.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        egress: Egress,
        *,
        person: str = LOCAL_PERSON,
        rules: ServiceRules | None = None,
        apps: Mapping[str, AppRegistration] = NO_APPS,
        types: Callable[[str], ConnectorType] = connector_type,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._vault = vault
        self._egress = egress
        self._person = person
        self._rules = rules
        self._apps = apps
        self._types = types
        self._now = now

    async def add(
        self,
        name: str,
        service: str,
        values: Values,
        *,
        replace: bool = False,
        added_by: str | None = None,
        along: Along = _nothing_more,
    ) -> Connection:
        """Save a connection; it is not signed in for that.

        With `replace`, one of that name and service is authorised anew: it keeps its id, and so its place in the
        ledger. What the connector found out (a pinned host key) is kept as long as the address is the same, unless
        `values` say otherwise; an empty value lets it go. `added_by` is the person who adds it, where it is an
        organisation's; whoever did first stays. `along` writes more in the same transaction.

        Raises InvalidConfiguration: a bad name or one that is taken, an unknown service or key, a missing key, a
        value that cannot work.
        """
        before, new = await self.prepare(name, service, values, replace=replace)
        connection = Connection(
            id=before.id if before else token_hex(16),
            person=self._person,
            name=name,
            service=service,
            config=new.plain,
            created_ns=before.created_ns if before else self._now_ns(),
            added_by=(before.added_by if before else None) or added_by,
        )

        def save(transaction: Transaction) -> None:
            now_there = queries.find(transaction, self._person, name)
            check_free(now_there, name, service, replace=replace)
            if (now_there and now_there.id) != (before and before.id):
                raise Changed(f"the connection {name!r} was changed by another process meanwhile")
            queries.put(transaction, connection)
            along(transaction, connection)

        if not new.secret:  # runners seal with the key, and may not make one
            await self._vault.prepare(self._person)
        await self._vault.replace(self._person, connection.owner, new.secret, along=save)
        return connection

    async def unchanged_secrets(self, name: str, service: str, values: Values) -> dict[str, Secret]:
        """Secrets of a connection that is authorised anew which need not be given again, since nothing else was changed.

        What Mover filled in itself is not among them. Raises as `add`.
        """
        before, new = await self.prepare(name, service, values, replace=True)
        if before is None:
            return {}
        internal = set(internal_keys(self._types(service)))
        kept = {key: value for key, value in before.config.items() if key not in internal}
        if kept != {key: value for key, value in new.plain.items() if key not in internal}:
            return {}
        saved = await self._vault.fetch_all(self._person, before.owner)
        return {key: secret for key, secret in saved.items() if key not in internal and key not in values}

    async def rehearse(
        self, name: str, service: str, values: Values, *, replace: bool = False
    ) -> tuple[Account, dict[str, str | Secret]]:
        """Sign in with what `add` would save, and save nothing.

        Returns who is signed in and what has come of it (a host key to be pinned, tokens that replace the ones that were
        given); given to `add` with the values, it is kept. Raises what `add` and `Connector.sign_in` raise, and
        WrongAccount.
        """
        _, new = await self.prepare(name, service, values, replace=replace)
        found: dict[str, str | Secret] = {}

        async def remember(key: str, value: str) -> None:
            found[key] = value

        keeper = MemoryKeeper(new.secret)
        connector = self._types(service).make(
            new.config,
            Surroundings(egress=self._egress, remember=remember, keeper=keeper, apps=self._apps),
        )
        try:
            account = await connector.sign_in()
            self._expect_wanted(service, new.config, account)
            return account, found | found_by_signing_in(new, account, keeper.secrets)
        except MoverError as error:
            error.at(service=name)
            raise
        finally:
            await connector.close()

    async def all(self) -> list[Connection]:
        """List the connections by name."""
        return await self._database.read(lambda transaction: queries.of_person(transaction, self._person))

    async def get(self, name: str) -> Connection:
        """Find a connection by name. Raises InvalidConfiguration that lists those there are."""
        found = await self.all()
        for connection in found:
            if connection.name == name:
                return connection
        known = (
            f"known are: {', '.join(connection.name for connection in found)}"
            if found
            else "there are none yet"
        )
        raise InvalidConfiguration(f"there is no connection {name[:80]!r}; {known}")

    async def with_id(self, connection_id: str) -> Connection:
        """Find a connection by its id. Raises NotFound, also if it is another person's."""
        for connection in await self.with_ids([connection_id]):
            return connection
        raise ConnectionGone("the connection is not there any more")

    async def with_ids(self, connection_ids: Collection[str]) -> list[Connection]:
        """Those of these connections that are there, and this person's, in no order; a few ids at a time."""
        return await self._database.read(
            lambda transaction: queries.with_ids(transaction, self._person, connection_ids)
        )

    async def remove(self, name: str, *, along: Along = _nothing_more) -> Revocation:
        """Forget a connection, destroy its secrets, and then revoke its tokens at the service.

        `along` writes more in the same transaction, or forbids it by raising. Raises InvalidConfiguration if there is none
        of that name. What the service does about it is told, and changes nothing here.
        """
        connection = await self.get(name)
        grant = await grant_of(connection, await self.all(), self._vault, self._types)

        def remove(transaction: Transaction) -> None:
            along(transaction, connection)
            queries.remove(transaction, connection.id)

        await self._vault.destroy(connection.owner, along=remove)
        if grant is None:
            return NOTHING_TO_REVOKE
        return await Revoking(self._egress, self._apps, now=self._now).revoke(grant)

    async def open(self, name: str) -> Connector:
        """Make a connector for a connection and sign in; the caller closes it. Raises what `sign_in` raises."""
        return (await self.sign_in(name))[0]

    async def sign_in(self, name: str) -> tuple[Connector, Account]:
        """Make a connector for a connection and sign in, and tell as whom; the caller closes the connector.

        Raises InvalidConfiguration, Changed (authorised anew at this very moment), and what `Connector.sign_in` raises.
        """
        return await self.sign_in_to(await self.get(name))

    async def sign_in_to(
        self, connection: Connection, *, made: Callable[[], object] = _nobody_waits
    ) -> tuple[Connector, Account]:
        """As `sign_in`, for a connection that was found.

        `made` is called when the connector is there, and from then on the service is waited for.

        Raises NotFound if it has gone meanwhile, and NotAllowed if the rules forbid it by now.
        """
        name = connection.name
        if connection.deauthorised_ns is not None:
            raise Deauthorised(
                f"the connection {name!r} was not used for so long that its secrets were destroyed"
            )
        kind = self._types(connection.service)
        saved = await self._vault.fetch_all(self._person, connection.owner)
        # Else a new password could go to the old host.
        if (await self.with_id(connection.id)).config != connection.config:
            raise Changed(f"the connection {name!r} was changed by another process meanwhile")
        if self._rules:  # again: the operator may have changed them, and links in a file system change, too
            try:
                self._rules.check(kind, {**connection.config, **saved})
            except NotAllowed as error:
                error.at(service=name)
                raise
        try:
            filled = filled_in(kind.config, {**connection.config, **saved})
        except InvalidConfiguration as error:
            raise InvalidConfiguration(
                f"the connection {name!r} cannot be used as it was saved, connect it again: {error.message}"
            ) from None

        memory = Memory(self._database, self._vault, connection, kind, filled)
        connector = kind.make(
            filled.config,
            Surroundings(
                egress=self._egress,
                remember=memory.remember,
                keeper=VaultKeeper(self._vault, connection),
                apps=self._apps,
            ),
        )
        try:
            made()
            account = await connector.sign_in()
            self._expect_wanted(connection.service, filled.config, account)
            await self._database.write(
                lambda transaction: queries.mark_used(transaction, connection.id, self._now_ns())
            )
        except BaseException as error:
            await connector.close()
            if isinstance(error, MoverError):
                error.at(service=name)
            raise
        return connector, account

    def _expect_wanted(self, service: str, config: Any, account: Account) -> None:
        by_browser = self._types(service).oauth is not None
        expect_wanted(config, account, self._rules.account_domains if self._rules and by_browser else ())

    async def prepare(
        self, name: str, service: str, values: Values, *, replace: bool
    ) -> tuple[Connection | None, FilledIn]:
        """The connection of that name as it is now, if any, and the configuration that is to be saved. Raises as `add`."""
        check_name(name)
        kind = self._types(service)
        if self._rules:
            self._rules.check(kind, values)
        before = await self._database.read(lambda transaction: queries.find(transaction, self._person, name))
        check_free(before, name, service, replace=replace)
        internal = internal_keys(kind)
        new = filled_in(
            kind.config, {key: value for key, value in values.items() if value or key not in internal}
        )
        return before, with_findings(kind, new, values, before) if before else new

    def _now_ns(self) -> int:
        return int(self._now() * 1e9)
