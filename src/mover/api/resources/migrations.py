"""Migrations: pairs with options in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mover.accounts.actor import Permission
from mover.api.calls import Calling
from mover.api.models import Answer, Body, Cursor, Id, Limit, Moment, ReferredId, Whole
from mover.api.operations import Resource
from mover.api.resources.options import Options, Queue, Text
from mover.ledger.states import RunMode
from mover.migrations import records
from mover.migrations.records import MailRule
from mover.migrations.states import Trigger

resource = Resource("Migrations", "Pairs with options in common.")

Name = Annotated[str, Field(min_length=1, max_length=200, examples=["Finance to SharePoint"])]


class Migration(Answer):
    """A migration."""

    id: str
    name: str
    note: str
    source_connection_id: str
    destination_connection_id: str
    options: Options
    queue: str = Field(description="Of the runners that do the work.")
    user_map_id: str | None
    permission_map_id: str | None
    mail: MailRule
    mail_to: list[str] = Field(description="Ids of people.")
    pairs_at_once: int = Field(description="As it was asked for.")
    pairs_now: int = Field(description="As many as the services bear at present.")
    version: int
    created_at: Moment
    changed_at: Moment


class MigrationPage(Answer):
    """Some migrations."""

    items: list[Migration]
    next_cursor: str | None
    total: int


class NewMigration(Body):
    """What is decided about a migration."""

    name: Name
    source_connection_id: ReferredId
    destination_connection_id: ReferredId
    note: Text = ""
    options: Options = Options()
    queue: Queue = "default"
    user_map_id: ReferredId | None = None
    permission_map_id: ReferredId | None = None
    mail: MailRule = MailRule.ERRORS
    mail_to: Annotated[list[ReferredId], Field(max_length=100)] = Field(default_factory=list)
    pairs_at_once: Annotated[Whole, Field(ge=1, le=1000)] = 50

    def record(self) -> records.NewMigration:
        """What the domain takes."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        given |= {"options": self.options.record(), "mail_to": tuple(self.mail_to)}
        return records.NewMigration(**given)


class MigrationCopy(Body):
    """What the copy is called."""

    name: Name


class MigrationRun(Answer):
    """Pairs of a migration that were started together."""

    id: str
    migration_id: str
    mode: RunMode
    trigger: Trigger
    started_by: str
    pairs: int
    open_pairs: int = Field(description="How many have not ended.")
    started_at: Moment
    ended_at: Moment | None


class MigrationRunPage(Answer):
    """Some runs of a migration."""

    items: list[MigrationRun]
    next_cursor: str | None
    total: int


@resource.get("/migrations", Permission.READ, problems=(400,))
async def list_migrations(call: Calling, cursor: Cursor = None, limit: Limit = 50) -> MigrationPage:
    """List the migrations, the newest first."""
    page = await call.services.migrations.list(call.actor, cursor=call.cursors.open(cursor), limit=limit)
    return MigrationPage(
        items=[_shown(migration) for migration in page.items],
        next_cursor=call.cursors.make(page.next),
        total=page.total,
    )


@resource.post("/migrations", Permission.PLAN, problems=(404,))
async def create_migration(call: Calling, new: NewMigration) -> Migration:
    """Make a migration."""
    made = await call.services.migrations.create(call.actor, new.record())
    call.made(f"/migrations/{made.id}")
    call.shows(made.version)
    return _shown(made)


@resource.get("/migrations/{migration_id}", Permission.READ)
async def get_migration(call: Calling, migration_id: Id) -> Migration:
    """Tell about one of them."""
    migration = await call.services.migrations.get(call.actor, migration_id)
    call.shows(migration.version)
    return _shown(migration)


@resource.put("/migrations/{migration_id}", Permission.PLAN, conditional=True)
async def update_migration(call: Calling, migration_id: Id, new: NewMigration) -> Migration:
    """Change all that is decided about a migration."""
    before = await call.services.migrations.get(call.actor, migration_id)
    version = call.check_version(before.version)
    changed = await call.services.migrations.update(call.actor, migration_id, new.record(), version=version)
    call.shows(changed.version)
    return _shown(changed)


@resource.delete("/migrations/{migration_id}", Permission.PLAN, conditional=True, problems=(409,))
async def delete_migration(call: Calling, migration_id: Id) -> None:
    """Remove a migration with its pairs and runs; not while any of them has not ended."""
    before = await call.services.migrations.get(call.actor, migration_id)
    await call.services.migrations.delete(
        call.actor, migration_id, version=call.check_version(before.version)
    )


@resource.post("/migrations/{migration_id}/copies", Permission.PLAN)
async def duplicate_migration(call: Calling, migration_id: Id, copy: MigrationCopy) -> Migration:
    """Make a copy with copies of all pairs, none of which has run."""
    made = await call.services.migrations.duplicate(call.actor, migration_id, name=copy.name)
    call.made(f"/migrations/{made.id}")
    call.shows(made.version)
    return _shown(made)


@resource.get("/migrations/{migration_id}/starts", Permission.READ, problems=(400,))
async def list_migration_runs(
    call: Calling, migration_id: Id, cursor: Cursor = None, limit: Limit = 50
) -> MigrationRunPage:
    """List what was started together, the newest first."""
    page = await call.services.migrations.runs(
        call.actor, migration_id, cursor=call.cursors.open(cursor), limit=limit
    )
    return MigrationRunPage(
        items=[MigrationRun.of(run) for run in page.items],
        next_cursor=call.cursors.make(page.next),
        total=page.total,
    )


def _shown(migration: records.Migration) -> Migration:
    return Migration.of(migration, options=Options.of(migration.options))
