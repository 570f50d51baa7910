"""The runners' side: what is asked of them, and what they answer."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select, update

from mover.lawful.queries.orders import recipients_of
from mover.lawful.records import AnswerState, Call, Order, Outcome, Part, Sealed
from mover.lawful.refusals import CallClosed
from mover.lawful.tables import legal_answers, legal_collections, legal_parts, legal_pieces
from mover.staff.queries.requests import find as find_request
from mover.staff.records import RequestState
from mover.staff.tables import staff_requests

_a = legal_answers.c
_c = legal_collections.c


def calls_to(connection: Connection, runner: str, now_ns: int) -> list[Call]:
    """What this runner is asked for and has not begun to answer."""
    query = (
        select(legal_collections)
        .join(legal_answers, _a.collection_id == _c.id)
        .where(
            _a.runner == runner,
            _a.state == AnswerState.ASKED.value,
            _c.closed_ns.is_(None),
            _c.expires_ns > now_ns,
        )
        .order_by(_c.opened_ns, _c.id)
    )
    found = connection.execute(query).all()
    requests = [request for row in found if (request := find_request(connection, row.request_id))]
    recipients = recipients_of(connection, [request.id for request in requests]) if requests else {}
    orders = {one.id: Order(request=one, recipients=recipients.get(one.id, ())) for one in requests}
    return [
        Call(collection_id=row.id, order=orders[row.request_id], most_bytes=row.most_bytes)
        for row in found
        if row.request_id in orders
    ]


def answer(
    connection: Connection,
    call: Call,
    runner: str,
    before: AnswerState,
    after: AnswerState,
    now_ns: int,
    message: str = "",
) -> None:
    """Note how far a runner is. Raises CallClosed."""
    _expect_open(connection, call.collection_id)
    moment = {"ended_ns": now_ns} if after.is_final else {"begun_ns": now_ns}
    changed = connection.execute(
        update(legal_answers)
        .where(_a.collection_id == call.collection_id, _a.runner == runner, _a.state == before.value)
        .values(state=after.value, message=message, **moment)
    ).rowcount
    if not changed:
        raise CallClosed("the call was answered already")


def add_part(connection: Connection, call: Call, part: Part) -> tuple[int, bool]:
    """Keep that a part is held; returns its number, and whether there is room for its content. Raises CallClosed."""
    _expect_wanted(connection, call.collection_id)
    with_content = legal_parts.c.outcome.in_([Outcome.SEALING, Outcome.SEALED, Outcome.CUT])
    taken = connection.scalar(
        select(func.coalesce(func.sum(legal_parts.c.held_bytes), 0)).where(
            legal_parts.c.collection_id == call.collection_id, with_content
        )
    )
    fits = int(taken or 0) + part.held_bytes <= call.most_bytes
    outcome = Outcome.SEALING if fits else Outcome.TOO_LARGE
    made = connection.execute(
        insert(legal_parts).values(
            collection_id=call.collection_id,
            runner=part.runner,
            pair_id=part.whose.pair_id,
            item_id=part.whose.item_id,
            path=part.whose.path,
            offset=part.offset,
            held_bytes=part.held_bytes,
            complete=part.complete,
            place=part.place,
            since_ns=part.since_ns,
            looked_ns=part.looked_ns,
            outcome=outcome.value,
            read_bytes=0,
            sha256="",
            sealed_bytes=0,
            sealed_sha256="",
        )
    ).inserted_primary_key
    assert made is not None
    return int(made[0]), fits


def add_piece(connection: Connection, call: Call, part_id: int, number: int, content: bytes) -> None:
    """Keep a piece of an age file. Raises CallClosed."""
    _expect_wanted(connection, call.collection_id)
    connection.execute(insert(legal_pieces).values(part_id=part_id, number=number, content=content))


def end_part(
    connection: Connection, call: Call, part_id: int, outcome: Outcome, sealed: Sealed | None
) -> None:
    """Note what became of a part; without content its pieces are removed. Raises CallClosed."""
    _expect_wanted(connection, call.collection_id)
    values: dict[str, object] = {"outcome": outcome.value}
    if sealed is None:
        connection.execute(delete(legal_pieces).where(legal_pieces.c.part_id == part_id))
    else:
        values |= {
            "read_bytes": sealed.read_bytes,
            "sha256": sealed.sha256,
            "sealed_bytes": sealed.sealed_bytes,
            "sealed_sha256": sealed.sealed_sha256,
        }
    connection.execute(update(legal_parts).where(legal_parts.c.id == part_id).values(**values))


def _expect_wanted(connection: Connection, collection_id: str) -> None:
    """Somebody may have refused the request while a runner is at it; then nothing more is handed over."""
    _expect_open(connection, collection_id)
    query = (
        select(staff_requests.c.state)
        .join(legal_collections, _c.request_id == staff_requests.c.id)
        .where(_c.id == collection_id)
    )
    if connection.execute(query).scalar_one_or_none() != RequestState.APPROVED.value:
        raise CallClosed("the request does not stand any more")


def _expect_open(connection: Connection, collection_id: str) -> None:
    query = select(_c.id).where(_c.id == collection_id, _c.closed_ns.is_(None))
    if connection.execute(query).one_or_none() is None:
        raise CallClosed("no answer to this call is taken any more")
