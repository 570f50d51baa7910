"""The list of migrations, and what concerns a migration as a whole."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from mover.accounts.actor import Permission
from mover.connections.records import Connection
from mover.errors import InvalidConfiguration
from mover.migrations.records import MailRule, Migration, NewMigration
from mover.migrations.refusals import NotPossible, Overtaken
from mover.migrations.states import RunCode, Status
from mover.web.forms import Form, sentence
from mover.web.options_form import OPTION_FIELDS, blame_options, options_values, read_options
from mover.web.visit import Visit
from mover.web.ways import Way

_PLACE = "migrations"
_BIGINT_DIGITS = 19
_FIELDS = (
    "name",
    "note",
    "source",
    "destination",
    "mail",
    "pairs_at_once",
    "queue",
    "user_map",
    "permission_map",
    *OPTION_FIELDS,
)


async def connection_names(visit: Visit) -> dict[str, Connection]:
    """The organisation's connections by id; pairs may name some that are gone."""
    return {one.id: one for one in await visit.house.services.connections.all(visit.actor)}


async def runs_that_wait(visit: Visit, migration_id: str, summary: Mapping[Status, int]) -> int:
    """How many runs of a migration wait for their keys; `summary` has its pairs by status."""
    if not summary.get(Status.PAUSED):
        return 0
    filtered = f"code:{RunCode.KEY_NEEDED.value}"
    found = await visit.house.services.pairs.summary(visit.actor, migration_id, filter=filtered)
    return found[Status.PAUSED]


async def migrations(visit: Visit) -> Response:
    """List them, with what is going on in each."""
    services = visit.house.services
    page = await services.migrations.list(visit.actor, cursor=visit.query("cursor") or None, limit=50)
    summaries = {one.id: await services.pairs.summary(visit.actor, one.id) for one in page.items}
    scanned = {one.id: await services.pairs.only_scanned(visit.actor, one.id) for one in page.items}
    waiting = {id_: await runs_that_wait(visit, id_, summary) for id_, summary in summaries.items()}
    return visit.page(
        "migrations.html",
        place=_PLACE,
        page=page,
        summaries=summaries,
        scanned=scanned,
        waiting=waiting,
        connections=await connection_names(visit),
        connected=await services.connections.all(visit.actor),
    )


async def new_list(visit: Visit) -> Response:
    """Ask for a migration of many pairs, which come by CSV, by discovery or by hand."""
    form = Form({"mail": MailRule.ERRORS.value, "pairs_at_once": "50"})
    return await _form(visit, form, None)


async def create_list(visit: Visit) -> Response:
    """Make a migration without pairs."""
    form = visit.filled_in(*_FIELDS)
    new = await _read(visit, form)
    if new is None:
        return await _form(visit, form, None)
    try:
        migration = await visit.house.services.migrations.create(visit.actor, new)
    except InvalidConfiguration as error:
        blame_options(form, error)
        return await _form(visit, form, None)
    return visit.go(f"/migrations/{migration.id}/pairs/new", "The migration is there. Now add its pairs.")


async def settings(visit: Visit) -> Response:
    """Show what was decided about a migration."""
    migration = await visit.house.services.migrations.get(visit.actor, visit.parameter("migration_id"))
    return await _form(visit, Form(_values(migration)), migration)


async def change(visit: Visit) -> Response:
    """Decide something else."""
    services = visit.house.services
    migration = await services.migrations.get(visit.actor, visit.parameter("migration_id"))
    form = visit.filled_in(*_FIELDS, "version")
    new = await _read(visit, form, migration)
    if new is None:
        return await _form(visit, form, migration)
    typed = form.values["version"]
    version = int(typed) if typed.isdecimal() and len(typed) < _BIGINT_DIGITS else migration.version
    try:
        await services.migrations.update(visit.actor, migration.id, new, version=version)
    except Overtaken as error:
        form.faults[""] = f"{sentence(error)} Load the page again to see what is there now."
        return await _form(visit, form, migration)
    except InvalidConfiguration as error:
        blame_options(form, error)
        return await _form(visit, form, migration)
    return visit.go(f"/migrations/{migration.id}", "The settings are saved.")


