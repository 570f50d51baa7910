"""What the audit log asks of the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, bindparam, delete, func, insert, or_, select, update

from mover.audit.records import BROKEN, Checkpoint, Event, PublicKey, Roster, Stream
from mover.audit.tables import (
    SINGLE,
    audit_events,
    audit_forgetting,
    audit_heads,
    audit_keys,
    audit_roster,
    audit_streams,
)
from mover.database.upsert import upsert

_e = audit_events.c
_h = audit_heads.c
_PAGE = 1000

_SEAL = (
    update(audit_events)
    .where(_e.id == bindparam("event"))
    .values(number=bindparam("at"), hash=bindparam("sealed"), position=bindparam("among_all"))
)


def add(transaction: Connection, **values: Any) -> None:
    """Add an event; `values` are its columns."""
    # Without asking for the id: who only adds need not be able to read.
    transaction.execute(insert(audit_events).inline(), values)


def page(transaction: Connection, organisation_id: str, before: int | None, limit: int) -> list[Event]:
    """List events of a chain, the newest first, older than the one with the id `before`; also those not sealed yet."""
    query = select(audit_events).where(_e.organisation_id == organisation_id)
    if before is not None:
        query = query.where(_e.id < before)
    return _events(transaction, query.order_by(_e.id.desc()).limit(limit))


def pending(transaction: Connection, limit: int) -> list[Event]:
    """Events that have no place in a chain yet, in the order in which they were written."""
    return _events(
        transaction, select(audit_events).where(_e.position.is_(None)).order_by(_e.id).limit(limit)
    )


def pending_figures(transaction: Connection, organisation_id: str | None = None) -> tuple[int, int | None]:
    """How many events are not sealed, and when the oldest of them happened."""
    query = select(func.count(), func.min(_e.happened_ns)).where(_e.position.is_(None))
    if organisation_id is not None:
        query = query.where(_e.organisation_id == organisation_id)
    count, oldest = transaction.execute(query).one()
    return count, oldest


def pending_marks(transaction: Connection) -> list[Event]:
    """Events that are not sealed yet and say that something was not as it had been signed."""
    return _events(
        transaction,
        select(audit_events).where(_e.position.is_(None), _e.action == BROKEN).order_by(_e.id),
    )


def ends(transaction: Connection, organisation_ids: Iterable[str]) -> dict[str, int]:
    """The highest number of each of these chains that has events."""
    found = {}
    # Each is one step down an index; a group would read whole chains.
    for organisation_id in organisation_ids:
        end = transaction.execute(
            select(func.max(_e.number)).where(_e.organisation_id == organisation_id)
        ).scalar_one()
        if end is not None:
            found[organisation_id] = end
    return found


def last_position(transaction: Connection) -> int:
    """The highest position of an event; 0 if there is none."""
    return transaction.execute(select(func.max(_e.position))).scalar_one() or 0


def sealed_in_chains(transaction: Connection) -> int:
    """How many events the checkpoints number."""
    return int(transaction.execute(select(func.coalesce(func.sum(_h.number), 0))).scalar_one())


def redacted(transaction: Connection, after: int) -> list[Event]:
    """A page of events with other words than those that were sealed, by id."""
    return _events(
        transaction,
        select(audit_events).where(_e.redaction.is_not(None), _e.id > after).order_by(_e.id).limit(_PAGE),
    )


def seal(transaction: Connection, events: Iterable[Event]) -> None:
    """Give events their places."""
    transaction.execute(
        _SEAL,
        [
            {"event": one.id, "at": one.number, "sealed": one.hash, "among_all": one.position}
            for one in events
        ],
    )


def sealed_after(transaction: Connection, position: int, limit: int) -> list[Event]:
    """Sealed events of all chains behind a position, in their order."""
    query = select(audit_events).where(_e.position > position).order_by(_e.position).limit(limit)
    return _events(transaction, query)


def sealed_count_after(transaction: Connection, position: int) -> tuple[int, int | None]:
    """How many sealed events stand behind a position, and when the oldest of them happened."""
    query = select(func.count(), func.min(_e.happened_ns)).where(_e.position > position)
    count, oldest = transaction.execute(query).one()
    return count, oldest


def chain(transaction: Connection, organisation_id: str) -> Iterator[Event]:
    """All sealed events of a chain in their order, a page at a time."""
    after = (-(2**62), -(2**62))
    while found := _events(
        transaction,
        select(audit_events)
        .where(
            _e.organisation_id == organisation_id,
            _e.number.is_not(None),
            or_(_e.number > after[0], (_e.number == after[0]) & (_e.id > after[1])),
        )
        .order_by(_e.number, _e.id)
        .limit(_PAGE),
    ):
        yield from found
        after = (found[-1].number or 0, found[-1].id)


def some_of_chain(transaction: Connection, organisation_id: str, after: int, until: int) -> list[Event]:
    """Sealed events of a chain behind a number, up to another one, in their order."""
    return _events(
        transaction,
        select(audit_events)
        .where(_e.organisation_id == organisation_id, _e.number > after, _e.number <= until)
        .order_by(_e.number),
    )


def unsealed(transaction: Connection, organisation_id: str) -> Iterator[Event]:
    """All events of a chain that are not sealed, in the order in which they were written, a page at a time."""
    after = -(2**62)
    while found := _events(
        transaction,
        select(audit_events)
        .where(_e.organisation_id == organisation_id, _e.number.is_(None), _e.id > after)
        .order_by(_e.id)
        .limit(_PAGE),
    ):
        yield from found
        after = found[-1].id


def chain_names(transaction: Connection) -> list[str]:
    """All chains that any row names, in order."""
    heads = set(transaction.scalars(select(_h.organisation_id)))
    return sorted(heads | set(transaction.scalars(select(_e.organisation_id).distinct())))


def heads(transaction: Connection, organisation_ids: Sequence[str] | None = None) -> dict[str, Checkpoint]:
    """Checkpoints by their chains."""
    query = select(audit_heads)
    if organisation_ids is not None:
        query = query.where(_h.organisation_id.in_(organisation_ids))
    return {row["organisation_id"]: Checkpoint(**row) for row in transaction.execute(query).mappings()}


def put_head(transaction: Connection, head: Checkpoint) -> None:
    """Make this the checkpoint of its chain."""
    transaction.execute(upsert(transaction, audit_heads, ["organisation_id"]), msgspec.structs.asdict(head))


def remove_head(transaction: Connection, organisation_id: str) -> None:
    """Forget a chain."""
    transaction.execute(delete(audit_heads).where(_h.organisation_id == organisation_id))


def roster(transaction: Connection) -> Roster | None:
    """The list of chains; None before anything was sealed."""
    row = transaction.execute(select(audit_roster)).mappings().one_or_none()
    if row is None:
        return None
    return Roster(**{name: row[name] for name in Roster.__struct_fields__})


def put_roster(transaction: Connection, one: Roster) -> None:
    """Make this the list of chains."""
    values = msgspec.structs.asdict(one)
    changed = transaction.execute(
        update(audit_roster).where(audit_roster.c.single == SINGLE).values(**values)
    )
    if changed.rowcount == 0:
        transaction.execute(insert(audit_roster).values(single=SINGLE, **values))


def keys(transaction: Connection) -> list[PublicKey]:
    """All keys, the present one first, then the newest."""
    query = select(audit_keys).order_by(
        audit_keys.c.retired_ns.is_not(None), audit_keys.c.created_ns.desc(), audit_keys.c.id
    )
    return [PublicKey(**row) for row in transaction.execute(query).mappings()]


def present_key(transaction: Connection) -> str | None:
    """The id of the key that signs now."""
    return transaction.execute(
        select(audit_keys.c.id).where(audit_keys.c.retired_ns.is_(None))
    ).scalar_one_or_none()


def add_key(transaction: Connection, key: PublicKey) -> None:
    """Publish a key."""
    transaction.execute(insert(audit_keys).values(**msgspec.structs.asdict(key)))


def retire_key(transaction: Connection, now_ns: int) -> int:
    """Let no key be the present one; returns how many were."""
    present = audit_keys.c.retired_ns.is_(None)
    return transaction.execute(update(audit_keys).where(present).values(retired_ns=now_ns)).rowcount


def first_to_keep(transaction: Connection, organisation_id: str, since_ns: int) -> int | None:
    """The number of the first sealed event that happened since then."""
    found: int | None = transaction.execute(
        select(func.min(_e.number)).where(
            _e.organisation_id == organisation_id, _e.number.is_not(None), _e.happened_ns >= since_ns
        )
    ).scalar_one()
    return found


def last_of(transaction: Connection, organisation_id: str, action: str) -> int | None:
    """The number of the last sealed event in which that was done."""
    found: int | None = transaction.execute(
        select(func.max(_e.number)).where(_e.organisation_id == organisation_id, _e.action == action)
    ).scalar_one()
    return found


def remove_up_to(transaction: Connection, organisation_id: str, number: int) -> int:
    """Remove the beginning of a chain; returns how many events went."""
    beginning = (_e.organisation_id == organisation_id, _e.number <= number)
    return transaction.execute(delete(audit_events).where(*beginning)).rowcount


def hash_of(transaction: Connection, organisation_id: str, number: int) -> str | None:
    """The hash of a sealed event; None: it is not there."""
    query = select(_e.hash).where(_e.organisation_id == organisation_id, _e.number == number)
    return transaction.execute(query).scalar_one_or_none()


def naming(transaction: Connection, actor_id: str, words: Sequence[str]) -> list[Event]:
    """Sealed events of a person, or that say one of these words (ASCII, lower case) anywhere."""
    said = [
        func.lower(column).contains(word, autoescape=True)
        for word in words
        for column in (_e.actor_name, _e.subject, _e.details)
    ]
    mine = (_e.actor_id == actor_id) & (_e.actor_kind == "person")
    return _events(
        transaction, select(audit_events).where(_e.position.is_not(None), or_(mine, *said)).order_by(_e.id)
    )


def redact(transaction: Connection, event: Event) -> None:
    """Store the words of an event that was redacted."""
    transaction.execute(
        update(audit_events)
        .where(_e.id == event.id)
        .values(
            actor_name=event.actor_name,
            subject=event.subject,
            details=event.details,
            salt=event.salt,
            redaction=event.redaction,
        )
    )


def put_forgetting(transaction: Connection, person_id: str, names: str, now_ns: int) -> None:
    """Note that a person is to be forgotten."""
    transaction.execute(
        upsert(transaction, audit_forgetting, ["person_id"]),
        {"person_id": person_id, "names": names, "since_ns": now_ns},
    )


def forgetting(transaction: Connection) -> list[tuple[str, str]]:
    """Who is to be forgotten, and under which names."""
    rows = transaction.execute(select(audit_forgetting).order_by(audit_forgetting.c.since_ns))
    return [(row.person_id, row.names) for row in rows]


def remove_forgetting(transaction: Connection, person_id: str) -> None:
    """Note that a person is forgotten."""
    transaction.execute(delete(audit_forgetting).where(audit_forgetting.c.person_id == person_id))


def stream(transaction: Connection, name: str) -> Stream:
    """How far a receiver of copies has come; at the beginning, if it never took any."""
    row = (
        transaction.execute(select(audit_streams).where(audit_streams.c.name == name))
        .mappings()
        .one_or_none()
    )
    return (
        Stream(**row) if row else Stream(name=name, position=0, sent_ns=0, trouble="", failures=0, due_ns=0)
    )


def streams(transaction: Connection) -> list[Stream]:
    """How far all receivers have come that ever took a copy."""
    rows = transaction.execute(select(audit_streams).order_by(audit_streams.c.name)).mappings()
    return [Stream(**row) for row in rows]


def put_stream(transaction: Connection, name: str, **values: Any) -> None:
    """Note how far a receiver has come."""
    after = msgspec.structs.replace(stream(transaction, name), **values)
    transaction.execute(upsert(transaction, audit_streams, ["name"]), msgspec.structs.asdict(after))


def with_id(transaction: Connection, event_id: int) -> Event | None:
    """Find an event."""
    return next(iter(_events(transaction, select(audit_events).where(_e.id == event_id))), None)


def _events(transaction: Connection, query: Select[Any]) -> list[Event]:
    return [Event(**row) for row in transaction.execute(query).mappings()]
