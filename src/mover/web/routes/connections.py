"""Connections: accounts at services; add, test, authorise anew, delete."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from mover.accounts.actor import Permission
from mover.accounts.refusals import NotPossible
from mover.api.problems import ServiceRefused
from mover.connections.records import Connection
from mover.connectors.registry import ConnectorType, connector_type, service_names
from mover.errors import InvalidConfiguration
from mover.transport.oauth.refusals import AppMissing
from mover.transport.oauth.tokens import ACCESS_TOKEN
from mover.vault.secret import Secret
from mover.web import connector_forms, words
from mover.web.forms import Form, sentence
from mover.web.house import advice
from mover.web.routes.connection_sign_in import leave, what_is_missing
from mover.web.visit import Visit
from mover.web.ways import Way

_PLACE = "connections"


@dataclass(frozen=True)
class Trial:
    """What came of a test: who is signed in, or what went wrong and what to do."""

    good: bool
    text: str
    advice: str = ""


async def connections(visit: Visit) -> Response:
    """List them."""
    found = await visit.house.services.connections.all(visit.actor)
    return visit.page(
        "connections.html", place=_PLACE, connections=found, titles=titles(found), where=_where(found)
    )


def titles(found: list[Connection]) -> dict[str, str]:
    """What the services of some connections are called."""
    return {one.service: connector_type(one.service).title for one in found}


def _where(found: list[Connection]) -> dict[str, str]:
    """The address that a connection leads to, of what is not secret."""
    shown = {}
    for one in found:
        config = one.config
        place = str(
            config.get("url") or config.get("endpoint") or config.get("host") or config.get("path") or ""
        )
        place = str(config.get("account") or config.get("tenant") or config.get("admin") or place)
        if enterprise := config.get("enterprise_id"):
            place = f"enterprise {enterprise}"
        inner = str(config.get("bucket") or config.get("container") or "")
        shown[one.id] = " · ".join(part for part in (place, inner) if part)
    return shown


async def choose_service(visit: Visit) -> Response:
    """Ask which service it is."""
    return visit.page("connection_service.html", place=_PLACE, services=_offered(visit))


def _offered(visit: Visit) -> list[tuple[str, str, str]]:
    rules = visit.house.services.connections.rules
    offered = (
        (name, connector_type(name).title, words.service_lead(name))
        for name in service_names()
        if rules.offers(name)
    )
    return sorted(offered, key=lambda one: one[1].casefold())


async def new_connection(visit: Visit) -> Response:
    """Show the form of a service."""
    kind = connector_type(visit.parameter("service"))
    fields = connector_forms.fields_of(kind, visit.house.services.connections.rules.keys(kind))
    form = Form({field.name: field.default for field in fields})
    return _form(visit, kind, fields, form)


async def add_connection(visit: Visit) -> Response:
    """Sign in with what was filled in, and save it if that went well; or only try it."""
    return await _save(visit, connector_type(visit.parameter("service")), None)


async def connection(visit: Visit) -> Response:
    """Show one connection, and the form to authorise it anew."""
    found = await visit.house.services.connections.get(visit.actor, visit.parameter("connection_id"))
    kind = connector_type(found.service)
    fields = connector_forms.fields_of(kind, visit.house.services.connections.rules.keys(kind))
    return _form(visit, kind, fields, Form(connector_forms.shown_values(fields, found.config)), found)


async def change_connection(visit: Visit) -> Response:
    """Authorise a connection anew."""
    found = await visit.house.services.connections.get(visit.actor, visit.parameter("connection_id"))
    return await _save(visit, connector_type(found.service), found)


async def _save(visit: Visit, kind: ConnectorType, before: Connection | None) -> Response:
    service = visit.house.services.connections
    fields = connector_forms.fields_of(kind, visit.house.services.connections.rules.keys(kind))
    form = Form(
        {field.name: visit.text(field.name) for field in fields if "secret" not in field.kind}
        | {"name": visit.text("name").strip()}
    )
    name = before.name if before else form.values["name"]
    if not name:
        form.faults["name"] = "Give the connection a name."
    values = connector_forms.read_values(fields, visit.data)
    for field in fields:
        if field.required and not values.get(field.key) and not field.default:
            form.faults[field.name] = f"{field.label}: this is needed."
    if form.faults:
        return _form(visit, kind, fields, form, before, wrong=True)
    if kind.oauth is not None and ACCESS_TOKEN not in values:
        return await _sign_in_there(visit, kind, fields, form, values, before)
    only_try = visit.text("act") == "test"
    try:
        account, found = await service.rehearse(
            visit.actor, name, kind.name, values, replace=before is not None
        )
        if only_try:
            trial = Trial(good=True, text=f"It works: {account.description}. Nothing is saved yet.")
            return _form(visit, kind, fields, form, before, trial=trial)
        if before is None:
            await service.add(visit.actor, name, kind.name, {**values, **found})
        else:
            await service.authorise(visit.actor, before.id, {**values, **found})
    except InvalidConfiguration as error:
        _blame(form, error, fields)
        return _form(visit, kind, fields, form, before, wrong=True)
    except ServiceRefused as refused:
        trial = Trial(good=False, text=sentence(refused.error), advice=advice(refused.error))
        return _form(visit, kind, fields, form, before, wrong=True, trial=trial)
    return visit.go("/connections", f"{name} is connected.")


async def _sign_in_there(
    visit: Visit,
    kind: ConnectorType,
    fields: list[connector_forms.ConnectorField],
    form: Form,
    values: dict[str, Secret],
    before: Connection | None,
) -> Response:
    try:
        return await leave(visit, kind, before.name if before else form.values["name"], values, before)
    except AppMissing as error:
        trial = Trial(good=False, text=sentence(error), advice=error.advice)
        return _form(visit, kind, fields, form, before, wrong=True, trial=trial)
    except NotPossible as error:
        form.faults["name"] = sentence(error)
    except InvalidConfiguration as error:
        _blame(form, error, fields)
    return _form(visit, kind, fields, form, before, wrong=True)


def _blame(form: Form, error: InvalidConfiguration, fields: list[connector_forms.ConnectorField]) -> None:
    if error.message.startswith(("the name of", "there is a connection")):
        form.faults["name"] = sentence(error)
    else:
        connector_forms.blame(form, error, fields)


def _form(
    visit: Visit,
    kind: ConnectorType,
    fields: list[connector_forms.ConnectorField],
    form: Form,
    connection: Connection | None = None,
    *,
    wrong: bool = False,
    trial: Trial | None = None,
) -> Response:
    show = visit.again if wrong else visit.page
    return show(
        "connection.html",
        place=_PLACE,
        kind=kind,
        fields=fields,
        form=form,
        connection=connection,
        trial=trial,
        missing=what_is_missing(visit, kind, connection),
        redirect_address=visit.house.services.browser_sign_ins.redirect_address(kind) if kind.oauth else "",
    )


async def test_connection(visit: Visit) -> Response:
    """Sign in to a saved connection, and say what came of it."""
    service = visit.house.services.connections
    found = await service.get(visit.actor, visit.parameter("connection_id"))
    try:
        account = await service.test(visit.actor, found.id)
        trial = Trial(good=True, text=f"It works: {account.description}.")
    except ServiceRefused as refused:
        trial = Trial(good=False, text=sentence(refused.error), advice=advice(refused.error))
    if visit.is_part:
        return visit.page("parts/trial.html", trial=trial)
    return visit.go("/connections", trial.text, tone="good" if trial.good else "bad")


async def ask_to_delete(visit: Visit) -> Response:
    """Say what deleting a connection means, and ask."""
    found = await visit.house.services.connections.get(visit.actor, visit.parameter("connection_id"))
    oauth = connector_type(found.service).oauth
    return visit.page(
        "connection_delete.html",
        place=_PLACE,
        connection=found,
        revokes=oauth is not None and oauth.revoke_url is not None,
    )


async def delete_connection(visit: Visit) -> Response:
    """Delete a connection and destroy its secrets."""
    service = visit.house.services.connections
    found = await service.get(visit.actor, visit.parameter("connection_id"))
    revocation = await service.remove(visit.actor, found.id)
    said = f"{found.name} is deleted, and its secrets are destroyed."
    if revocation.words:
        said = f"{said} {revocation.words}."
    return visit.go("/connections", said, tone="bad" if revocation.needs_a_person else "good")


WAYS = (
    Way("GET", "/connections", Permission.READ, connections),
    Way("GET", "/connections/new", Permission.CONNECT, choose_service),
    Way("GET", "/connections/new/{service}", Permission.CONNECT, new_connection),
    Way("POST", "/connections/new/{service}", Permission.CONNECT, add_connection),
    Way("GET", "/connections/{connection_id}", Permission.CONNECT, connection),
    Way("POST", "/connections/{connection_id}", Permission.CONNECT, change_connection),
    Way("POST", "/connections/{connection_id}/test", Permission.CONNECT, test_connection),
    Way("GET", "/connections/{connection_id}/delete", Permission.CONNECT, ask_to_delete),
    Way("POST", "/connections/{connection_id}/delete", Permission.CONNECT, delete_connection),
)
