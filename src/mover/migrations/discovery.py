"""Pairs by discovery: what stands on both sides under the same name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec
from sqlalchemy import Connection, select

from mover.accounts.actor import Actor, Permission
from mover.database.database import Database
from mover.entries import join_path
from mover.migrations.folding import fold
from mover.migrations.queries.found import found
from mover.migrations.queries.pairs import of_migration
from mover.migrations.tables import migration_pairs, migrations

_MOST = 20_000


class Directory(Protocol):
    """Lists what stands at the top of a connection. No connector lists users yet, so folders are all there is."""

    async def top_folders(self, actor: Actor, connection_id: str) -> Sequence[str]:
        """Names of the folders at the top, in any order. Raises MoverError."""
        ...


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A proposed pair.

    Attributes:
        source_path: A folder at the top of the source.
        destination_path: The folder of the same name; made up of the source's name where there is none.
        matched: The folder is there already.
        ambiguous: Several folders of the destination have this name, but for case or the spelling of accents.
        known: The migration has this pair already.
    """

    source_path: str
    destination_path: str
    matched: bool
    ambiguous: bool
    known: bool


class Discovery:
    """Proposes pairs, by name. Needs PLAN."""

    def __init__(self, database: Database, directory: Directory) -> None:
        self._database = database
        self._directory = directory

    async def propose(self, actor: Actor, migration_id: str) -> list[Match]:
        """Match the top folders of both connections of a migration, by name; nothing is added.

        An exact name counts first, then one that differs in case or in the spelling of accents only. At most 20,000.
        Raises what `Directory` raises.
        """
        actor.require(Permission.PLAN)

        def look(connection: Connection) -> tuple[str, str, set[tuple[str, str]]]:
            migration = found(connection, migrations, "migration", actor.organisation_id, migration_id)
            query = select(migration_pairs.c.source_path, migration_pairs.c.destination_path).where(
                *of_migration(actor.organisation_id, migration_id)
            )
            known = {(row.source_path, row.destination_path) for row in connection.execute(query)}
            return migration.source_connection_id, migration.destination_connection_id, known

        source_id, destination_id, known = await self._database.read(look)
        sources = sorted(await self._directory.top_folders(actor, source_id))[:_MOST]
        destinations = await self._directory.top_folders(actor, destination_id)
        return matches(sources, destinations, known)


def matches(sources: Sequence[str], destinations: Sequence[str], known: set[tuple[str, str]]) -> list[Match]:
    """Match names of folders."""
    exact = set(destinations)
    alike: dict[str, list[str]] = {}
    for name in sorted(destinations):
        alike.setdefault(fold(name), []).append(name)
    found_matches = []
    for name in sources:
        candidates = [name] if name in exact else alike.get(fold(name), [])
        target = candidates[0] if len(candidates) == 1 else name
        source_path, destination_path = join_path("/", name), join_path("/", target)
        found_matches.append(
            Match(
                source_path=source_path,
                destination_path=destination_path,
                matched=len(candidates) == 1,
                ambiguous=len(candidates) > 1,
                known=(source_path, destination_path) in known,
            )
        )
    return found_matches
