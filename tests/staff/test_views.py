"""What the staff see without an exception, on both kinds of database, through a role that has nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sized
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, insert
from tests.accounts.house import House
from tests.database_url import Kind, fresh, in_use, on_both
from tests.runner.stage import filled
from tests.staff.office import StaffOffice
from tests.staff.test_limited import staff_role

from mover.accounts.actor import Role
from mover.accounts.refusals import NoSuchThing
from mover.connections.tables import connections
from mover.errors import InvalidConfiguration
from mover.ledger.tables import folders, items, pairs, runs
from mover.migrations.states import Status
from mover.migrations.tables import migration_pairs, migration_runs, migrations, pair_runs
from mover.settings import Settings
from mover.staff import full_records, metadata
from mover.staff.lists import Lists, Some
from mover.staff.queries import exceptions as places
from mover.staff.queries import full
from mover.staff.queries import metadata as queries
from mover.staff.queries.metadata import Part
from mover.staff.reading import Reading
from mover.staff.views import Views
from mover.vault.secret import Secret

pytestmark = [*on_both, pytest.mark.promise("P9")]

MIGRATION = "m" * 32


def furnish(connection: Connection, organisation_id: str) -> None:
    """A migration with two pairs, one of which has run."""
    for name, id_ in (("nas", "c" * 32), ("bucket", "d" * 32)):
        connection.execute(
            insert(connections),
            {"id": id_, "person": f"organisation:{organisation_id}", "name": name, "service": "sftp"}
            | {"config": {"host": "CANARY"}, "created_ns": 1},
        )
    owned = {"organisation_id": organisation_id, "migration_id": MIGRATION}
    between = {"source_connection_id": "c" * 32, "destination_connection_id": "d" * 32}
    connection.execute(
        insert(migrations),
        filled(
            migrations,
            id=MIGRATION,
            organisation_id=organisation_id,
            name="Finance",
            options="{}",
            note="CANARY",
            **between,
        ),
    )
    connection.execute(
        insert(migrations), filled(migrations, id="x" * 32, organisation_id=organisation_id, removed_ns=1)
    )
    connection.execute(insert(migration_runs), filled(migration_runs, id="r" * 32, **owned))
    for number, status in ((1, Status.FAILED), (2, Status.NEW)):
        connection.execute(
            insert(migration_pairs),
            filled(
                migration_pairs,
                id=number,
                source_path=f"/from/{number}",
                destination_path=f"/to/{number}",
                status=status.value,
                message="CANARY",
                options="{}",
                tags="[]",
                files_copied=3,
                bytes_copied=1000,
                started_ns=5,
                removed_ns=None,
                **owned,
                **between,
            ),
        )
    connection.execute(insert(pairs), filled(pairs, id=9))
    connection.execute(insert(runs), filled(runs, id=8, pair_id=9))
    connection.execute(insert(folders), filled(folders, id=7, run_id=8, path="/a/b", destination_path="/a/b"))
    for number, state in ((1, "failed"), (2, "copied")):
        connection.execute(
            insert(items),
            filled(
                items,
                id=number,
                run_id=8,
                folder_id=7,
                source_key=str(number),
                name=f"file {number}",
                destination_name=f"file {number}",
                state=state,
                kind="file",
                message="CANARY",
            ),
        )
    for number, state, ledger_run in ((1, "ended", 8), (2, "queued", None)):
        connection.execute(
            insert(pair_runs),
            filled(
                pair_runs,
                id=number,
                pair_id=1,
                migration_run_id="r" * 32,
                ledger_run_id=ledger_run,
                state=state,
                started_ns=5 if ledger_run else None,
                message="CANARY",
                **owned,
            ),
        )


@pytest.fixture
async def reading(tmp_path: Path, house: House) -> AsyncIterator[Reading]:
    organisation_id = house.founded.organisation.id
    await house.database.write(lambda connection: furnish(connection, organisation_id))
    url = fresh(tmp_path / "state")
    with staff_role(url) if in_use() is Kind.POSTGRESQL else contextlib.nullcontext(None) as role_url:
        reading = Reading(
            Settings(
                home=tmp_path,
                database_url=Secret(url),
                staff_database_url=Secret(role_url) if role_url else None,
            )
        )
        yield reading
        await reading.close()


@pytest.fixture
def views(reading: Reading) -> Views:
    return Views(reading)


async def test_figures_pages_and_items(views: Views, office: StaffOffice) -> None:
    await office.house.other_organisation()
    await office.house.add_person("vic@example.org", Role.VIEWER)
    here = office.organisation_id

    both = {one.name: one for one in await views.organisations()}
    assert both.keys() == {"Example", "Others"}
    one = both["Example"]
    assert (one.people, one.connections, one.migrations, one.pairs) == (2, 2, 1, 2)
    assert (one.failed_pairs, one.running, one.moved_files, one.moved_bytes) == (1, 1, 6, 2000)
    other = both["Others"]
    assert (other.connections, other.migrations, other.pairs, other.moved_bytes) == (0, 0, 0, 0)

    page = await views.organisation(here)
    assert page.figures == one
    assert [line.name for line in page.connections] == ["bucket", "nas"]
    assert {line.email for line in page.members} == {office.house.owner.name, "vic@example.org"}
    (migration,) = page.migrations
    assert (migration.name, migration.pairs, migration.failed_pairs, migration.running) == (
        "Finance",
        2,
        1,
        1,
    )

    assert [line.id for line in (await views.migration(here, MIGRATION)).pairs] == [1, 2]
    assert [line.id for line in (await views.migration(here, MIGRATION, after_id=1)).pairs] == [2]
    pair = await views.pair(here, 1)
    assert [run.id for run in pair.runs] == [2, 1]
    assert pair.run is not None
    assert pair.run.id == 1  # the latest that has begun
    assert [item.path for item in pair.items] == ["/a/b/file 1", "/a/b/file 2"]
    problems = await views.pair(here, 1, problems_only=True)
    assert [item.path for item in problems.items] == ["/a/b/file 1"]
    assert (await views.pair(here, 1, run_id=2)).items == ()
    assert b"CANARY" not in msgspec.json.encode([page, pair, problems, *both.values()])

    asked = await office.ask()
    found = await views.events(here)
    assert found.events[0].action == "exception.asked"
    assert found.events[0].details["request"] == asked.id
    everything = await views.events(None)
    assert [event.action for event in everything.events] == ["exception.asked", *["staff.added"] * 3]
    older = await views.events(None, before=everything.events[0].id)
    assert [event.action for event in older.events] == ["staff.added"] * 3


async def test_lists_have_the_same_lines_by_the_part(
    reading: Reading, views: Views, office: StaffOffice
) -> None:
    await office.house.other_organisation()
    await office.house.add_person("vic@example.org", Role.VIEWER)
    here, lists = office.organisation_id, Lists(reading)
    page = await views.organisation(here)

    async def whole(ask: Callable[[str | None], Awaitable[Some[Any]]]) -> list[Any]:
        """One at a time, until there is no next one."""
        found: list[Any] = []
        some = await ask(None)
        while True:
            assert len(some.items) == 1
            found += some.items
            if some.next is None:
                return found
            some = await ask(some.next)

    organisations = await whole(lambda after: lists.organisations(after=after, limit=1))
    assert organisations == sorted(await views.organisations(), key=lambda one: one.id)
    people = await whole(lambda after: lists.people(here, after=after, limit=1))
    assert people == sorted(page.members, key=lambda one: one.person_id)
    connected = await whole(lambda after: lists.connections(here, after=after, limit=1))
    assert connected == sorted(page.connections, key=lambda one: one.id)
    assert await whole(lambda after: lists.migrations(here, after=after, limit=1)) == [*page.migrations]
    planned = await whole(lambda after: lists.pairs(here, MIGRATION, after=after, limit=1))
    assert planned == [*(await views.migration(here, MIGRATION)).pairs]
    pair = await views.pair(here, 1)
    assert await whole(lambda after: lists.runs(here, 1, after=after, limit=1)) == [*pair.runs]
    seen = await whole(lambda after: lists.items(here, 1, problems_only=False, after=after, limit=1))
    assert seen == [*pair.items]
    bad = await whole(lambda after: lists.items(here, 1, problems_only=True, after=after, limit=1))
    assert [one.path for one in bad] == ["/a/b/file 1"]
    told = await whole(lambda after: lists.events(None, after=after, limit=1))
    assert told == [*(await views.events(None)).events]
    assert await lists.organisation(here) == page.figures
    assert await lists.migration(here, MIGRATION) == page.migrations[0]
    assert (await lists.pair(here, 1), await lists.run(here, 1)) == (pair.pair, pair.run)
    (elsewhere,) = [one.id for one in organisations if one.name == "Others"]
    for look in (
        lists.organisation("0" * 32),
        lists.migration(elsewhere, MIGRATION),
        lists.pairs(elsewhere, MIGRATION, after=None, limit=9),
        lists.pair(elsewhere, 1),
        lists.runs(elsewhere, 1, after=None, limit=9),
        lists.run(elsewhere, 1),
        lists.items(elsewhere, 1, problems_only=False, after=None, limit=9),
    ):
        with pytest.raises(NoSuchThing):
            await look


async def test_what_is_another_organisations_is_not_there(views: Views, office: StaffOffice) -> None:
    await office.house.other_organisation()
    (elsewhere,) = [one.id for one in await views.organisations() if one.name == "Others"]
    for look in (
        views.organisation("0" * 32),
        views.organisation_name("' OR '1'='1"),
        views.migration(elsewhere, MIGRATION),
        views.migration(office.organisation_id, "x" * 32),  # removed
        views.pair(elsewhere, 1),
        views.pair(office.organisation_id, 99),
    ):
        with pytest.raises(NoSuchThing):
            await look


async def test_each_statement_by_itself_is_bounded_by_the_organisation(house: House) -> None:
    """Not only because another one before it found nothing."""
    here, elsewhere = house.founded.organisation.id, "e" * 32
    await house.database.write(lambda connection: furnish(connection, here))

    def counted(connection: Connection, organisation_id: str) -> list[int]:
        found: list[Sized] = [
            queries.members(connection, organisation_id),
            queries.members(connection, organisation_id, Part(None, 9)),
            queries.connections_of(connection, organisation_id, Part(None, 9)),
            queries.migrations_of(connection, organisation_id, part=Part(None, 9)),
            queries.connections_of(connection, organisation_id),
            queries.migrations_of(connection, organisation_id),
            queries.migrations_of(connection, organisation_id, MIGRATION),
            queries.pairs_of(connection, organisation_id, MIGRATION, after_id=0, limit=9),
            queries.runs_of(connection, organisation_id, 1, limit=9),
            queries.items_of(connection, organisation_id, 1, states=None, after_id=0, limit=9),
            queries.events(connection, organisation_id, before=None, limit=9),
            places.connections_of_migration(connection, organisation_id, MIGRATION),
            places.connections_of_pair(connection, organisation_id, 1),
        ]
        one = (
            queries.pair(connection, organisation_id, 1),
            queries.run(connection, organisation_id, 1),
            full.migration(connection, organisation_id, MIGRATION),
            full.pair(connection, organisation_id, 1),
            full.connection(connection, organisation_id, "c" * 32),
            full.person(connection, organisation_id, house.owner.id),
            places.has_connection(connection, organisation_id, "c" * 32) or None,
            places.has_person(connection, organisation_id, house.owner.id) or None,
        )
        return [*map(len, found), *(thing is not None for thing in one)]

    assert 0 not in await house.database.read(lambda connection: counted(connection, here))
    assert not any(await house.database.read(lambda connection: counted(connection, elsewhere)))


async def test_without_the_staffs_role_a_server_is_not_read(
    tmp_path: Path,
    database_kind: Kind,
    house: House,  # noqa: ARG001 - has made the database
) -> None:
    reading = Reading(Settings(home=tmp_path, database_url=Secret(fresh(tmp_path / "state"))))
    views = Views(reading)
    try:
        if database_kind is Kind.SQLITE:
            assert len(await views.organisations()) == 1
        else:
            with pytest.raises(InvalidConfiguration, match="MOVER_STAFF_DATABASE_URL"):
                await views.organisations()
    finally:
        await reading.close()


def test_no_type_has_a_field_for_a_secret_or_content() -> None:
    """Neither those of metadata nor those of an exception; and the first have none for more than metadata."""
    deeper = {"options", "message", "note", "notes", "tags", "config", "rows", "timing", "mail"}
    never = {
        "password",
        "password_hash",
        "token",
        "secret",
        "hash",
        "hashes",
        "content",
        "content_hash",
        "key",
        "sealed",
    }
    for module, closed in ((metadata, never | deeper), (full_records, never)):
        for name, kind in vars(module).items():
            if (
                isinstance(kind, type)
                and issubclass(kind, msgspec.Struct)
                and kind.__module__ == module.__name__
            ):
                assert not set(kind.__struct_fields__) & closed, name
                assert kind.__struct_config__.frozen, name
