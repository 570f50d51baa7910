"""Archives of a run: what stands where in them, what was read, and what became of their members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from mover.database.many import execute_many
from mover.database.upsert import upsert
from mover.entries import EntryKind
from mover.ledger import rows
from mover.ledger.archived import Archive, Mark, PlacedMember, PlannedMember, ReadMember
from mover.ledger.queries.items import placed_items
from mover.ledger.records import Item
from mover.ledger.states import ItemState, Verification
from mover.ledger.tables import archive_marks, archive_members, archives, folders, items, runs, uploads

_OF_READING = ("size", "crc32", "content_hash", "modified_ns", "reason", "message")
_PLACE = insert(archive_members)
_READ = (
    update(archive_members)
    .where(archive_members.c.run_id == bindparam("run"), archive_members.c.item_id == bindparam("item"))
    .values({name: bindparam(name) for name in _OF_READING})
)
_NOTHING_READ = dict.fromkeys(_OF_READING)


def archives_of(connection: Connection, run_id: int) -> list[Archive]:
    """The archives of a run, as far as they are planned to their end."""
    query = select(archives).where(archives.c.run_id == run_id).order_by(archives.c.number)
    return [
        Archive(
            number=row.number,
            name=row.name,
            members=row.members,
            content_size=row.content_size,
            directory_size=row.directory_size,
            size=row.size,
            verification=Verification(row.verification) if row.verification else None,
        )
        for row in connection.execute(query)
    ]


def forget_unplanned(connection: Connection, run_id: int) -> None:
    """Drop members of archives whose planning was interrupted."""
    planned = select(archives.c.number).where(archives.c.run_id == run_id)
    connection.execute(
        delete(archive_members).where(
            archive_members.c.run_id == run_id, archive_members.c.number.not_in(planned.scalar_subquery())
        )
    )


def to_archive(connection: Connection, run_id: int, limit: int, after_id: int) -> list[Item]:
    """Planned items that have no place yet, with ids above `after_id`, ascending. Folders only if they could be listed."""
    placed = exists().where(archive_members.c.run_id == run_id, archive_members.c.item_id == items.c.id)
    own = folders.alias("own")
    listed = exists().where(own.c.item_id == items.c.id, own.c.state == "listed")
    query = placed_items().where(
        items.c.run_id == run_id,
        items.c.state == ItemState.PLANNED.value,
        items.c.id > after_id,
        ~placed,
        (items.c.kind != EntryKind.FOLDER.value) | listed,
    )
    return [rows.item_from(row) for row in connection.execute(query.order_by(items.c.id).limit(limit))]


def place(connection: Connection, run_id: int, members: Sequence[PlannedMember]) -> None:
    """Keep where members will stand."""
    execute_many(
        connection,
        _PLACE,
        [
            {
                "run_id": run_id,
                "item_id": member.item_id,
                "number": member.number,
                "position": member.position,
                "name": member.name,
                "room": member.room,
            }
            for member in members
        ],
    )


def add_archives(connection: Connection, run_id: int, planned: Sequence[Archive]) -> None:
    """Keep archives that are planned to their end."""
    values = [
        {
            "run_id": run_id,
            "number": one.number,
            "name": one.name,
            "members": one.members,
            "content_size": one.content_size,
            "directory_size": one.directory_size,
            "size": one.size,
        }
        for one in planned
    ]
    if values:
        connection.execute(insert(archives), values)


def members_from(
    connection: Connection, run_id: int, number: int, limit: int, *, after: int
) -> list[PlacedMember]:
    """Members whose headers stand behind a position, in order."""
    query = (
        placed_items()
        .add_columns(*_told())
        .join(archive_members, archive_members.c.item_id == items.c.id)
        .where(
            archive_members.c.run_id == run_id,
            archive_members.c.number == number,
            archive_members.c.position > after,
        )
        .order_by(archive_members.c.position)
    )
    return [_member(row) for row in connection.execute(query.limit(limit))]


def before(connection: Connection, run_id: int, number: int, position: int) -> int | None:
    """Where the header of the member stands in which a position is; None behind the first one's."""
    query = select(func.max(archive_members.c.position)).where(
        archive_members.c.run_id == run_id,
        archive_members.c.number == number,
        archive_members.c.position <= position,
    )
    found: int | None = connection.execute(query).scalar_one()
    return found


def cut(connection: Connection, run_id: int, number: int, position: int) -> None:
    """Forget what was read of members from a position on."""
    here = (
        archive_members.c.run_id == run_id,
        archive_members.c.number == number,
        archive_members.c.position >= position,
    )
    gone = select(archive_members.c.item_id).where(*here)
    _forget_marks(connection, run_id, gone.scalar_subquery())
    connection.execute(update(archive_members).where(*here).values(_NOTHING_READ))


def keep_read(connection: Connection, run_id: int, read: Sequence[ReadMember], marks: Sequence[Mark]) -> None:
    """Keep what was read of members, and sums of beginnings."""
    execute_many(
        connection,
        _READ,
        [
            {
                "run": run_id,
                "item": one.item_id,
                "size": one.size,
                "crc32": one.crc32,
                "content_hash": one.content_hash,
                "modified_ns": one.modified_ns,
                "reason": one.reason,
                "message": one.message,
            }
            for one in read
        ],
    )
    if marks:
        connection.execute(
            upsert(connection, archive_marks, ["run_id", "item_id", "bytes_read"]),
            [
                {"run_id": run_id, "item_id": m.item_id, "bytes_read": m.bytes_read, "crc32": m.crc32}
                for m in marks
            ],
        )


