"""Uploads in parts that were begun."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, func, insert, select

from mover.database.upsert import upsert
from mover.ledger import rows
from mover.ledger.records import PartRecord, SealedUpload
from mover.ledger.tables import parts, uploads


def upload(connection: Connection, pair_id: int, source_key: str) -> SealedUpload | None:
    """The upload in parts that was begun for an entry."""
    row = connection.execute(
        select(uploads).where(uploads.c.pair_id == pair_id, uploads.c.source_key == source_key)
    ).one_or_none()
    if row is None:
        return None
    query = select(parts).where(parts.c.upload_id == row.id).order_by(parts.c.number)
    known = tuple(rows.part_from(part) for part in connection.execute(query))
    return SealedUpload(row.id, row.sealed_token, row.part_size, row.evidence, known)


def was_begun(connection: Connection, pair_id: int, source_key: str) -> bool:
    """Whether an upload in parts was begun for an entry."""
    query = select(uploads.c.id).where(uploads.c.pair_id == pair_id, uploads.c.source_key == source_key)
    return connection.execute(query).one_or_none() is not None


def parts_kept(connection: Connection, pair_id: int, source_key: str) -> int:
    """Count the parts of an entry's upload."""
    query = (
        select(func.count())
        .select_from(parts.join(uploads, uploads.c.id == parts.c.upload_id))
        .where(uploads.c.pair_id == pair_id, uploads.c.source_key == source_key)
    )
    return connection.execute(query).scalar_one()


def has_uploads(connection: Connection, pair_id: int) -> bool:
    """Whether a pair has uploads that are neither finished nor gone."""
    query = select(uploads.c.id).where(uploads.c.pair_id == pair_id).limit(1)
    return connection.execute(query).one_or_none() is not None


def add_upload(
    connection: Connection,
    pair_id: int,
    source_key: str,
    *,
    sealed_token: bytes,
    part_size: int,
    evidence: str,
) -> SealedUpload:
    """Keep an upload that was just begun, in place of any earlier one of the same entry."""
    drop_upload(connection, pair_id, source_key)
    upload_id = connection.execute(
        insert(uploads)
        .values(
            pair_id=pair_id,
            source_key=source_key,
            sealed_token=sealed_token,
            part_size=part_size,
            evidence=evidence,
        )
        .returning(uploads.c.id)
    ).scalar_one()
    return SealedUpload(upload_id, sealed_token, part_size, evidence, ())


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
