"""What can be asked of the staff's API: the lines of the staff's pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from mover.api.models import Answer, Cursor, Id, Limit, NumberedId
from mover.api.staff.calls import StaffCalling
from mover.api.staff.lines import Line
from mover.api.staff.operations import StaffResource
from mover.staff import metadata
from mover.staff.looks import Look

Organisation = Annotated[metadata.Figures, Line("Organisation")]
Person = Annotated[metadata.MemberLine, Line("Person")]
Connection = Annotated[metadata.ConnectionLine, Line("Connection")]
Migration = Annotated[metadata.MigrationLine, Line("Migration")]
Pair = Annotated[metadata.PairLine, Line("Pair")]
Run = Annotated[metadata.RunLine, Line("Run")]
Item = Annotated[metadata.ItemLine, Line("Item")]
Event = Annotated[metadata.EventLine, Line("AuditEvent")]

_Problems = Annotated[bool, Query(description="Only items that somebody may have to look at.")]

organisations = StaffResource("Organisations", "Who uses this installation, in figures and by name.")
moves = StaffResource(
    "Moves", "What is moved where, and what came of it. No options, notes, maps or messages."
)
audit = StaffResource("Audit log", "Who did what to what, the looks of the staff among it.")
STAFF_RESOURCES = (organisations, moves, audit)

_ONE = "/organisations/{organisation_id}"


class OrganisationPage(Answer):
    """Some organisations, in the order of their ids."""

    items: list[Organisation]
    next_cursor: str | None


class PersonPage(Answer):
    """Some people, in the order of their ids."""

    items: list[Person]
    next_cursor: str | None


class ConnectionPage(Answer):
    """Some connections, in the order of their ids."""

    items: list[Connection]
    next_cursor: str | None


class MigrationPage(Answer):
    """Some migrations, in the order of their ids."""

    items: list[Migration]
    next_cursor: str | None


class PairPage(Answer):
    """Some pairs, in the order of their ids."""

    items: list[Pair]
    next_cursor: str | None


class RunPage(Answer):
    """Some runs, the newest first."""

    items: list[Run]
    next_cursor: str | None


class ItemPage(Answer):
    """Some items, in the order in which they were seen."""

    items: list[Item]
    next_cursor: str | None


class EventPage(Answer):
    """Some events, the newest first."""

    items: list[Event]
    next_cursor: str | None


@organisations.look("/organisations", Look.INSTALLATION, "list of organisations")
async def list_organisations(
    call: StaffCalling, cursor: Cursor = None, limit: Limit = 50
) -> OrganisationPage:
    """List organisations."""
    some = await call.lists.organisations(after=call.cursors.open(cursor), limit=limit)
    return OrganisationPage(items=[*some.items], next_cursor=call.cursors.make(some.next))


@organisations.look(_ONE, Look.ORGANISATION, "organisation")
async def get_organisation(call: StaffCalling, organisation_id: Id) -> Organisation:
    """Tell about an organisation."""
    return await call.lists.organisation(organisation_id)


@organisations.look(f"{_ONE}/people", Look.ORGANISATION, "people")
async def list_people(
    call: StaffCalling, organisation_id: Id, cursor: Cursor = None, limit: Limit = 50
) -> PersonPage:
    """List who belongs to an organisation."""
    some = await call.lists.people(organisation_id, after=call.cursors.open(cursor), limit=limit)
    return PersonPage(items=[*some.items], next_cursor=call.cursors.make(some.next))


@organisations.look(f"{_ONE}/connections", Look.ORGANISATION, "connections")
async def list_connections(
    call: StaffCalling, organisation_id: Id, cursor: Cursor = None, limit: Limit = 50
) -> ConnectionPage:
    """List the connected accounts of an organisation by name and service."""
    some = await call.lists.connections(organisation_id, after=call.cursors.open(cursor), limit=limit)
    return ConnectionPage(items=[*some.items], next_cursor=call.cursors.make(some.next))


@moves.look(f"{_ONE}/migrations", Look.ORGANISATION, "migrations")
async def list_migrations(
    call: StaffCalling, organisation_id: Id, cursor: Cursor = None, limit: Limit = 50
) -> MigrationPage:
    """List the migrations of an organisation."""
    some = await call.lists.migrations(organisation_id, after=call.cursors.open(cursor), limit=limit)
    return MigrationPage(items=[*some.items], next_cursor=call.cursors.make(some.next))


@moves.look(f"{_ONE}/migrations/{{migration_id}}", Look.ORGANISATION, "migration")
async def get_migration(call: StaffCalling, organisation_id: Id, migration_id: Id) -> Migration:
    """Tell about a migration."""
    return await call.lists.migration(organisation_id, migration_id)


@moves.look(f"{_ONE}/migrations/{{migration_id}}/pairs", Look.ORGANISATION, "pairs")
async def list_pairs(
    call: StaffCalling, organisation_id: Id, migration_id: Id, cursor: Cursor = None, limit: Limit = 50
) -> PairPage:
    """List the pairs of a migration."""
    after = call.cursors.open(cursor)
    some = await call.lists.pairs(organisation_id, migration_id, after=after, limit=limit)
    return PairPage(items=[*some.items], next_cursor=call.cursors.make(some.next))


@moves.look(f"{_ONE}/pairs/{{pair_id}}", Look.ORGANISATION, "pair")
async def get_pair(call: StaffCalling, organisation_id: Id, pair_id: NumberedId) -> Pair:
    """Tell about a pair."""
    return await call.lists.pair(organisation_id, pair_id)


@moves.look(f"{_ONE}/pairs/{{pair_id}}/runs", Look.ORGANISATION, "runs")
async def list_runs(
    call: StaffCalling, organisation_id: Id, pair_id: NumberedId, cursor: Cursor = None, limit: Limit = 50
) -> RunPage:
    """List the runs of a pair, the newest first."""
    some = await call.lists.runs(organisation_id, pair_id, after=call.cursors.open(cursor), limit=limit)
    return RunPage(items=[*some.items], next_cursor=call.cursors.make(some.next))


@moves.look(f"{_ONE}/runs/{{run_id}}", Look.ORGANISATION, "run")
async def get_run(call: StaffCalling, organisation_id: Id, run_id: NumberedId) -> Run:
    """Tell about a run."""
    return await call.lists.run(organisation_id, run_id)


@moves.look(f"{_ONE}/runs/{{run_id}}/items", Look.ORGANISATION, "items")
async def list_items(
    call: StaffCalling,
    organisation_id: Id,
    run_id: NumberedId,
    problems: _Problems = False,  # noqa: FBT002 - a parameter of the query
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ItemPage:
    """List the items of a run: names, paths, sizes and states."""
    some = await call.lists.items(
        organisation_id, run_id, problems_only=problems, after=call.cursors.open(cursor), limit=limit
    )
    return ItemPage(items=[*some.items], next_cursor=call.cursors.make(some.next))


@audit.look(f"{_ONE}/audit-events", Look.ORGANISATION, "audit log")
async def list_audit_events(
    call: StaffCalling, organisation_id: Id, cursor: Cursor = None, limit: Limit = 50
) -> EventPage:
    """List what happened in an organisation, the newest first."""
    some = await call.lists.events(organisation_id, after=call.cursors.open(cursor), limit=limit)
    return EventPage(items=[*some.items], next_cursor=call.cursors.make(some.next))


@audit.look("/audit-events", Look.INSTALLATION, "staff log")
async def list_staff_events(call: StaffCalling, cursor: Cursor = None, limit: Limit = 50) -> EventPage:
    """List what the staff did anywhere, the newest first."""
    some = await call.lists.events(None, after=call.cursors.open(cursor), limit=limit)
    return EventPage(items=[*some.items], next_cursor=call.cursors.make(some.next))
