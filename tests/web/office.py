"""A Mover in use: people of every role, two connected folders, a migration some of whose pairs have run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select
from tests.web.browsing import PASSWORD
from tests.web.served import Served, served

from mover.accounts.actor import Actor, Permission, Role
from mover.accounts.records import Client, Entrance
from mover.api.services import Services
from mover.entries import AccessRole, GranteeKind
from mover.ledger.grants import Grantee, GrantState, NewGrant
from mover.ledger.queries.grants import add_lines
from mover.migrations.records import MapKind, NewMigration, NewPair, NewSchedule
from mover.migrations.selection import Selection
from mover.migrations.states import RunState
from mover.migrations.tables import pair_runs, run_samples
from mover.migrations.timetable import Every, Timing
from mover.notices.events import Event
from mover.vault.secret import Secret

SECRET = Secret(PASSWORD)
CLIENT = Client("192.0.2.7", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
HOSTILE = '<img src=x onerror="alert(1)">\u202egpj.exe'
"""A file's name: markup, and an override that turns what follows around."""


@dataclass(frozen=True)
class Office:
    """What stands where."""

    served: Served
    owner: Actor
    migration_id: str
    pair_id: int
    bad_pair_id: int
    map_id: str
    schedule_id: str
    webhook_id: str
    connection_id: str

    def let_in(self, email: str, role: Role = Role.VIEWER) -> None:
        """Let somebody come in whom no other test knows."""
        self.served.do(lambda services: join(services, self.owner, email, role))

    @property
    def pages(self) -> list[str]:
        """All pages that show something."""
        migration, pair = f"/migrations/{self.migration_id}", f"/pairs/{self.pair_id}"
        return [
            "/",
            "/migrations",
            "/migrations/new",
            "/migrations/new-list",
            migration,
            f"{migration}?filter=status:",
            f"{migration}/settings",
            f"{migration}/pairs/new",
            f"{migration}/pairs/discover",
            f"{migration}/delete",
            pair,
            f"{pair}/items",
            f"{pair}/permissions",
            f"{pair}/permissions?text=nobody-of-that-name",
            f"/pairs/{self.bad_pair_id}/permissions",
            f"/pairs/{self.bad_pair_id}",
            f"/pairs/{self.bad_pair_id}/problems",
            f"{pair}/runs",
            f"{pair}/settings",
            "/connections",
            "/connections/new",
            "/connections/new/sftp",
            "/connections/new/s3",
            "/connections/new/box",
            f"/connections/{self.connection_id}/delete",
            "/maps",
            f"/maps/{self.map_id}",
            f"/maps/{self.map_id}/preview?users=ann%40old.example",
            f"/maps/{self.map_id}/history",
            "/schedules",
            "/schedules/new",
            f"/schedules/{self.schedule_id}",
            "/reports",
            "/people",
            "/api-keys",
            "/api-keys/new",
            "/webhooks",
            "/webhooks/new",
            f"/webhooks/{self.webhook_id}",
            "/profile",
            "/profile/delete",
            "/confirm",
            "/organisation",
            "/organisation/delete",
            "/audit",
        ]


@contextmanager
def furnished(folder: Path) -> Iterator[Office]:
    """Serve it until the end of the block."""
    with served(folder) as at:
        files = folder / "files"
        for name in ("Finance", "Sales"):
            (files / "office" / name).mkdir(parents=True)
            for n in range(12):
                (files / "office" / name / f"document {n}.pdf").write_bytes(bytes(n) * 1000)
        (files / "office" / "Finance" / HOSTILE).write_bytes(b"odd")
        # Something else stands where this one would go.
        (files / "archive" / "Sales").mkdir(parents=True)
        (files / "archive" / "Sales" / "document 1.pdf").write_bytes(b"another one")
        made = at.do(lambda services: _furnish(services, at, files))
        yield made


