"""Saved views of the table of pairs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from secrets import token_hex
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select

from mover.accounts.actor import Actor, Permission
from mover.database.database import Database
from mover.errors import InvalidConfiguration
from mover.migrations.checking import check_name
from mover.migrations.filter_box import parse_filter
from mover.migrations.queries import rows
from mover.migrations.queries.filtering import sort_column
from mover.migrations.queries.found import found
from mover.migrations.records import SavedView
from mover.migrations.refusals import NoSuchThing
from mover.migrations.tables import saved_views

_c = saved_views.c
_MOST_COLUMNS = 50
_MOST_VIEWS = 200
_SHARED = ""


class Views:
    """A person's own views, and those that all share. Needs READ; sharing one PLAN."""

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns

    async def save(
        self,
        actor: Actor,
        name: str,
        *,
        filter: str = "",  # noqa: A002 - the field's own word
        sort: str = "id",
        descending: bool = False,
        columns: Sequence[str] = (),
        shared: bool = False,
    ) -> SavedView:
        """Save a view, in place of the one of this name. Raises InvalidConfiguration."""
        actor.require(Permission.PLAN if shared else Permission.READ)
        name = check_name(name)
        parse_filter(filter, now_ns=self._now_ns())
        sort_column(sort)
        if len(columns) > _MOST_COLUMNS or not all(column.isidentifier() for column in columns):
            raise InvalidConfiguration(f"a view has at most {_MOST_COLUMNS} columns, by their names")
        values: dict[str, Any] = {
            "id": token_hex(16),
            "organisation_id": actor.organisation_id,
            "person_id": _SHARED if shared else actor.id,
            "name": name,
            "filter": filter,
            "sort": sort,
            "descending": descending,
            "columns": rows.text_of(list(columns)),
            "created_ns": self._now_ns(),
        }
        same = (_c.organisation_id == actor.organisation_id, _c.person_id == values["person_id"])

        def work(connection: Connection) -> SavedView:
            connection.execute(delete(saved_views).where(*same, _c.name == name))
            count = connection.execute(
                select(func.count()).select_from(saved_views).where(*same)
            ).scalar_one()
            if count >= _MOST_VIEWS:
                raise InvalidConfiguration(f"at most {_MOST_VIEWS} views are kept; remove one first")
            connection.execute(insert(saved_views).values(**values))
            return _view_from(found(connection, saved_views, "view", actor.organisation_id, values["id"]))

        return await self._database.write(work)

    async def list(self, actor: Actor) -> tuple[SavedView, ...]:
        """The person's own and the shared ones, by name."""
        actor.require(Permission.READ)
        query = (
            select(saved_views)
            .where(_c.organisation_id == actor.organisation_id, _c.person_id.in_([actor.id, _SHARED]))
            .order_by(func.lower(_c.name), _c.id)
        )
        return await self._database.read(
            lambda connection: tuple(_view_from(row) for row in connection.execute(query))
        )

    async def delete(self, actor: Actor, view_id: str) -> None:
        """Remove one. A shared one needs PLAN; one of somebody else is not found."""
        actor.require(Permission.READ)

        def work(connection: Connection) -> None:
            view = found(connection, saved_views, "view", actor.organisation_id, view_id)
            if view.person_id == _SHARED:
                actor.require(Permission.PLAN)
            elif view.person_id != actor.id:
                raise NoSuchThing(f"there is no view {view_id[:40]!r}")
            connection.execute(delete(saved_views).where(_c.id == view_id))

        await self._database.write(work)


def _view_from(row: Row[Any]) -> SavedView:
    return SavedView(
        id=row.id,
        person_id=row.person_id,
        name=row.name,
        filter=row.filter,
        sort=row.sort,
        descending=row.descending,
        columns=msgspec.json.decode(row.columns, type=tuple[str, ...]),
        created_ns=row.created_ns,
    )
