"""Schedules in Temporal and in the database, and what is tidied up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update
from tests.e2e.places import put
from tests.runner.conftest import TOLD, Service
from tests.runner.stage import Organisation, filled
from tests.runner.test_runs import reached

from mover.accounts.departures import Departures
from mover.accounts.queries.organisations import mark_deleted
from mover.accounts.tables import organisations, people, sessions
from mover.accounts.upkeep import Upkeep
from mover.connections.connections import Deauthorised
from mover.connections.idle import IdleConnections
from mover.connections.revoking import Revoking
from mover.connections.tables import connections
from mover.migrations.retention import Retention
from mover.migrations.tables import pair_runs, schedules
from mover.runner import names
from mover.runner.housekeeping import Housekeeper
from mover.serving.tidying import tidy_up
from mover.staging.folder import ProcessFolder
from mover.vault.tables import secrets as vault_secrets
from mover.workplace.removers import REMOVERS

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

DAY_NS = 24 * 3600 * 10**9


async def known(service: Service) -> dict[str, datetime | None]:
    client = await service.access.client()
    found = {}
    async for entry in await client.list_schedules():
        described = await client.get_schedule_handle(entry.id).describe()
        found[entry.id] = next(iter(described.info.next_action_times), None)
    return found


async def told(service: Service, expected: Callable[[dict[str, datetime | None]], bool]) -> None:
    """Wait until Temporal's list, which follows what happens a moment later, says it."""
    async with asyncio.timeout(240):
        while not expected(await known(service)):  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.05)


async def add_schedule(organisation: Organisation, schedule_id: str, next_ns: int, timing: str) -> None:
    row = filled(
        schedules,
        id=schedule_id,
        organisation_id=organisation.id,
        migration_id=organisation.migration_id,
        name=schedule_id,
        timing=timing,
        mode="copy",
        active=True,
        next_ns=next_ns,
        version=1,
    )
    await organisation.place.database.write(lambda c: c.execute(insert(schedules), row))


async def test_schedules_of_the_database_are_made_known_changed_and_forgotten(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    due = datetime.now(UTC).replace(microsecond=0, second=0) + timedelta(days=3)
    next_ns = int(due.timestamp()) * 10**9
    await add_schedule(organisation, "s1", next_ns, '{"every":"daily","at":"03:00"}')
    await add_schedule(organisation, "s2", next_ns, '{"every":"daily","at":"03:00"}')
    await service.reconciler.put_schedules()
    await told(service, lambda found: found.get("mover-schedule-s1") == due and names.HOUSEKEEPING in found)
    later = due + timedelta(hours=5)
    await service.place.database.write(
        lambda c: c.execute(
            update(schedules).where(schedules.c.id == "s1").values(next_ns=int(later.timestamp()) * 10**9)
        )
    )
    await service.place.database.write(
        lambda c: c.execute(update(schedules).where(schedules.c.id == "s2").values(active=False))
    )
    await service.reconciler.put_schedules()
    await told(
        service, lambda found: found.get("mover-schedule-s1") == later and "mover-schedule-s2" not in found
    )
    await service.orchestration.remove_schedule("s1")
    await service.orchestration.remove_schedule("s1")
    await told(service, lambda found: "mover-schedule-s1" not in found)


async def test_a_schedule_starts_its_pairs_when_it_is_due(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    put(organisation.source, {"/p/a": b"a"})
    (first,) = await organisation.start("/p")
    async with service.running(pace=TOLD):  # Temporal alone tells
        await service.orchestration.nudge(organisation.id)
        await reached(organisation, first, "ended")
        soon = (
            time.time_ns() // 10**9 + 5
        ) * 10**9 - 1  # almost the next second: not to be looked for in this one
        await add_schedule(organisation, "s1", soon, '{"every":"daily","at":"03:00"}')
        await service.reconciler.put_schedules()
        second = first + 1
        there = select(pair_runs.c.id).where(pair_runs.c.id == second)
        async with asyncio.timeout(240):
            while not await service.place.database.read(lambda c: c.scalar(there)):  # noqa: ASYNC110 - a row tells nobody
                await asyncio.sleep(0.05)
        assert (await reached(organisation, second, "ended"))["trigger"] == "schedule"


async def test_idle_connections_lose_their_secrets_and_nothing_else(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    own = service.place.for_organisation(organisation.id).connections
    values = {"host": "h", "username": "u", "password": "p"}
    idle = await own.add("idle", "sftp", values)
    fresh = await own.add("fresh", "sftp", values)
    person = await service.place.connections.add("mine", "sftp", values)
    long_ago = time.time_ns() - 91 * DAY_NS
    await service.place.database.write(
        lambda c: c.execute(
            update(connections).where(connections.c.id.in_([idle.id, person.id])).values(created_ns=long_ago)
        )
    )
    place = service.place
    idle_connections = IdleConnections(
        place.database, place.vault, Revoking(place.egress, {}), now_ns=time.time_ns
    )
    assert await idle_connections.deauthorise() == 1
    assert await idle_connections.deauthorise() == 0
    owners = await service.place.database.read(lambda c: set(c.scalars(select(vault_secrets.c.owner))))
    assert idle.owner not in owners
    assert {fresh.owner, person.owner} <= owners
    with pytest.raises(Deauthorised, match="secrets were destroyed"):
        await own.sign_in("idle")
    again = await own.add("idle", "sftp", values, replace=True)
    assert (again.id, again.deauthorised_ns) == (idle.id, None)


async def test_housekeeping_removes_what_is_over_and_goes_on_when_all_is_clean(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    now = time.time_ns()

    def fill(c):
        c.execute(insert(people), filled(people, id="p", email="a@example.org", name="A"))
        for number, expires in enumerate((now - 1, now + DAY_NS)):
            row = filled(
                sessions,
                id=str(number),
                token_hash=str(number),
                person_id="p",
                organisation_id=organisation.id,
                expires_ns=expires,
                last_seen_ns=now,
            )
            c.execute(insert(sessions), row)

    await service.place.database.write(fill)
    gone = await Organisation.make(service.place, tmp_path)
    await service.place.vault.destroy_person(
        f"organisation:{gone.id}", along=lambda c: mark_deleted(c, gone.id, now)
    )
    dead = ProcessFolder.claim(service.place.settings.staging_path)
    dead._lock.close()  # as when its process is killed
    housekeeper = Housekeeper(service.place, Retention(service.place.database))
    beats = []
    await housekeeper.tidy_up(lambda: beats.append(1))
    assert beats
    # The API's part.
    departures = Departures(service.place.database, service.place.vault, removers=REMOVERS)
    steps = [Upkeep(service.place.database).remove_expired, departures.remove_deleted]
    assert await tidy_up(steps) > 1
    left = await service.place.database.read(lambda c: list(c.scalars(select(sessions.c.id))))
    assert left == ["1"]
    there = await service.place.database.read(lambda c: list(c.scalars(select(organisations.c.id))))
    assert there == [organisation.id]
    owners = await service.place.database.read(lambda c: set(c.scalars(select(connections.c.person))))
    assert owners == {f"organisation:{organisation.id}"}
    assert not dead._path.exists()
    assert await tidy_up(steps) == 0
