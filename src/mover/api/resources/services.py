"""The services that can be connected, and what to fill in for each."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from mover.accounts.actor import Permission
from mover.api.calls import Calling
from mover.api.models import Answer
from mover.api.operations import Resource
from mover.api.service_schemas import configuration_schema
from mover.connectors.configuration import Key
from mover.connectors.registry import ConnectorType

resource = Resource("Services", "What can be connected.")


class ServiceKey(Answer):
    """One thing to fill in."""

    name: str = Field(examples=["host"])
    help: str
    required: bool
    secret: bool = Field(description="It is kept in the vault and never shown again.")
    ask: bool = Field(description="Usually wanted, though it may be left empty.")


class Service(Answer):
    """A service that can be connected."""

    name: str = Field(examples=["sftp"])
    title: str = Field(examples=["SFTP"])
    keys: list[ServiceKey]
    configuration_schema: dict[str, Any] = Field(
        description="JSON Schema (2020-12) of `configuration` of a connection to it."
    )


class ServiceList(Answer):
    """All services that can be connected here."""

    items: list[Service]


@resource.get("/services", Permission.READ)
async def list_services(call: Calling) -> ServiceList:
    """List the services that can be connected."""
    kinds = call.services.connections.services(call.actor)
    return ServiceList(items=[_service(call, kind) for kind in kinds])


def _service(call: Calling, kind: ConnectorType) -> Service:
    rules = call.services.connections.rules
    keys: list[Key] = [key for key in rules.keys(kind) if not key.internal]
    return Service(
        name=kind.name,
        title=kind.title,
        keys=[ServiceKey.of(key) for key in keys],
        configuration_schema=configuration_schema(kind, rules),
    )
