"""Pairs by discovery: people and sites of both sides, or what stands at their tops under the same name."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec
from sqlalchemy import Connection, select

from mover.accounts.actor import Actor, Permission
from mover.connectors.contract import Place, PlaceKind
from mover.database.database import Database
from mover.entries import join_path
from mover.migrations.folding import fold
from mover.migrations.queries import maps
from mover.migrations.queries.found import found
from mover.migrations.queries.pairs import of_migration
from mover.migrations.tables import migration_pairs, migrations
from mover.transfer.grantees import GranteeMap

_MOST = 20_000


class Directory(Protocol):
    """Tells what a connection has: people and sites where it is an administrator's, and the folders at its top."""

    async def places(self, actor: Actor, connection_id: str) -> Sequence[Place] | None:
        """People and sites, in any order; None if the connection sees only what is its own. Raises MoverError."""
        ...

    async def top_folders(self, actor: Actor, connection_id: str) -> Sequence[str]:
        """Names of the folders at the top, in any order. Raises MoverError."""
        ...


class Why(enum.StrEnum):
    """What speaks for a proposed pair."""

    MAPPED = "mapped"  # the migration's map of users says so
    SAME_ADDRESS = "same_address"
    SAME_USER = "same_user"  # the same before the @, at another domain
    SAME_NAME = "same_name"
    NEW_FOLDER = "new_folder"  # nothing of that name is there, and a folder can be made
    NOBODY = "nobody"  # no such person or site is there, and none can be made


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A proposed pair.

    Attributes:
        source_path: A person's or site's storage, or a folder at the top of the source.
        destination_path: What fits at the destination; made up of the source's name where a folder can be made; empty
            where there is nobody.
        matched: What fits is there already.
        ambiguous: Several fit.
        known: The migration has this pair already.
        why: What speaks for it.
        name: Of the person or site, for people; empty for folders.
        ready: Neither side is suspended, or waits to be made.
    """

    source_path: str
    destination_path: str
    matched: bool
    ambiguous: bool
    known: bool
    why: Why
    name: str = ""
    ready: bool = True


class Discovery:
    """Proposes pairs, by name. Needs PLAN."""

    def __init__(self, database: Database, directory: Directory) -> None:
        self._database = database
        self._directory = directory

    async def propose(self, actor: Actor, migration_id: str) -> list[Match]:
        """Match the people and sites of both connections of a migration, or their top folders; nothing is added.

        People are matched through the migration's map of users, else by address, else by what stands before the @. Names
        count as they are first, then but for case and the spelling of accents. At most 20,000. Raises what `Directory`
        raises.
        """
        actor.require(Permission.PLAN)

        def look(connection: Connection) -> tuple[str, str, set[tuple[str, str]], GranteeMap]:
            migration = found(connection, migrations, "migration", actor.organisation_id, migration_id)
            query = select(migration_pairs.c.source_path, migration_pairs.c.destination_path).where(
                *of_migration(actor.organisation_id, migration_id)
            )
            known = {(row.source_path, row.destination_path) for row in connection.execute(query)}
            map_id = migration.user_map_id
            users = maps.grantees(connection, map_id) if map_id else GranteeMap()
            return migration.source_connection_id, migration.destination_connection_id, known, users

        source_id, destination_id, known, users = await self._database.read(look)
        sources = await self._directory.places(actor, source_id)
        targets = await self._directory.places(actor, destination_id)
        if sources is None:
            folders = sorted(await self._directory.top_folders(actor, source_id))[:_MOST]
            if targets is None:
                return matches(folders, await self._directory.top_folders(actor, destination_id), known)
            sources = [Place(path=join_path("/", name), kind=PlaceKind.PERSON, name=name) for name in folders]
        places = sorted(sources, key=lambda place: (place.kind, place.path))[:_MOST]
        if targets is None:
            there = await self._directory.top_folders(actor, destination_id)
            return matches_in_folders(places, there, known)
        return matches_of_places(places, targets, users, known)


def matches_of_places(
    sources: Sequence[Place], targets: Sequence[Place], users: GranteeMap, known: set[tuple[str, str]]
) -> list[Match]:
    """Match people and sites with people and sites. What stands within a place that has a match is moved with it."""
    people = _Index(place for place in targets if place.kind is PlaceKind.PERSON)
    sites = _Index(place for place in targets if place.kind is PlaceKind.SITE)
    proposed = []
    moved: set[str] = set()
    for place in sorted(sources, key=lambda place: place.within is not None and place.path.count("/")):
        if place.within in moved:
            moved.add(place.path)
            continue
        index = sites if place.kind is PlaceKind.SITE else people
        candidates, why = index.fitting(place, users)
        target = candidates[0] if len(candidates) == 1 else None
        path = target.path if target else ""
        if target is not None:
            moved.add(place.path)
        proposed.append(
            Match(
                source_path=place.path,
                destination_path=path,
                matched=target is not None,
                ambiguous=len(candidates) > 1,
                known=(place.path, path) in known,
                why=why if candidates else Why.NOBODY,
                name=place.name,
                ready=place.ready is not False and (target is None or target.ready is not False),
            )
        )
    return proposed


def matches_in_folders(
    sources: Sequence[Place], there: Sequence[str], known: set[tuple[str, str]]
) -> list[Match]:
    """Match people and sites with folders: people's are named by their addresses, sites' by their names.

    What stands within another place is moved with that.
    """
    sources = [place for place in sources if place.within is None]
    names = {place.path: place.email or place.name for place in sources}
    by_name = {match.source_path: match for match in matches(sorted(set(names.values())), there, set())}
    proposed = []
    for place in sources:
        match = by_name[join_path("/", names[place.path])]
        proposed.append(
            msgspec.structs.replace(
                match,
                source_path=place.path,
                known=(place.path, match.destination_path) in known,
                name=place.name,
                ready=place.ready is not False,
            )
        )
    return proposed


class _Index:
    """People or sites of a destination, by all that they can be found by."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._by_address: dict[str, list[Place]] = {}
        self._by_user: dict[str, list[Place]] = {}
        self._by_name: dict[str, list[Place]] = {}
        for place in places:
            if place.email:
                self._by_address.setdefault(fold(place.email), []).append(place)
                self._by_user.setdefault(fold(place.email.partition("@")[0]), []).append(place)
            self._by_name.setdefault(fold(place.name), []).append(place)

    def fitting(self, place: Place, users: GranteeMap) -> tuple[Sequence[Place], Why]:
        """Those that fit, by the best that speaks for any; those that stand in no other one, if any of them do."""
        address = place.email or ""
        mapped = users.look_up(address) if address else None
        if mapped is not None:
            return self._by_address.get(fold(mapped.destination), ()), Why.MAPPED
        user = address.partition("@")[0] or place.name
        for index, key, why in (
            (self._by_address, address, Why.SAME_ADDRESS),
            (self._by_user, user, Why.SAME_USER),
            (self._by_name, place.name, Why.SAME_NAME),
        ):
            if key and (candidates := index.get(fold(key))):
                return [one for one in candidates if one.within is None] or candidates, why
        return (), Why.NOBODY


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
                why=Why.SAME_NAME if len(candidates) == 1 else Why.NEW_FOLDER,
            )
        )
    return found_matches
