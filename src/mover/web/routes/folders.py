"""Folder pickers: one side of a move, browsed folder by folder. The folder one stands in is the one that is chosen."""

from __future__ import annotations

import json
from dataclasses import dataclass

from starlette.datastructures import FormData, QueryParams
from starlette.responses import Response

from mover.accounts.actor import Permission
from mover.api.problems import ServiceRefused
from mover.entries import Entry, EntryKind, clean_path, join_path
from mover.errors import InvalidConfiguration, MoverError
from mover.web.forms import sentence
from mover.web.house import advice
from mover.web.visit import Visit
from mover.web.ways import Way

_MOST_SHOWN = 500
SIDES = ("source", "destination")


@dataclass(frozen=True)
class Crumb:
    """A folder on the way from the top."""

    name: str
    path: str


def crumbs(path: str) -> list[Crumb]:
    """The way to a path, from the top."""
    found = [Crumb("Top", "/")]
    names = [name for name in path.split("/") if name]
    return found + [Crumb(name, "/" + "/".join(names[: n + 1])) for n, name in enumerate(names)]


def chosen_path(data: FormData | QueryParams, side: str) -> str:
    """The path that a picker sends: the exact one that was walked to, unless the text field says another.

    A text field cannot hold every name (line ends, for example), so the exact path is sent along, as JSON.

    Raises InvalidConfiguration: not a path.
    """
    typed = str(data.get(f"{side}_path", "")).strip()
    exact = _told(str(data.get(f"{side}_exact", '""')))
    if exact and as_typed(exact) == typed:
        return exact
    try:
        return clean_path("/" + typed.lstrip("/"))
    except ValueError as error:
        raise InvalidConfiguration(f"this is not a folder's path: {error}") from None


def _told(text: str) -> str:
    """Read a path that a page of ours was told as JSON; empty for anything else."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return told if isinstance(told, str) else ""


def as_typed(path: str) -> str:
    """What a text field makes of a path."""
    flat = path.replace("\r", "").replace("\n", "").encode("utf-8", "replace").decode()
    return flat.strip()


async def picker(visit: Visit) -> Response:
    """Show a folder of a connection, with its folders."""
    side = visit.query("side", "source")
    return await _show(visit, side if side in SIDES else "source", visit.request.query_params)


async def create_folder(visit: Visit) -> Response:
    """Make a folder where one stands, and go into it."""
    side = visit.text("side") if visit.text("side") in SIDES else "source"
    return await _show(visit, side, visit.data, new_name=visit.text("new_folder").strip())


async def _show(visit: Visit, side: str, data: FormData | QueryParams, *, new_name: str = "") -> Response:
    connection_id = str(data.get(side, ""))
    problem, path, entries, more = "", "/", list[Entry](), False
    try:
        walked = str(data.get("walk", ""))
        path = _told(walked) if walked else chosen_path(data, side)
        if not path:
            raise InvalidConfiguration("this is not a folder's path")
        path = clean_path(path)
        connections = visit.house.services.connections
        if new_name:
            path = join_path(path, new_name)
            await connections.create_folder(visit.actor, connection_id, path)
        listing = await connections.browse(visit.actor, connection_id, path, limit=_MOST_SHOWN)
        entries = sorted(
            listing.entries, key=lambda entry: (entry.kind is not EntryKind.FOLDER, entry.name.casefold())
        )
        more = listing.next is not None
    except ServiceRefused as refused:
        problem = f"{sentence(refused.error)} {advice(refused.error)}"
    except MoverError as error:
        problem = f"{sentence(error)} {error.advice}"
    except ValueError:
        problem = "This is not a folder's path."
    return visit.page(
        "parts/picker.html",
        side=side,
        connection_id=connection_id,
        path=path,
        exact=json.dumps(path),
        typed=as_typed(path),
        crumbs=crumbs(path),
        entries=[(entry, json.dumps(join_path(path, entry.name))) for entry in entries],
        more=more,
        problem=problem,
    )


WAYS = (
    Way("GET", "/folders", Permission.PLAN, picker),
    Way("POST", "/folders", Permission.PLAN, create_folder),
)
