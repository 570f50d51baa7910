"""Reading what an approved exception opens. Whoever calls has gone through `Exceptions.use`, whose actor says where."""

from __future__ import annotations

from typing import TypeVar

from mover.accounts.actor import Actor, ActorKind, Permission
from mover.accounts.refusals import MayNot, NoSuchThing
from mover.database.database import Database
from mover.staff.full_records import ConnectionInFull, MigrationInFull, PairInFull, PersonInFull
from mover.staff.queries import full as queries

T = TypeVar("T")


class FullViews:
    """Reads what an exception opens.

    Args:
        database: Where it is; it has to be the one that the service writes to, since its reader may see more than metadata.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def migration(self, actor: Actor, migration_id: str) -> MigrationInFull:
        """Show a migration. Raises NotFound, PermissionDenied."""
        organisation_id = _organisation(actor)
        found = await self._database.read(
            lambda connection: queries.migration(connection, organisation_id, migration_id)
        )
        return _there(found)

    async def pair(self, actor: Actor, pair_id: int) -> PairInFull:
        """Show a pair. Raises NotFound, PermissionDenied."""
        organisation_id = _organisation(actor)
        found = await self._database.read(
            lambda connection: queries.pair(connection, organisation_id, pair_id)
        )
        return _there(found)

    async def connection(self, actor: Actor, connection_id: str) -> ConnectionInFull:
        """Show a connection. Raises NotFound, PermissionDenied."""
        organisation_id = _organisation(actor)
        found = await self._database.read(
            lambda connection: queries.connection(connection, organisation_id, connection_id)
        )
        return _there(found)

    async def person(self, actor: Actor, person_id: str) -> PersonInFull:
        """Show a person. Raises NotFound, PermissionDenied."""
        organisation_id = _organisation(actor)
        found = await self._database.read(
            lambda connection: queries.person(connection, organisation_id, person_id)
        )
        return _there(found)


def _organisation(actor: Actor) -> str:
    """Of an actor that `Exceptions.use` made; one of an organisation's own has pages of its own."""
    actor.require(Permission.READ)
    if actor.kind is not ActorKind.STAFF:
        raise MayNot("this is for the staff, with an approved exception")
    return actor.organisation_id


def _there(found: T | None) -> T:
    if found is None:
        raise NoSuchThing("there is no such thing in this organisation")
    return found