def mark_before(connection: Connection, run_id: int, item_id: int, bytes_read: int) -> Mark | None:
    """The last mark in the first so many bytes of a file."""
    query = (
        select(archive_marks)
        .where(
            archive_marks.c.run_id == run_id,
            archive_marks.c.item_id == item_id,
            archive_marks.c.bytes_read <= bytes_read,
        )
        .order_by(archive_marks.c.bytes_read.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Mark(row.item_id, row.bytes_read, row.crc32)


def set_arrived(connection: Connection, run_id: int, number: int, verification: Verification) -> None:
    """Note that an archive has arrived."""
    here = archives.c.run_id == run_id, archives.c.number == number
    connection.execute(update(archives).where(*here).values(verification=verification.value))


def settle(connection: Connection, run_id: int, archive: Archive, limit: int, now_ns: int) -> tuple[int, int]:
    """Write what became of some members of an archive that has arrived; returns how many, and how many were left out.

    Their places are forgotten with that.
    """
    query = select(archive_members.c.item_id, archive_members.c.reason).where(
        archive_members.c.run_id == run_id, archive_members.c.number == archive.number
    )
    found = connection.execute(query.limit(limit)).all()
    ids = [row.item_id for row in found]
    if not ids:
        return 0, 0
    assert archive.verification is not None

    def of(column: ColumnElement[Any]) -> ColumnElement[Any]:
        one = select(column).where(
            archive_members.c.run_id == run_id, archive_members.c.item_id == items.c.id
        )
        return one.scalar_subquery()

    member = archive_members.c
    told = literal(f"archived in {archive.name} as ") + member.name
    left_out = [row.item_id for row in found if row.reason is not None]
    arrived = [row.item_id for row in found if row.reason is None]
    note = case((items.c.message == "", literal("")), else_=items.c.message + literal("; "))
    if arrived:
        is_folder = items.c.kind == EntryKind.FOLDER.value
        connection.execute(
            update(items)
            .where(items.c.id.in_(arrived))
            .values(
                state=case((is_folder, ItemState.CREATED.value), else_=ItemState.COPIED.value),
                verification=case((is_folder, Verification.EXISTS.value), else_=archive.verification.value),
                content_hash=case((is_folder, None), else_=of(member.content_hash)),
                sent_bytes=func.coalesce(of(member.size), 0),
                message=note + of(told),
                attempts=1,
                ended_ns=now_ns,
            )
        )
    if left_out:
        connection.execute(
            update(items)
            .where(items.c.id.in_(left_out))
            .values(
                state=ItemState.FAILED.value,
                reason=of(member.reason),
                side="source",
                message=of(member.message),
                attempts=1,
                ended_ns=now_ns,
            )
        )
    _forget_marks(connection, run_id, ids)
    connection.execute(
        delete(archive_members).where(archive_members.c.run_id == run_id, archive_members.c.item_id.in_(ids))
    )
    return len(ids), len(left_out)


def fail_members(
    connection: Connection,
    run_id: int,
    number: int,
    *,
    state: ItemState,
    reason: str,
    message: str,
    now_ns: int,
) -> None:
    """Write that an archive could not be stored: nothing of it has arrived."""
    here = archive_members.c.run_id == run_id, archive_members.c.number == number
    members = select(archive_members.c.item_id).where(*here)
    connection.execute(
        update(items)
        .where(items.c.id.in_(members.scalar_subquery()))
        .values(state=state.value, reason=reason, side="destination", message=message, ended_ns=now_ns)
    )
    _forget_marks(connection, run_id, members.scalar_subquery())
    connection.execute(delete(archive_members).where(*here))
    connection.execute(delete(archives).where(archives.c.run_id == run_id, archives.c.number == number))


def _forget_marks(connection: Connection, run_id: int, item_ids: Sequence[int] | ScalarSelect[int]) -> None:
    here = archive_marks.c.run_id == run_id, archive_marks.c.item_id.in_(item_ids)
    connection.execute(delete(archive_marks).where(*here))


def unfinished_uploads(connection: Connection, pair_id: int, prefix: str) -> list[str]:
    """Source keys of uploads of the pair that do not begin with this: archives of runs that nobody goes on with."""
    query = select(uploads.c.source_key).where(uploads.c.pair_id == pair_id)
    return [key for key in connection.scalars(query) if not key.startswith(prefix)]


def forget_other_runs(connection: Connection, pair_id: int, run_id: int) -> None:
    """Drop the places and marks of runs of the pair that nobody goes on with."""
    others = select(runs.c.id).where(runs.c.pair_id == pair_id, runs.c.id != run_id)
    for table in (archive_marks, archive_members):
        connection.execute(delete(table).where(table.c.run_id.in_(others.scalar_subquery())))


def _told() -> list[ColumnElement[Any]]:
    """What was read of a member, by names that items do not have."""
    member = archive_members.c
    return [
        member.position,
        member.name.label("member_name"),
        member.room,
        member.size.label("read_size"),
        member.crc32,
        member.content_hash.label("member_hash"),
        member.modified_ns.label("member_modified_ns"),
        member.reason.label("member_reason"),
        member.message.label("member_message"),
    ]


def _member(row: Any) -> PlacedMember:
    return PlacedMember(
        item=rows.item_from(row),
        position=row.position,
        name=row.member_name,
        room=row.room,
        read=None
        if row.read_size is None and row.member_reason is None
        else ReadMember(
            item_id=row.id,
            size=row.read_size,
            crc32=row.crc32,
            content_hash=row.member_hash,
            modified_ns=row.member_modified_ns,
            reason=row.member_reason,
            message=row.member_message,
        ),
    )
