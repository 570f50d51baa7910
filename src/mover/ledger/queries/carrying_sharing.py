"""Taking over what is known of permissions, of folders in which nothing changed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, and_, bindparam, case, insert, literal, select, update

from mover.database.many import execute_many
from mover.ledger.grants import GrantState
from mover.ledger.queries.grants import access_texts, keep_accesses
from mover.ledger.tables import folders, grants, items

_KEPT = [
    state.value
    for state in GrantState
    if state not in {GrantState.PLANNED, GrantState.TAKEN_BACK, GrantState.NOT_THERE}
]
_STANDS = (
    update(folders)
    .where(
        folders.c.run_id == bindparam("of_run"),
        folders.c.parent_id == bindparam("of_parent"),
        folders.c.access_id == bindparam("was"),
    )
    .values(access_id=bindparam("number"))
)
_HOLDS = "holds at the destination already"


def carry_sharing(connection: Connection, run_id: int, base_id: int, folder_ids: Sequence[int]) -> None:
    """Take over who may see what is in the folders that stand in these, and the lines about what stands there.

    The run before may be removed before this one is, so each run has rows of its own.
    """
    query = select(folders.c.parent_id, folders.c.access_id).where(
        folders.c.run_id == run_id, folders.c.parent_id.in_(folder_ids), folders.c.access_id.is_not(None)
    )
    pairs = {(row.parent_id, row.access_id) for row in connection.execute(query)}
    texts = access_texts(connection, {was for _, was in pairs})
    if texts:
        numbers = dict(zip(texts, keep_accesses(connection, run_id, list(texts.values())), strict=True))
        rows = [
            {"of_run": run_id, "of_parent": parent, "was": was, "number": numbers[was]}
            for parent, was in sorted(pairs)
        ]
        execute_many(connection, _STANDS, rows)
    _carry_lines(connection, run_id, base_id, folder_ids)


def _carry_lines(connection: Connection, run_id: int, base_id: int, folder_ids: Sequence[int]) -> None:
    given = grants.c.state == GrantState.GIVEN.value
    own = {"id", "run_id", "state", "message"}
    columns = [column for column in grants.c if column.name not in own]
    query = (
        select(
            literal(run_id).label("run_id"),
            case((given, GrantState.ALREADY_THERE.value), else_=grants.c.state).label("state"),
            case((given & (grants.c.message == ""), _HOLDS), else_=grants.c.message).label("message"),
            *columns,
        )
        .select_from(
            grants.join(items, and_(items.c.run_id == run_id, items.c.source_key == grants.c.source_key))
        )
        .where(grants.c.run_id == base_id, grants.c.state.in_(_KEPT), items.c.folder_id.in_(folder_ids))
        .order_by(grants.c.id)
    )
    names = ["run_id", "state", "message", *(column.name for column in columns)]
    connection.execute(insert(grants).from_select(names, query, include_defaults=False))
