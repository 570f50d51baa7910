"""Uploads in parts that were begun."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, insert, select

from mover.database.upsert import upsert
from mover.ledger import rows
from mover.ledger.records import PartRecord, UploadRecord
from mover.ledger.tables import parts, uploads


def upload(connection: Connection, pair_id: int, source_key: str) -> UploadRecord | None:
    """The upload in parts that was begun for an entry."""
    row = connection.execute(
        select(uploads).where(uploads.c.pair_id == pair_id, uploads.c.source_key == source_key)
    ).one_or_none()
    if row is None:
        return None
    query = select(parts).where(parts.c.upload_id == row.id).order_by(parts.c.number)
    known = tuple(rows.part_from(part) for part in connection.execute(query))
    return UploadRecord(row.id, row.token, row.part_size, row.evidence, known)


def add_upload(
    connection: Connection, pair_id: int, source_key: str, *, token: str, part_size: int, evidence: str
) -> UploadRecord:
    """Keep an upload that was just begun, in place of any earlier one of the same entry."""
    drop_upload(connection, pair_id, source_key)
    upload_id = connection.execute(
        insert(uploads)
        .values(pair_id=pair_id, source_key=source_key, token=token, part_size=part_size, evidence=evidence)
        .returning(uploads.c.id)
    ).scalar_one()
    return UploadRecord(upload_id, token, part_size, evidence, ())


def drop_upload(connection: Connection, pair_id: int, source_key: str) -> None:
    """Forget an upload and its parts."""
    connection.execute(
        delete(uploads).where(uploads.c.pair_id == pair_id, uploads.c.source_key == source_key)
    )


def keep_parts(connection: Connection, sent: Sequence[tuple[int, PartRecord]]) -> None:
    """Keep parts that the destination has; pairs of upload id and part."""
    statement = upsert(connection, parts, ["upload_id", "number"])
    connection.execute(statement, [rows.part_row(upload_id, part) for upload_id, part in sent])


def forget_part(connection: Connection, upload_id: int, numbers: Iterable[int]) -> None:
    """Drop parts that the destination turned out not to have."""
    connection.execute(delete(parts).where(parts.c.upload_id == upload_id, parts.c.number.in_(list(numbers))))
