"""The exporter's side: a call goes out, answers come in, and what was handed over is read once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from mover.lawful.records import Answer, AnswerState, Call, Collection, Outcome, Part, Sealed, Whose
from mover.lawful.tables import legal_answers, legal_collections, legal_parts, legal_pieces

_c = legal_collections.c


def add(connection: Connection, collection: Collection, call: Call, runners: Iterable[str]) -> None:
    """Call the runners."""
    connection.execute(
        insert(legal_collections).values(
            id=collection.id,
            request_id=collection.request_id,
            organisation_id=call.scope.organisation_id,
            most_bytes=call.most_bytes,
            opened_ns=collection.opened_ns,
            deadline_ns=collection.deadline_ns,
            closed_ns=None,
            expires_ns=collection.expires_ns,
        )
    )
    rows = [
        {"collection_id": collection.id, "runner": runner, "state": AnswerState.ASKED.value, "message": ""}
        for runner in runners
    ]
    if rows:
        connection.execute(insert(legal_answers), rows)


def of_request(connection: Connection, request_id: str) -> Collection | None:
    """What was collected for a request and has not been exported."""
    row = connection.execute(select(legal_collections).where(_c.request_id == request_id)).one_or_none()
    if row is None:
        return None
    return Collection(
        id=row.id,
        request_id=row.request_id,
        opened_ns=row.opened_ns,
        deadline_ns=row.deadline_ns,
        closed_ns=row.closed_ns,
        expires_ns=row.expires_ns,
    )


def close(connection: Connection, collection_id: str, now_ns: int) -> None:
    """Take no more answers. Idempotent."""
    connection.execute(
        update(legal_collections)
        .where(_c.id == collection_id, _c.closed_ns.is_(None))
        .values(closed_ns=now_ns)
    )


def answers(connection: Connection, collection_id: str) -> list[Answer]:
    """Who was asked, and how far they are."""
    query = (
        select(legal_answers)
        .where(legal_answers.c.collection_id == collection_id)
        .order_by(legal_answers.c.runner)
    )
    return [
        Answer(runner=row.runner, state=AnswerState(row.state), message=row.message, ended_ns=row.ended_ns)
        for row in connection.execute(query)
    ]


def parts(connection: Connection, collection_id: str) -> list[Part]:
    """What was held, by pair, file and place in it."""
    query = (
        select(legal_parts)
        .where(legal_parts.c.collection_id == collection_id)
        .order_by(
            legal_parts.c.pair_id,
            legal_parts.c.path,
            legal_parts.c.item_id,
            legal_parts.c.offset,
            legal_parts.c.id,
        )
    )
    return [_part(row) for row in connection.execute(query)]


def piece(connection: Connection, part_id: int, number: int) -> bytes | None:
    """A piece of an age file; None past its end."""
    query = select(legal_pieces.c.content).where(
        legal_pieces.c.part_id == part_id, legal_pieces.c.number == number
    )
    found = connection.scalar(query)
    return None if found is None else bytes(found)


def _part(row: Row[Any]) -> Part:
    return Part(
        id=row.id,
        runner=row.runner,
        whose=Whose(pair_id=row.pair_id, item_id=row.item_id, path=row.path),
        offset=row.offset,
        held_bytes=row.held_bytes,
        complete=row.complete,
        place=row.place,
        since_ns=row.since_ns,
        looked_ns=row.looked_ns,
        outcome=Outcome(row.outcome),
        sealed=Sealed(
            read_bytes=row.read_bytes,
            sha256=row.sha256,
            sealed_bytes=row.sealed_bytes,
            sealed_sha256=row.sealed_sha256,
        ),
    )
