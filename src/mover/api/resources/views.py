"""Saved views of the table of pairs, for the pages."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mover.accounts.actor import Permission
from mover.api.calls import Calling
from mover.api.models import Answer, Body, Flag, Id, Moment
from mover.api.operations import SESSIONS_ONLY, Resource
from mover.api.resources.options import Filter

resource = Resource("Views", "Ways to look at the table of pairs.")


class View(Answer):
    """A saved view."""

    id: str
    person_id: str = Field(description="Empty: all of the organisation share it.")
    name: str
    filter: str
    sort: str
    descending: bool
    columns: list[str]
    created_at: Moment


class ViewList(Answer):
    """The person's own views and the shared ones."""

    items: list[View]


class NewView(Body):
    """A view; it takes the place of the one of this name."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    filter: Filter = ""
    sort: Annotated[str, Field(max_length=40)] = "id"
    descending: Flag = False
    columns: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=50)] = Field(
        default_factory=list
    )
    shared: Flag = False


@resource.get("/views", Permission.READ, audiences=SESSIONS_ONLY)
async def list_views(call: Calling) -> ViewList:
    """List the person's own views and the shared ones."""
    return ViewList(items=[View.of(view) for view in await call.services.views.list(call.actor)])


@resource.put("/views", Permission.READ, audiences=SESSIONS_ONLY)
async def save_view(call: Calling, new: NewView) -> View:
    """Save a view."""
    saved = await call.services.views.save(
        call.actor,
        new.name,
        filter=new.filter,
        sort=new.sort,
        descending=new.descending,
        columns=new.columns,
        shared=new.shared,
    )
    return View.of(saved)


@resource.delete("/views/{view_id}", Permission.READ, audiences=SESSIONS_ONLY)
async def delete_view(call: Calling, view_id: Id) -> None:
    """Remove a view."""
    await call.services.views.delete(call.actor, view_id)
