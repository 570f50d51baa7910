"""Connecting accounts with a browser: what happens between leaving for a service's page and coming back from there.

What was filled in waits in the ticket's row meanwhile, sealed with a key that is derived from the ticket, which only the
browser has. So nothing is saved of a sign-in that is never finished, and what the database holds opens nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from mover.accounts.actor import ActorKind, Permission
from mover.accounts.queries import tickets
from mover.accounts.queries.tickets import Ticket
from mover.accounts.records import SignedIn
from mover.accounts.refusals import MayNot
from mover.accounts.site import Site
from mover.accounts.tickets import Purpose, new_ticket
from mover.accounts.tokens import hashed
from mover.api.organisation_connections import OrganisationConnections, Values
from mover.api.problems import ServiceRefused
from mover.connections.records import Connection
from mover.connectors.registry import ConnectorType, connector_type
from mover.database.database import Database
from mover.errors import InvalidConfiguration
from mover.transport.oauth.authorization import NotTheOneWhoLeft
from mover.transport.oauth.proofs import Proofs
from mover.vault.envelope import UnsealError, place, seal, unseal
from mover.vault.secret import Secret

_PURPOSE = "connection"
_BEGIN_AGAIN = "this sign-in took too long, was finished before, or began in another browser"


@dataclass(frozen=True)
class Leaving:
    """Where the browser goes, and the ticket that it keeps in a cookie until it comes back (ten minutes, one use)."""

    address: str
    ticket: Secret = field(repr=False)


@dataclass(frozen=True)
class Return:
    """Somebody who came back: what is connected now, and as whom."""

    connection: Connection
    account: str


class _Sealed(msgspec.Struct, frozen=True):
    """What was filled in."""

    service: str
    name: str
    connection_id: str | None
    values: dict[str, str | int | bool | None]


class BrowserSignIns:
    """The sign-ins of all organisations.

    Args:
        database: Where tickets are.
        connections: Those of all organisations.
        site: Where services send browsers back to.
        types: Finds a service by name.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        connections: OrganisationConnections,
        site: Site,
        *,
        types: Callable[[str], ConnectorType] = connector_type,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._connections = connections
        self._site = site
        self._types = types
        self._now = now

    def redirect_address(self, kind: ConnectorType) -> str:
        """What has to be registered at a vendor as the address that browsers are sent back to."""
        return self._site.connection_return(_vendor(kind))

    async def begin(
        self,
        signed_in: SignedIn,
        service: str,
        name: str,
        values: Values,
        *,
        connection_id: str | None = None,
    ) -> Leaving:
        """Somebody leaves for a service's page. Needs CONNECT, and a person.

        Args:
            signed_in: The session, which has to be the same when they come back.
            service: Of a new connection.
            name: Likewise.
            values: What was filled in.
            connection_id: Of the connection that is authorised anew; its name and service count then.

        Raises InvalidConfiguration, AppMissing, NotFound.
        """
        actor = signed_in.actor
        actor.require(Permission.CONNECT)
        if actor.kind is not ActorKind.PERSON:
            raise MayNot("an account is connected with a browser by a person, not by an API key")
        if connection_id is not None:
            before = await self._connections.get(actor, connection_id)
            service, name = before.service, before.name
        kind = self._types(service)
        new = new_ticket(
            Purpose.CONNECTION,
            self._now_ns(),
            person_id=signed_in.person.id,
            organisation_id=actor.organisation_id,
        )
        address = await self._connections.leaving_address(
            actor,
            name,
            service,
            values,
            Proofs.of(new.token, _PURPOSE),
            self.redirect_address(kind),
            replace=connection_id is not None,
        )
        details = {
            "session": signed_in.session.id,
            "vendor": _vendor(kind),
            "sealed": _sealed(new.token, _Sealed(service, name, connection_id, _revealed(values))),
        }
        kept = msgspec.structs.replace(new.kept, details=details)
        await self._database.write(lambda transaction: tickets.add(transaction, kept))
        return Leaving(address, new.token)

    async def finish(
        self, signed_in: SignedIn, vendor: str, ticket: Secret, answer: Mapping[str, str]
    ) -> Return:
        """Somebody comes back: exchange what they bring, sign in with it, and save the connection.

        Args:
            signed_in: The session.
            vendor: From the address that they came back to.
            ticket: From the browser's cookie.
            answer: The address's parameters.

        Needs CONNECT. Raises ServiceRefused with what the service, or the rules about whose account it may be, said;
        InvalidConfiguration, Conflict (the name was taken meanwhile), NotFound.
        """
        actor = signed_in.actor
        actor.require(Permission.CONNECT)
        proofs = Proofs.of(ticket, _PURPOSE)
        if not proofs.state_matches(answer.get("state", "")):
            raise ServiceRefused(NotTheOneWhoLeft(_BEGIN_AGAIN))
        found = await self._taken(signed_in, vendor, ticket)
        redirect_uri = self._site.connection_return(vendor)
        replace = found.connection_id is not None
        values = await self._connections.tokens_for(
            actor,
            found.name,
            found.service,
            _secret(found.values),
            answer,
            proofs,
            redirect_uri,
            replace=replace,
        )
        account, more = await self._connections.rehearse(
            actor, found.name, found.service, values, replace=replace
        )
        values = {**values, **more}
        if found.connection_id is None:
            saved = await self._connections.add(actor, found.name, found.service, values)
        else:
            saved = await self._connections.authorise(actor, found.connection_id, values)
        return Return(saved, account.description)

    async def _taken(self, signed_in: SignedIn, vendor: str, ticket: Secret) -> _Sealed:
        now_ns = self._now_ns()
        taken: Ticket | None = await self._database.write(
            lambda transaction: tickets.take(transaction, hashed(ticket), Purpose.CONNECTION, now_ns)
        )
        if (
            taken is None
            or taken.person_id != signed_in.person.id
            or taken.organisation_id != signed_in.actor.organisation_id
            or taken.details["session"] != signed_in.session.id
            or taken.details["vendor"] != vendor
        ):
            raise ServiceRefused(NotTheOneWhoLeft(_BEGIN_AGAIN))
        try:
            plain = unseal(_key(ticket), base64.b64decode(taken.details["sealed"]), place(_PURPOSE))
        except UnsealError:
            raise ServiceRefused(NotTheOneWhoLeft(_BEGIN_AGAIN)) from None
        return msgspec.json.decode(plain, type=_Sealed)

    def _now_ns(self) -> int:
        return int(self._now() * 1e9)


def _vendor(kind: ConnectorType) -> str:
    if kind.oauth is None:
        raise InvalidConfiguration(f"{kind.title} is not signed in to with a browser")
    return kind.oauth.vendor


def _sealed(ticket: Secret, content: _Sealed) -> str:
    return base64.b64encode(seal(_key(ticket), msgspec.json.encode(content), place(_PURPOSE))).decode()


def _key(ticket: Secret) -> bytes:
    return hmac.new(ticket.reveal().encode(), b"mover connection values", hashlib.sha256).digest()


def _revealed(values: Values) -> dict[str, str | int | bool | None]:
    return {key: value.reveal() if isinstance(value, Secret) else value for key, value in values.items()}


def _secret(values: Mapping[str, str | int | bool | None]) -> Values:
    return {key: Secret(value) if isinstance(value, str) else value for key, value in values.items()}