async def _furnish(services: Services, at: Served, files: Path) -> Office:
    founded = await services.organisations.found(
        "Example Ltd", owner_email="owner@example.org", owner_name="Olga Marin", password=SECRET
    )
    entrance = await services.sign_in.with_password(founded.owner.email, SECRET, CLIENT)
    assert isinstance(entrance, Entrance)
    actor = entrance.signed_in.actor
    for role in (Role.ADMINISTRATOR, Role.OPERATOR, Role.VIEWER):
        await join(services, actor, f"{role.value}@example.org", role)
    await services.invitations.invite(actor, "new@example.org", Role.OPERATOR)
    office, archive = [
        await services.connections.add(actor, name, "local", {"path": Secret(str(files / name))})
        for name in ("office", "archive")
    ]
    migration = await services.migrations.create(
        actor,
        NewMigration(
            name="Office to archive",
            source_connection_id=office.id,
            destination_connection_id=archive.id,
        ),
    )
    pairs = await services.pairs.add(
        actor,
        migration.id,
        [
            NewPair(source_path="/Finance", destination_path="/Finance", tags=("finance", "wave-1")),
            NewPair(source_path="/Sales", destination_path="/Sales", notes="Ask <b>Ben</b> first"),
            NewPair(source_path="/Nowhere", destination_path="/Nowhere"),
            *(NewPair(source_path=f"/Users/{n}", destination_path=f"/Home/{n}") for n in range(5)),
        ],
    )
    await services.runs.start(actor, Selection.these(migration.id, *(pair.id for pair in pairs[:3])))
    await services.nudging.nudge(actor.organisation_id)
    await _ended(services, actor)
    await _share(services, actor, pairs[0].id)
    user_map = await services.maps.create(actor, "Staff", MapKind.USERS)
    await services.maps.put_row(actor, user_map.id, "ann@old.example", "ann@new.example")
    schedule = await services.schedules.create(
        actor, migration.id, NewSchedule(name="Nightly", timing=Timing(every=Every.DAILY, at="02:30"))
    )
    webhook, _ = await services.webhooks.create(actor, "https://hooks.example.org/mover", [Event.RUN_ENDED])
    await services.webhooks.test(actor, webhook.id)
    await services.api_keys.make(actor, "The backup script", frozenset({Permission.READ}))
    return Office(
        served=at,
        owner=actor,
        migration_id=migration.id,
        pair_id=pairs[0].id,
        bad_pair_id=pairs[1].id,
        map_id=user_map.id,
        schedule_id=schedule.id,
        webhook_id=webhook.id,
        connection_id=office.id,
    )


async def join(services: Services, actor: Actor, email: str, role: Role) -> None:
    """Let somebody come in by invitation."""
    invited = await services.invitations.invite(actor, email, role)
    assert invited.link is not None
    token = Secret(invited.link.reveal().rpartition("/")[2])
    await services.invitations.accept_as_new(token, name=f"The {role.value}", password=SECRET, client=CLIENT)


async def _share(services: Services, actor: Actor, pair_id: int) -> None:
    """Note speed and permissions of a pair's run, one of every state: the folders of this office know of none themselves."""
    pair = await services.pairs.get(actor, pair_id)
    assert pair.last_run_id is not None
    people = [*(f"person{n}@old.example" for n in range(len(GrantState) - 1)), HOSTILE]
    lines = [
        NewGrant(
            source_key="/document 1.pdf" if n % 2 else f"/{HOSTILE}",
            kind=GranteeKind.PERSON,
            identity=who,
            role=AccessRole.WRITE,
            service_role="Viewer Uploader",
            target=Grantee(GranteeKind.PERSON, who.replace("old", "new")),
            target_role=AccessRole.READ,
            state=state,
            message="the destination has no write here: given read" if n % 3 else "",
        )
        for n, (state, who) in enumerate(zip(GrantState, people, strict=True))
    ]
    lines.append(
        NewGrant(
            source_key="/",
            kind=GranteeKind.ANYONE,
            role=AccessRole.READ,
            state=GrantState.LISTED,
            message="a share by link, listed only",
        )
    )
    run_id = pair.last_run_id
    # Its speed, as it would be noted of a run of two minutes: this one was over at once.
    speed = [
        {"pair_run_id": run_id, "number": 100 + n, "at_ns": n * 10**10, "bytes": n * n * 10**6, "files": n}
        for n in range(12)
    ]

    def keep(connection: Connection) -> None:
        query = select(pair_runs.c.ledger_run_id).where(pair_runs.c.id == run_id)
        add_lines(connection, connection.execute(query).scalar_one(), lines)
        connection.execute(delete(run_samples).where(run_samples.c.pair_run_id == run_id))
        connection.execute(insert(run_samples), speed)

    await services.database.write(keep)


async def _ended(services: Services, actor: Actor) -> None:
    """Wait for all runs that do not wait for a later time: those that failed may be queued again by themselves."""
    async with asyncio.timeout(60):
        while True:
            runs = await services.runs.page(actor)
            if all(run.state is RunState.ENDED or run.not_before_ns > run.queued_ns for run in runs.items):
                return
            await asyncio.sleep(0.02)