def _values(migration: Migration) -> dict[str, str]:
    return options_values(migration.options) | {
        "name": migration.name,
        "note": migration.note,
        "source": migration.source_connection_id,
        "destination": migration.destination_connection_id,
        "mail": migration.mail.value,
        "pairs_at_once": str(migration.pairs_at_once),
        "queue": migration.queue,
        "user_map": migration.user_map_id or "",
        "permission_map": migration.permission_map_id or "",
        "version": str(migration.version),
    }


async def _read(visit: Visit, form: Form, before: Migration | None = None) -> NewMigration | None:
    """What was decided; None if the form has faults."""
    values = form.values
    form.require(
        name="Give the migration a name.",
        source="Choose the connection that has the files.",
        destination="Choose the connection that gets the files.",
    )
    at_once = values["pairs_at_once"].strip() or "50"
    if not at_once.isdecimal() or len(at_once) > 4:  # noqa: PLR2004 - 1,000 at most
        form.faults["pairs_at_once"] = "Pairs at once: type a number from 1 to 1000."
    if form.faults:
        return None
    mail_to = before.mail_to if before else ()
    rule = MailRule(values["mail"]) if values["mail"] in set(MailRule) else MailRule.ERRORS
    if rule is not MailRule.NEVER and not mail_to:
        mail_to = (visit.session.person.id,)
    try:
        return NewMigration(
            name=values["name"].strip(),
            note=values["note"].strip(),
            source_connection_id=values["source"],
            destination_connection_id=values["destination"],
            options=read_options(form),
            mail=rule,
            mail_to=mail_to,
            pairs_at_once=int(at_once),
            queue=values["queue"].strip() or "default",
            user_map_id=values["user_map"] or None,
            permission_map_id=values["permission_map"] or None,
        )
    except InvalidConfiguration as error:
        blame_options(form, error)
        return None


async def _form(visit: Visit, form: Form, migration: Migration | None) -> Response:
    show = visit.again if form.faults else visit.page
    return show(
        "migration_settings.html",
        place=_PLACE,
        form=form,
        migration=migration,
        connections=list((await connection_names(visit)).values()),
        maps=await visit.house.services.maps.list(visit.actor),
    )


async def duplicate(visit: Visit) -> Response:
    """Make a copy with copies of all pairs."""
    services = visit.house.services
    migration = await services.migrations.get(visit.actor, visit.parameter("migration_id"))
    copy = await services.migrations.duplicate(
        visit.actor, migration.id, name=f"{migration.name} (copy)"[:200]
    )
    return visit.go(f"/migrations/{copy.id}", "This is the copy. None of its pairs has run.")


async def ask_to_delete(visit: Visit) -> Response:
    """Say what deleting a migration means, and ask."""
    migration = await visit.house.services.migrations.get(visit.actor, visit.parameter("migration_id"))
    summary = await visit.house.services.pairs.summary(visit.actor, migration.id)
    return visit.page("migration_delete.html", place=_PLACE, migration=migration, pairs=sum(summary.values()))


async def delete(visit: Visit) -> Response:
    """Delete a migration with its pairs and reports."""
    services = visit.house.services
    migration = await services.migrations.get(visit.actor, visit.parameter("migration_id"))
    try:
        await services.migrations.delete(visit.actor, migration.id)
    except NotPossible as error:
        return visit.go(f"/migrations/{migration.id}", f"{sentence(error)} {error.advice}", tone="bad")
    return visit.go("/migrations", f"{migration.name} is deleted.")


WAYS = (
    Way("GET", "/migrations", Permission.READ, migrations),
    Way("GET", "/migrations/new-list", Permission.PLAN, new_list),
    Way("POST", "/migrations/new-list", Permission.PLAN, create_list),
    Way("GET", "/migrations/{migration_id}/settings", Permission.PLAN, settings),
    Way("POST", "/migrations/{migration_id}/settings", Permission.PLAN, change),
    Way("POST", "/migrations/{migration_id}/duplicate", Permission.PLAN, duplicate),
    Way("GET", "/migrations/{migration_id}/delete", Permission.PLAN, ask_to_delete),
    Way("POST", "/migrations/{migration_id}/delete", Permission.PLAN, delete),
)
