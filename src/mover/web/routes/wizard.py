"""A move in three steps: from where, to where, and how. What was chosen is in the address, so that one can go back."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.datastructures import FormData, QueryParams
from starlette.responses import Response

from mover.accounts.actor import Permission
from mover.connections.records import Connection
from mover.errors import InvalidConfiguration
from mover.ledger.states import RunMode
from mover.migrations.records import MailRule, NewMigration, NewPair
from mover.migrations.selection import Selection
from mover.web.forms import Form, sentence
from mover.web.options_form import OPTION_FIELDS, blame_options, read_options
from mover.web.routes.folders import chosen_path
from mover.web.visit import Visit
from mover.web.ways import Way

_PLACE = "migrations"
_KEPT = ("source", "source_path", "source_exact", "destination", "destination_path", "destination_exact")
_START = "start"
_SCAN = "scan"


async def wizard(visit: Visit) -> Response:
    """Show the step that comes next."""
    connections = await visit.house.services.connections.all(visit.actor)
    data = visit.request.query_params
    form = Form({name: data.get(name, "") for name in _KEPT})
    step = data.get("step", "source")
    known = {one.id: one for one in connections}
    if step in {"destination", "options"}:
        fault = _fault(data, "source", known)
        if fault:
            form.faults["source"] = fault
            step = "source"
    if step == "options":
        fault = _fault(data, "destination", known)
        if fault:
            form.faults["destination"] = fault
            step = "destination"
    if step not in {"source", "destination", "options"}:
        step = "source"
    if step == "options":
        form.values |= {
            "name": _proposed_name(known, form),
            "begin": _START,
            "mail": MailRule.ERRORS.value,
            "verify": "",
            "conflict": "",
            "full": "",
        }
    return await _page(visit, step, form, connections)


def _fault(data: QueryParams | FormData, side: str, known: dict[str, Connection]) -> str:
    if str(data.get(side, "")) not in known:
        return "Choose a connection."
    try:
        chosen_path(data, side)
    except InvalidConfiguration as error:
        return sentence(error)
    return ""


def _proposed_name(known: dict[str, Connection], form: Form) -> str:
    return f"{known[form.values['source']].name} to {known[form.values['destination']].name}"


async def _page(visit: Visit, step: str, form: Form, connections: list[Connection]) -> Response:
    kept = {name: form.values.get(name, "") for name in _KEPT if form.values.get(name)}
    show = visit.again if form.faults else visit.page
    return show(
        "wizard.html",
        place=_PLACE,
        step=step,
        form=form,
        connections=connections,
        by_id={one.id: one for one in connections},
        kept=kept,
        maps=await visit.house.services.maps.list(visit.actor) if step == "options" else (),
        back=urlencode({**kept, "step": "source" if step == "destination" else "destination"}),
    )


async def create(visit: Visit) -> Response:
    """Make the migration with its one pair, and scan or start it."""
    connections = await visit.house.services.connections.all(visit.actor)
    known = {one.id: one for one in connections}
    form = visit.filled_in(*_KEPT, "name", "begin", "mail", "permission_map", *OPTION_FIELDS)
    for side in ("source", "destination"):
        fault = _fault(visit.data, side, known)
        if fault:
            form.faults[side] = fault
            return await _page(visit, side, form, connections)
    if not form.require(name="Give the move a name."):
        return await _page(visit, "options", form, connections)
    services = visit.house.services
    pair = NewPair(
        source_path=chosen_path(visit.data, "source"), destination_path=chosen_path(visit.data, "destination")
    )
    try:
        migration = await services.migrations.create(
            visit.actor,
            NewMigration(
                name=visit.text("name").strip(),
                source_connection_id=visit.text("source"),
                destination_connection_id=visit.text("destination"),
                options=read_options(form),
                permission_map_id=visit.text("permission_map") or None,
                mail=MailRule(visit.text("mail")) if visit.text("mail") in set(MailRule) else MailRule.ERRORS,
                mail_to=(visit.session.person.id,),
            ),
        )
    except InvalidConfiguration as error:
        blame_options(form, error)
        return await _page(visit, "options", form, connections)
    (added,) = await services.pairs.add(visit.actor, migration.id, [pair])
    begin = visit.text("begin")
    if begin in {_START, _SCAN} and visit.may(Permission.RUN):
        mode = RunMode.SCAN if begin == _SCAN else RunMode.COPY
        await services.runs.start(visit.actor, Selection.these(migration.id, added.id), mode)
        await visit.house.nudge(visit.actor)
        said = "The scan begins." if mode is RunMode.SCAN else "The move begins."
        return visit.go(f"/pairs/{added.id}", said)
    return visit.go(f"/migrations/{migration.id}", "The move is planned.")


WAYS = (
    Way("GET", "/migrations/new", Permission.PLAN, wizard),
    Way("POST", "/migrations/new", Permission.PLAN, create),
)
