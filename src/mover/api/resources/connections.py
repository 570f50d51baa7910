"""Connections: signed-in accounts at services."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, StrictBool, StrictInt
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from mover.accounts.actor import Permission
from mover.api.calls import Calling
from mover.api.cookies import keep_leaving
from mover.api.models import Answer, Body, Id, Moment, moment
from mover.api.operations import SESSIONS_ONLY, Resource
from mover.api.organisation_connections import shown_configuration
from mover.connections import records
from mover.connectors.registry import connector_type
from mover.errors import InvalidConfiguration
from mover.vault.secret import Secret

resource = Resource("Connections", "Accounts at services. Their secrets go in and never come out.")


class _Text:
    """Text that may be a secret, whichever key it is of."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "maxLength": 65_536}


Filled = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=63)],
        Annotated[Secret, _Text] | StrictBool | StrictInt | None,
    ],
    Field(
        max_length=50,
        description="What the service's `configuration_schema` asks for.",
        examples=[
            {"host": "files.example.org", "username": "ann", "password": "correct horse battery staple"}
        ],
    ),
]


class Connection(Answer):
    """A connection, without its secrets."""

    id: str
    name: str = Field(examples=["nas"])
    service: str = Field(examples=["sftp"])
    configuration: dict[str, Any] = Field(description="What was filled in and is not secret.")
    created_at: Moment
    last_used_at: Moment | None


class ConnectionList(Answer):
    """All connections of the organisation."""

    items: list[Connection]


class NewConnection(Body):
    """A connection to be made."""

    name: Annotated[
        str,
        Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", examples=["nas"]),
    ]
    service: Annotated[str, Field(min_length=1, max_length=63, examples=["sftp"])]
    configuration: Filled


class Authorisation(Body):
    """A connection, filled in anew. What is left out takes its default; the address and all secrets have to be given."""

    configuration: Filled


class NewSignIn(Body):
    """A connection that a person is about to sign in to at the service's own page."""

    name: Annotated[
        str | None, Field(min_length=1, max_length=63, description="Of a new connection.", examples=["work"])
    ] = None
    service: Annotated[
        str | None, Field(min_length=1, max_length=63, description="Likewise.", examples=["google"])
    ] = None
    connection_id: Annotated[
        str | None, Field(max_length=64, description="Of a connection that is authorised anew, instead.")
    ] = None
    configuration: Filled


class SignInPage(Answer):
    """Where the browser goes."""

    address: str = Field(
        description="The service's page. From there the browser comes back to Mover's own pages."
    )


class SignedInAccount(Answer):
    """Who is signed in at the service."""

    description: str = Field(examples=["ann at files.example.org, OpenSSH 9.2"])
    secure: bool = Field(description="The way there is encrypted.")


@resource.get("/connections", Permission.READ)
async def list_connections(call: Calling) -> ConnectionList:
    """List the connections by name."""
    found = await call.services.connections.all(call.actor)
    return ConnectionList(items=[_shown(connection) for connection in found])


@resource.post("/connections", Permission.CONNECT, problems=(409,))
async def create_connection(call: Calling, new: NewConnection) -> Connection:
    """Save a connection. It is not signed in for that: test it."""
    made = await call.services.connections.add(call.actor, new.name, new.service, new.configuration)
    call.made(f"/connections/{made.id}")
    return _shown(made)


@resource.post("/connections/sign-ins", Permission.CONNECT, audiences=SESSIONS_ONLY, problems=(409,))
async def begin_sign_in(call: Calling, new: NewSignIn) -> SignInPage:
    """Send this browser to the sign-in page of a service that is connected with one.

    The connection is saved when the browser comes back within ten minutes. Programs, which have no browser, create
    connections with tokens that they were given.
    """
    if new.connection_id is None and (new.name is None or new.service is None):
        raise InvalidConfiguration("give name and service of a new connection, or the connection_id of one")
    leaving = await call.services.browser_sign_ins.begin(
        call.signed_in,
        new.service or "",
        new.name or "",
        new.configuration,
        connection_id=new.connection_id,
    )
    keep_leaving(call.response, leaving.ticket)
    return SignInPage(address=leaving.address)


@resource.get("/connections/{connection_id}", Permission.READ)
async def get_connection(call: Calling, connection_id: Id) -> Connection:
    """Tell about one of them."""
    return _shown(await call.services.connections.get(call.actor, connection_id))


@resource.put("/connections/{connection_id}/authorisation", Permission.CONNECT)
async def authorise_connection(call: Calling, connection_id: Id, authorisation: Authorisation) -> Connection:
    """Fill a connection in anew; it keeps its id, name and service."""
    changed = await call.services.connections.authorise(
        call.actor, connection_id, authorisation.configuration
    )
    return _shown(changed)


@resource.post(
    "/connections/{connection_id}/test", Permission.CONNECT, status=200, limit_s=75.0, problems=(424,)
)
async def test_connection(call: Calling, connection_id: Id) -> SignedInAccount:
    """Sign in at the service and tell as whom."""
    return SignedInAccount.of(await call.services.connections.test(call.actor, connection_id))


@resource.delete("/connections/{connection_id}", Permission.CONNECT)
async def delete_connection(call: Calling, connection_id: Id) -> None:
    """Forget a connection, destroy its secrets, and ask the service to revoke its tokens. Pairs that use it stay, and fail until they use another one."""
    await call.services.connections.remove(call.actor, connection_id)


def _shown(connection: records.Connection) -> Connection:
    return Connection(
        id=connection.id,
        name=connection.name,
        service=connection.service,
        configuration=shown_configuration(connector_type(connection.service), connection),
        created_at=moment(connection.created_ns),
        last_used_at=None if connection.last_used_ns is None else moment(connection.last_used_ns),
    )
