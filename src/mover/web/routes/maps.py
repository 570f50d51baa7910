"""User maps and permission maps: rows, CSV, preview, history."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.responses import Response

from mover.accounts.actor import Permission
from mover.api.streams import csv_download
from mover.errors import InvalidConfiguration
from mover.migrations.maps import MapImport
from mover.migrations.records import MapKind, UserMap
from mover.migrations.refusals import NotPossible
from mover.web.forms import Form, sentence
from mover.web.routes.pair import number
from mover.web.spelling import counted
from mover.web.visit import Visit
from mover.web.ways import LARGEST_FILE_BYTES, Way

_PLACE = "maps"
_MOST_PREVIEWED = 500


async def maps(visit: Visit) -> Response:
    """List them."""
    return await _list(visit, Form({"kind": MapKind.USERS.value}))


async def _list(visit: Visit, form: Form) -> Response:
    show = visit.again if form.faults else visit.page
    return show("maps.html", place=_PLACE, maps=await visit.house.services.maps.list(visit.actor), form=form)


async def create(visit: Visit) -> Response:
    """Add an empty map."""
    form = visit.filled_in("name", "kind")
    if not form.require(name="Give the map a name."):
        return await _list(visit, form)
    kind = MapKind.PERMISSIONS if form.values["kind"] == MapKind.PERMISSIONS else MapKind.USERS
    try:
        made = await visit.house.services.maps.create(visit.actor, form.values["name"].strip(), kind)
    except InvalidConfiguration as error:
        form.blame(error, fields={"name": "name"})
        return await _list(visit, form)
    return visit.go(f"/maps/{made.id}", "The map is there. Now add its rows.")


async def _map(visit: Visit) -> UserMap:
    return await visit.house.services.maps.get(visit.actor, visit.parameter("map_id"))


async def rows(visit: Visit) -> Response:
    """Show the rows."""
    return await _rows(visit, await _map(visit), Form({"text": visit.query("text")}))


async def _rows(
    visit: Visit, found: UserMap, form: Form, *, trial: MapImport | None = None, pasted: str = ""
) -> Response:
    show = visit.again if form.faults else visit.page
    page = await visit.house.services.maps.rows(
        visit.actor, found.id, text=visit.query("text"), cursor=visit.query("cursor") or None
    )
    return show(
        "map.html", place=_PLACE, map=found, tab="rows", page=page, form=form, trial=trial, pasted=pasted
    )


async def put_row(visit: Visit) -> Response:
    """Add a row, or change the one of that source."""
    found = await _map(visit)
    form = visit.filled_in("source", "destination")
    form.values["text"] = ""
    if not form.require(source="Type who it is at the source."):
        return await _rows(visit, found, form)
    try:
        await visit.house.services.maps.put_row(
            visit.actor, found.id, form.values["source"].strip(), form.values["destination"].strip()
        )
    except InvalidConfiguration as error:
        form.blame(error, fields={"destination": "destination", "source": "source"})
        return await _rows(visit, found, form)
    return visit.go(f"/maps/{found.id}", "The row is saved.")


async def remove_row(visit: Visit) -> Response:
    """Remove a row."""
    found = await _map(visit)
    await visit.house.services.maps.remove_row(visit.actor, found.id, number(visit.text("row")))
    return visit.go(f"/maps/{found.id}", "The row is removed.")


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def import_rows(visit: Visit) -> Response:
    """Look at a CSV file, or do what it says."""
    found = await _map(visit)
    form = Form({"text": "", "replace": visit.text("replace")})
    content = await visit.upload("file")
    if content is None:
        content = visit.text("pasted").encode("utf-8", "replace")
    if not content.strip():
        form.faults["pasted"] = "Choose a file, or paste its lines."
        return await _rows(visit, found, form)
    only_look = visit.text("act") != "apply"
    try:
        result = await visit.house.services.maps.import_csv(
            visit.actor,
            found.id,
            _pieces(content),
            replace=visit.text("replace") == "yes",
            dry_run=only_look,
        )
    except InvalidConfiguration as error:
        form.faults["pasted"] = sentence(error)
        return await _rows(visit, found, form, pasted=content.decode("utf-8", "replace"))
    if only_look or result.problems:
        return await _rows(visit, found, form, trial=result, pasted=content.decode("utf-8", "replace"))
    said = f"{counted(result.added, 'row')} added, {result.changed} changed, {result.removed} removed."
    return visit.go(f"/maps/{found.id}", said)


async def export(visit: Visit) -> Response:
    """The rows as CSV."""
    found = await _map(visit)
    lines = visit.house.services.maps.export_csv(visit.actor, found.id)
    return await csv_download(lines, f"map-{found.id}")


async def preview(visit: Visit) -> Response:
    """Tell what the map does to some users."""
    found = await _map(visit)
    users = [line.strip() for line in visit.query("users").splitlines() if line.strip()][:_MOST_PREVIEWED]
    mapped = await visit.house.services.maps.preview(visit.actor, found.id, users) if users else []
    return visit.page(
        "map_preview.html",
        place=_PLACE,
        map=found,
        tab="preview",
        mapped=mapped,
        form=Form({"users": visit.query("users")}),
    )


async def history(visit: Visit) -> Response:
    """Show who changed what."""
    found = await _map(visit)
    page = await visit.house.services.maps.history(
        visit.actor, found.id, cursor=visit.query("cursor") or None
    )
    return visit.page("map_history.html", place=_PLACE, map=found, tab="history", page=page)


async def ask_to_delete(visit: Visit) -> Response:
    """Say what deleting a map means, and ask."""
    return visit.page("map_delete.html", place=_PLACE, map=await _map(visit))


async def delete(visit: Visit) -> Response:
    """Delete a map."""
    found = await _map(visit)
    try:
        await visit.house.services.maps.delete(visit.actor, found.id)
    except NotPossible as error:
        return visit.go(f"/maps/{found.id}", f"{sentence(error)} {error.advice}", tone="bad")
    return visit.go("/maps", f"{found.name} is deleted.")


WAYS = (
    Way("GET", "/maps", Permission.READ, maps),
    Way("POST", "/maps", Permission.PLAN, create),
    Way("GET", "/maps/{map_id}", Permission.READ, rows),
    Way("POST", "/maps/{map_id}/rows", Permission.PLAN, put_row),
    Way("POST", "/maps/{map_id}/rows/remove", Permission.PLAN, remove_row),
    Way("POST", "/maps/{map_id}/import", Permission.PLAN, import_rows, LARGEST_FILE_BYTES),
    Way("GET", "/maps/{map_id}/export", Permission.READ, export),
    Way("GET", "/maps/{map_id}/preview", Permission.READ, preview),
    Way("GET", "/maps/{map_id}/history", Permission.READ, history),
    Way("GET", "/maps/{map_id}/delete", Permission.PLAN, ask_to_delete),
    Way("POST", "/maps/{map_id}/delete", Permission.PLAN, delete),
)
