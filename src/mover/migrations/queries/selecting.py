"""The pairs that a selection means."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, and_

from mover.ledger.queries.slicing import slices
from mover.migrations.filter_box import parse_filter
from mover.migrations.queries.filtering import condition
from mover.migrations.selection import Selection
from mover.migrations.tables import migration_pairs

_c = migration_pairs.c


def selected(
    connection: Connection, organisation_id: str, selection: Selection, *, now_ns: int
) -> Iterator[ColumnElement[bool]]:
    """Yield conditions on `migration_pairs`: together they are the selection, and no pair meets two of them."""
    base = and_(
        _c.organisation_id == organisation_id,
        _c.migration_id == selection.migration_id,
        _c.removed_ns.is_(None),
    )
    if selection.ids is not None:
        ids = [id_ for id_ in dict.fromkeys(selection.ids) if 0 < id_ < 2**63]
        for some in slices(ids):
            yield and_(base, _c.id.in_(some))
        return
    matching = and_(base, condition(connection, parse_filter(selection.filter, now_ns=now_ns)))
    if selection.but:
        matching = and_(matching, _c.id.not_in(selection.but))
    yield matching
