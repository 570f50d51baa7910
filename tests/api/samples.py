"""One of everything that an address can name, by the name of the parameter, in the owner's organisation."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tests.api.installation import CLIENT, PASSWORD, Installation

from mover.accounts.actor import Permission, Role
from mover.accounts.records import Entrance
from mover.api.services import Services
from mover.migrations.imports import ImportKind
from mover.migrations.records import MapKind, NewMigration, NewPair, NewSchedule
from mover.migrations.selection import Selection
from mover.migrations.timetable import Every, Timing
from mover.notices.events import Event
from mover.vault.secret import Secret


async def make_samples(services: Services, installation: Installation) -> dict[str, str]:
    """Make them; the values are as they stand in addresses."""
    actor = installation.owner.session.signed_in.actor
    connection = await services.connections.add(
        actor,
        "nas",
        "sftp",
        {
            "host": Secret("127.0.0.1"),
            "port": 1,
            "username": Secret("ann"),
            "password": Secret("canary-password"),
        },
    )
    migration = await services.migrations.create(
        actor,
        NewMigration(
            name="Finance", source_connection_id=connection.id, destination_connection_id=connection.id
        ),
    )
    pairs = await services.pairs.add(
        actor,
        migration.id,
        [NewPair(source_path=f"/from/{n}", destination_path=f"/to/{n}", tags=("finance",)) for n in range(3)],
    )
    await services.runs.start(actor, Selection.these(migration.id, pairs[0].id))
    run = (await services.runs.page(actor)).items[0]
    read = await services.imports.read(actor, migration.id, ImportKind.ADD, _csv())
    user_map = await services.maps.create(actor, "Staff", MapKind.USERS)
    row = await services.maps.put_row(actor, user_map.id, "ann@old.example", "ann@new.example")
    schedule = await services.schedules.create(
        actor, migration.id, NewSchedule(name="Nightly", timing=Timing(every=Every.DAILY, at="02:30"))
    )
    webhook, _ = await services.webhooks.create(actor, "https://hooks.example.org/mover", [Event.RUN_ENDED])
    delivery = await services.webhooks.test(actor, webhook.id)
    key = await services.api_keys.make(actor, "a sample", frozenset({Permission.READ}))
    invited = await services.invitations.invite(actor, "invited@example.org", Role.VIEWER)
    view = await services.views.save(actor, "Failed", filter="status:failed", shared=True)
    session = await services.sign_in.with_password("owner@example.org", PASSWORD, CLIENT)
    assert isinstance(session, Entrance)
    return {
        "connection_id": connection.id,
        "migration_id": migration.id,
        "pair_id": str(pairs[0].id),
        "run_id": str(run.id),
        "import_id": read.id,
        "map_id": user_map.id,
        "row_id": str(row.id),
        "schedule_id": schedule.id,
        "webhook_id": webhook.id,
        "delivery_id": str(delivery.id),
        "key_id": key.key.id,
        "invitation_id": invited.invitation.id,
        "view_id": view.id,
        "session_id": session.signed_in.session.id,
        "person_id": installation.callers[Role.VIEWER].person_id,
        "kind": "summary",
    }


async def _csv() -> AsyncIterator[bytes]:
    yield b"Source Path,Destination Path,Tags\r\n/a,/b,\r\n"
