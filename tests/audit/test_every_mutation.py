"""Whatever is done to the tables of a sealed log, verifying finds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as some
from sqlalchemy import Boolean, Column, Connection, Integer, Table, delete, insert, select, update
from tests.audit.log import GONE, A, Made

from mover.audit import queries
from mover.audit.chain import chains_digest, event_hash, words_digest
from mover.audit.records import Event
from mover.audit.tables import SINGLE, audit_events, audit_heads, audit_keys, audit_roster
from mover.audit.verifying import Copied

pytestmark = [pytest.mark.slow, pytest.mark.promise("audit")]

SEALED = (audit_events, audit_heads, audit_keys, audit_roster)
TEXT = some.text(some.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=20)
_USUAL = 50  # of the quick profile
examples = settings(
    max_examples=_USUAL // 2 if settings().max_examples <= _USUAL else settings().max_examples,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _rows(connection: Connection, table: Table) -> list[dict[str, Any]]:
    key = list(table.primary_key.columns)
    return [dict(row) for row in connection.execute(select(table).order_by(*key)).mappings()]


def _is(table: Table, row: dict[str, Any]) -> Any:
    (key,) = table.primary_key.columns
    return key == row[key.name]


def test_a_log_that_nobody_touched_is_intact(made: Made) -> None:
    report = made.spoilt(lambda _: None)

    assert report.problems == []
    assert (report.chains, report.cut, report.pending) == (4, 6, 0)
    assert report.redacted == 2
    assert report.events == 10


def test_each_column_of_each_row_is_covered(made_for_files: Made) -> None:
    def columns(connection: Connection) -> Iterator[tuple[Table, dict[str, Any], Column[Any]]]:
        for table in SEALED:
            for row in _rows(connection, table):
                for column in table.columns:
                    if column.name != "single":
                        yield table, row, column

    def spoilt(table: Table, row: dict[str, Any], column: Column[Any]) -> bool:
        before = row[column.name]
        after: Any = "other"
        if isinstance(column.type, Boolean):
            after = not before
        elif isinstance(column.type, Integer):
            after = (before or 0) + 1_000_000
        values = {column.name: after}
        return made_for_files.spoilt(
            lambda c: c.execute(update(table).where(_is(table, row)).values(values))
        ).intact

    every: list[tuple[Table, dict[str, Any], Column[Any]]] = []
    made_for_files.spoilt(lambda connection: every.extend(columns(connection)))

    assert len(every) > 150
    assert [
        (table.name, row, column.name) for table, row, column in every if spoilt(table, row, column)
    ] == []


@given(data=some.data())
@examples
def test_any_change_of_any_column_of_any_row_is_found(made: Made, data: some.DataObject) -> None:
    def spoil(connection: Connection) -> None:
        table = data.draw(some.sampled_from(SEALED))
        row = data.draw(some.sampled_from(_rows(connection, table)))
        column = data.draw(some.sampled_from([one for one in table.columns if one.name != "single"]))
        before = row[column.name]
        values: Any = TEXT.map(lambda text: text[: getattr(column.type, "length", None) or 20])
        if isinstance(column.type, Boolean):
            values = some.booleans()
        elif isinstance(column.type, Integer):
            values = some.integers(0, 2**31 - 1)
        if column.nullable:
            values = values | some.none()
        value = data.draw(values)
        assume(value != before)
        others = [other for other in _rows(connection, table) if other != row]
        unique = {"id", "position"} if table is audit_events else {"id", "organisation_id"}
        if column.name in unique:
            assume(all(other[column.name] != value for other in others))
        connection.execute(update(table).where(_is(table, row)).values({column.name: value}))

    assert not made.spoilt(spoil).intact


@given(data=some.data())
@examples
def test_any_row_that_is_removed_is_missed(made: Made, data: some.DataObject) -> None:
    def spoil(connection: Connection) -> None:
        table = data.draw(some.sampled_from(SEALED))
        row = data.draw(some.sampled_from(_rows(connection, table)))
        connection.execute(delete(table).where(_is(table, row)))

    assert not made.spoilt(spoil).intact


@given(data=some.data())
@examples
def test_any_two_events_that_change_places_are_found(made: Made, data: some.DataObject) -> None:
    what = data.draw(
        some.sampled_from(
            [
                ("number",),
                ("number", "hash"),
                ("number", "hash", "position"),
                ("subject", "details"),
                ("hash",),
            ]
        )
    )

    def spoil(connection: Connection) -> None:
        chain = data.draw(some.sampled_from([A, "b" * 32]))
        rows = [row for row in _rows(connection, audit_events) if row["organisation_id"] == chain]
        one, other = data.draw(some.permutations(rows))[:2]
        mine, theirs = ({name: row[name] for name in what} for row in (one, other))
        assume(mine != theirs)
        nowhere = {name: None for name in what if name in {"number", "position"}}
        if nowhere:  # unique for a moment
            connection.execute(update(audit_events).where(_is(audit_events, one)).values(nowhere))
        connection.execute(update(audit_events).where(_is(audit_events, other)).values(mine))
        connection.execute(update(audit_events).where(_is(audit_events, one)).values(theirs))

    assert not made.spoilt(spoil).intact


@given(data=some.data())
@examples
def test_any_event_that_is_put_in_is_found(made: Made, data: some.DataObject) -> None:
    def spoil(connection: Connection) -> None:
        row = data.draw(some.sampled_from(_rows(connection, audit_events)))
        like = row | {
            "id": 10_000,
            "position": data.draw(some.sampled_from([0, 7_000, None])),
            "number": data.draw(some.sampled_from([-1, 0, 100, 10_000])),
            "organisation_id": data.draw(some.sampled_from([row["organisation_id"], "d" * 32])),
        }
        connection.execute(insert(audit_events).values(like))

    assert not made.spoilt(spoil).intact


@given(data=some.data())
@examples
def test_who_hashes_everything_anew_lacks_the_signature(made: Made, data: some.DataObject) -> None:
    """The strongest thief of the database: knows how it works, writes to every table, has no key of the vault."""

    def spoil(connection: Connection) -> None:
        heads = queries.heads(connection)
        chain = data.draw(some.sampled_from(sorted(heads)))
        events = list(queries.chain(connection, chain))
        number = data.draw(some.integers(0, len(events) - 1))
        events[number] = _other(events[number], subject=data.draw(TEXT))
        if data.draw(some.booleans()):
            events = events[:-1]
        head, previous = heads[chain], heads[chain].cut_hash
        for event in events:
            previous = event_hash(previous, event, words_digest(event))
            connection.execute(
                update(audit_events)
                .where(audit_events.c.id == event.id)
                .values(subject=event.subject, hash=previous, redaction=None)
            )
        connection.execute(
            update(audit_heads)
            .where(audit_heads.c.organisation_id == chain)
            .values(number=events[-1].number if events else head.cut_number, hash=previous)
        )

    assert not made.spoilt(spoil).intact


def _other(event: Event, subject: str) -> Event:
    return msgspec.structs.replace(event, subject=subject if subject != event.subject else subject + "x")


def test_a_whole_chain_that_is_removed_is_missed(made: Made) -> None:
    def spoil(connection: Connection) -> None:
        for table in (audit_events, audit_heads):
            connection.execute(delete(table).where(table.c.organisation_id == A))
        left = queries.heads(connection)
        connection.execute(
            update(audit_roster)
            .where(audit_roster.c.single == SINGLE)
            .values(chains=len(left), chains_digest=chains_digest(left))
        )

    found = made.spoilt(spoil)

    assert "the list of chains was changed" in str(found.problems[0])


def test_the_tombstone_of_an_organisation_cannot_be_removed(made: Made) -> None:
    def spoil(connection: Connection) -> None:
        connection.execute(delete(audit_events).where(audit_events.c.organisation_id == GONE))

    (problem,) = made.spoilt(spoil).problems

    assert problem.organisation_id == GONE
    assert problem.what == "event 2 at its end was cut off"


def test_a_log_that_another_key_signed_is_not_the_one_that_was_asked_for(made: Made) -> None:
    found = made.spoilt(lambda _: None, key=b"x" * 32)

    assert "which is not the one that was given" in str(found.problems[0])


def test_an_older_state_of_everything_is_found_by_what_was_copied_elsewhere(made: Made) -> None:
    """A backup that is put back is intact in itself."""
    rows: list[Event] = []
    made.spoilt(lambda c: rows.extend(queries.chain(c, A)))
    copies = tuple(
        Copied(organisation_id=A, number=event.number or 0, hash=event.hash or "") for event in rows
    )
    later = Copied(organisation_id=A, number=(rows[-1].number or 0) + 1, hash="f" * 64)
    elsewhere = Copied(organisation_id="d" * 32, number=1, hash="f" * 64)
    changed = Copied(organisation_id=A, number=rows[-1].number or 0, hash="e" * 64)

    assert made.spoilt(lambda _: None, copies).compared == len(rows)
    assert made.spoilt(lambda _: None, copies).intact
    (cut,) = made.spoilt(lambda _: None, (later,)).problems
    assert cut.what.endswith("is known from a copy, and is not there: the end was cut off")
    (missing,) = made.spoilt(lambda _: None, (elsewhere,)).problems
    assert missing.organisation_id == "d" * 32
    (other,) = made.spoilt(lambda _: None, (changed,)).problems
    assert other.number == changed.number


def test_the_row_that_was_changed_is_named(made: Made) -> None:
    found: list[Event] = []

    def spoil(connection: Connection) -> None:
        found.extend(queries.chain(connection, "b" * 32))
        connection.execute(
            update(audit_events).where(audit_events.c.id == found[1].id).values(subject="map nobody made")
        )

    (problem,) = made.spoilt(spoil).problems

    assert (problem.number, problem.event_id) == (2, found[1].id)
    assert str(problem) == (
        f"organisation {'b' * 32}, event 2 (row {found[1].id}): it or the one before was changed, moved or put in: its "
        "hash is not right"
    )
