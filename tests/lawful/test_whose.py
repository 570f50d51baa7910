"""Whose connections and migrations are is noted when they are added: an order may be about one person."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from tests.lawful.court import Court

from mover.accounts.actor import Actor, ActorKind, Permission, system_actor
from mover.accounts.api_keys import ApiKeys
from mover.accounts.attempts import Attempts
from mover.accounts.audit_log import AuditLog
from mover.api.organisation_connections import OrganisationConnections
from mover.connections.service_rules import ServiceRules
from mover.connections.tables import connections
from mover.migrations.migrations import Migrations
from mover.migrations.records import NewMigration
from mover.migrations.tables import migrations
from mover.settings import Settings
from mover.transport.egress import Egress
from mover.vault.secret import Secret

pytestmark = pytest.mark.promise("P10")


async def test_it_is_the_person_who_acts_or_whose_key_does(court: Court) -> None:
    house = court.office.house
    owner = house.owner
    audit = AuditLog(court.database)
    made = await ApiKeys(court.database, Attempts(court.database), audit).make(
        owner, "program", frozenset({Permission.READ, Permission.PLAN, Permission.CONNECT})
    )
    key = Actor(owner.organisation_id, ActorKind.API_KEY, made.key.id, "program", frozenset(Permission))
    itself = system_actor(owner.organisation_id, "schedule")
    egress = Egress()
    try:
        saved = OrganisationConnections(
            court.database, house.vault, egress, audit, ServiceRules.from_settings(Settings())
        )
        planned = Migrations(court.database, audit)
        for actor, person in ((owner, owner.id), (key, owner.id), (itself, None)):
            values = {"host": "nas.example.org", "username": "ann", "password": "secret"}
            added = await saved.add(actor, f"nas-{actor.kind}", "sftp", values_of(values))
            new = NewMigration(name="Move", source_connection_id=added.id, destination_connection_id=added.id)
            created = await planned.create(actor, new)
            assert await noted(court, connections.c.added_by, connections.c.id == added.id) == person
            assert await noted(court, migrations.c.created_by, migrations.c.id == created.id) == person
            again = await saved.authorise(owner, added.id, values_of(values))
            assert again.added_by == owner.id  # whoever is known first stays
    finally:
        await egress.close()


def values_of(values: dict[str, str]):
    return {name: Secret(value) for name, value in values.items()}


async def noted(court: Court, column, where) -> str | None:
    return await court.database.read(lambda c: c.scalar(select(column).where(where)))
