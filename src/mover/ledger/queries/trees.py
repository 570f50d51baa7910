"""All that stands below the source's root, as a service that tells it at once does: kept page by page, taken folder by folder.

What stands where is a row; a folder's content are the rows that name it in `above`. A folder whose row never came is found at the
end: the nearest one above it that is there is doubtful then, and listed by the service, as is whatever the rows do not lead to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from mover.connectors.contract import TreeLine
from mover.database.many import execute_many
from mover.database.upsert import upsert
from mover.entries import Entry, EntryKind
from mover.ledger import rows
from mover.ledger.queries.following import root_of
from mover.ledger.queries.slicing import slices
from mover.ledger.records import FolderTask, TreeReading
from mover.ledger.tables import runs, tree_entries, trees

_READING, _COMPLETE, _GIVEN_UP = "reading", "complete", "given up"
_LOST_AT_ONCE = 20  # folders that never came; each has as many folders above it as its path has names


def begin(connection: Connection, run_id: int, pair_id: int, root_id: str | None) -> TreeReading | None:
    """How far the run's reading has come; begun if it was not. None: the run has begun to list folders without it.

    What other runs of the pair read is dropped: they are over.
    """
    others = select(runs.c.id).where(runs.c.pair_id == pair_id, runs.c.id != run_id).scalar_subquery()
    connection.execute(delete(tree_entries).where(tree_entries.c.run_id.in_(others)))
    connection.execute(delete(trees).where(trees.c.run_id.in_(others)))
    found = connection.execute(select(trees).where(trees.c.run_id == run_id)).one_or_none()
    if found is not None and found.state == _COMPLETE:
        return TreeReading(feed=found.feed)
    if root_of(connection, run_id) is not None:
        return None
    if found is not None:
        return TreeReading(is_given_up=found.state == _GIVEN_UP, cursor=found.cursor)
    connection.execute(insert(trees).values(run_id=run_id, state=_READING))
    _add_root(connection, run_id, root_id)
    return TreeReading()


def _add_root(connection: Connection, run_id: int, root_id: str | None) -> None:
    values = {"run_id": run_id, "place": "", "folder_id": root_id, "is_folder": True}
    connection.execute(insert(tree_entries).values(**values, is_doubtful=False, entry=""))


def keep(connection: Connection, run_id: int, lines: Sequence[TreeLine], cursor: str) -> None:
    """Apply lines, one after the other, and note the cursor after them."""
    standing: dict[str, TreeLine] = {}
    gone: list[str] = []
    for line in lines:
        if standing and (line.entry is None or line.place in standing):
            _put(connection, run_id, standing)
            standing = {}
        if line.entry is None:
            gone.append(line.place)
            continue
        if gone:
            _remove(connection, run_id, gone)
            gone = []
        standing[line.place] = line
    _remove(connection, run_id, gone)
    _put(connection, run_id, standing)
    _update(connection, run_id, {"cursor": cursor})


def _put(connection: Connection, run_id: int, standing: Mapping[str, TreeLine]) -> None:
    """Keep what stands at some places now. A file in the place of a folder ends what stood in that."""
    told = [(line.place, line.entry) for line in standing.values() if line.entry is not None]
    files = [place for place, entry in told if entry.kind is not EntryKind.FOLDER]
    _remove_below(connection, run_id, _folders_at(connection, run_id, files))
    statement = upsert(connection, tree_entries, ["run_id", "place"])
    execute_many(connection, statement, [_row(run_id, place, entry) for place, entry in told])


def _folders_at(connection: Connection, run_id: int, places: Sequence[str]) -> list[str]:
    """Those of these places at which a folder stands."""
    return [
        place
        for some in slices(places)
        for place in connection.scalars(
            select(tree_entries.c.place).where(
                tree_entries.c.run_id == run_id, tree_entries.c.place.in_(some), tree_entries.c.is_folder
            )
        )
    ]


def _row(run_id: int, place: str, entry: Entry) -> dict[str, Any]:
    is_folder = entry.kind is EntryKind.FOLDER
    return {
        "run_id": run_id,
        "place": place,
        "above": place.rpartition("/")[0],
        "folder_id": entry.id if is_folder else None,
        "is_folder": is_folder,
        "is_doubtful": False,
        "entry": rows.entry_text(entry),
    }


def _remove(connection: Connection, run_id: int, places: Sequence[str]) -> None:
    """Forget what stands at some places, and below them."""
    _remove_below(connection, run_id, places)
    for some in slices(places):
        connection.execute(
            delete(tree_entries).where(tree_entries.c.run_id == run_id, tree_entries.c.place.in_(some))
        )


def _remove_below(connection: Connection, run_id: int, places: Sequence[str]) -> None:
    """Forget what stands in some folders, level by level."""
    level = places
    while level:
        following: list[str] = []
        for some in slices(level):
            inside = and_(tree_entries.c.run_id == run_id, tree_entries.c.above.in_(some))
            folders = select(tree_entries.c.place).where(inside, tree_entries.c.is_folder)
            following += connection.scalars(folders)
            connection.execute(delete(tree_entries).where(inside))
        level = following


def restart(connection: Connection, run_id: int, root_id: str | None) -> None:
    """Forget all that was read, to read it from the beginning."""
    _forget_all(connection, run_id)
    _add_root(connection, run_id, root_id)
    _update(connection, run_id, {"cursor": None})


def complete(connection: Connection, run_id: int, feed: str) -> None:
    """Note that all was told, and which folders are to be listed nevertheless."""
    for lost in _lost(connection, run_id):
        above = {place for one in lost for place in _at_and_above(one)}
        known = set(_folders_at(connection, run_id, sorted(above)))
        nearest = {next(place for place in _at_and_above(one) if place in known) for one in lost}
        connection.execute(
            update(tree_entries)
            .where(tree_entries.c.run_id == run_id, tree_entries.c.place.in_(sorted(nearest)))
            .values(is_doubtful=True)
        )
    _update(connection, run_id, {"state": _COMPLETE, "feed": feed, "cursor": None})


def _lost(connection: Connection, run_id: int) -> Iterator[Sequence[str]]:
    """Places of folders that never came though something stands in them, a few at a time."""
    holder = tree_entries.alias("holder")
    is_known = (
        select(holder.c.run_id)
        .where(holder.c.run_id == run_id, holder.c.place == tree_entries.c.above, holder.c.is_folder)
        .exists()
    )
    after = None
    while True:
        query = select(tree_entries.c.above).where(
            tree_entries.c.run_id == run_id, tree_entries.c.above.is_not(None), ~is_known
        )
        if after is not None:
            query = query.where(tree_entries.c.above > after)
        found = query.distinct().order_by(tree_entries.c.above).limit(_LOST_AT_ONCE)
        lost = list(connection.scalars(found))
        if not lost:
            return
        yield lost
        after = lost[-1]


def _at_and_above(place: str) -> Iterator[str]:
    """A place and those above it, to the root, which is there always."""
    while place:
        yield place
        place = place.rpartition("/")[0]
    yield ""


def give_up(connection: Connection, run_id: int) -> None:
    """Forget all that was read, for the rest of the run."""
    _forget_all(connection, run_id)
    _update(connection, run_id, {"state": _GIVEN_UP, "cursor": None})


def drop(connection: Connection, run_id: int) -> None:
    """Forget all of a run that is over."""
    _forget_all(connection, run_id)
    connection.execute(delete(trees).where(trees.c.run_id == run_id))


def _forget_all(connection: Connection, run_id: int) -> None:
    connection.execute(delete(tree_entries).where(tree_entries.c.run_id == run_id))


def place_of(connection: Connection, run_id: int, folder: FolderTask) -> str | None:
    """Where all that stands in a folder is kept; None: it has to be listed."""
    found = _places(connection, run_id, folder)
    return found[0][0] if len(found) == 1 and not found[0][1] else None


def _places(connection: Connection, run_id: int, folder: FolderTask) -> list[tuple[str, bool]]:
    """Where a folder stands, with whether that is doubtful; at most two, which are one too many."""
    where: ColumnElement[bool] = tree_entries.c.place == ""
    if folder.path != "/":
        if folder.source_id is None:
            return []
        where = and_(tree_entries.c.folder_id == folder.source_id, tree_entries.c.place != "")
    query = select(tree_entries.c.place, tree_entries.c.is_doubtful)
    found = connection.execute(query.where(tree_entries.c.run_id == run_id, where).limit(2))
    return [(row.place, row.is_doubtful) for row in found]


def entries_at(
    connection: Connection, run_id: int, place: str, limit: int, after: str
) -> tuple[list[Entry], str | None]:
    """Entries that stand in a folder, those at places above `after`, ascending, and the place of the last one."""
    query = (
        select(tree_entries.c.place, tree_entries.c.entry)
        .where(tree_entries.c.run_id == run_id, tree_entries.c.above == place, tree_entries.c.place > after)
        .order_by(tree_entries.c.place)
        .limit(limit)
    )
    found = connection.execute(query).all()
    return [rows.entry_from(row.entry) for row in found], found[-1].place if found else None


def drop_folder(connection: Connection, run_id: int, folder: FolderTask) -> None:
    """Forget a folder that was scanned, with the files in it; folders in it are still to be scanned."""
    found = _places(connection, run_id, folder)
    if len(found) != 1:
        return
    place = found[0][0]
    in_it = and_(tree_entries.c.above == place, ~tree_entries.c.is_folder)
    for where in (in_it, tree_entries.c.place == place):
        connection.execute(delete(tree_entries).where(tree_entries.c.run_id == run_id, where))


def _update(connection: Connection, run_id: int, values: Mapping[str, Any]) -> None:
    connection.execute(update(trees).where(trees.c.run_id == run_id).values(**values))
