"""Whoever spoils a log and waits for Mover to go on with it gets no signature for that: it is still found afterwards."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, delete, select, update
from tests.audit.log import START_NS, A, B, Log, Who
from tests.database_url import Kind, using

from mover.audit import queries
from mover.audit.chain import checkpoint_bytes, event_hash, words_digest
from mover.audit.custody import DAY_NS
from mover.audit.records import BROKEN, PublicKey
from mover.audit.tables import audit_events, audit_heads, audit_roster
from mover.vault.signing import SigningKey

pytestmark = pytest.mark.promise("audit")

_e = audit_events.c
Spoil = Callable[[Connection], object]


@pytest.fixture(params=[Kind.SQLITE])
def database_kind(request: pytest.FixtureRequest) -> Any:
    """SQLite alone: the thief here writes to whatever table they like, on any database."""
    yield from using(request.param)


async def written(log: Log, chain: str = A, count: int = 5) -> None:
    for number in range(count):
        await log.record(Who(organisation_id=chain), "map.created", f"map {number}")
    await log.sealer.seal_due()


async def spoilt(log: Log, spoil: Spoil) -> None:
    await log.database.write(spoil)


async def found(log: Log) -> list[str]:
    return [str(one) for one in (await log.verify(await log.public_key())).problems]


async def gone_on(log: Log) -> list[str]:
    """What is found once Mover has gone on with the log."""
    for chain in (A, B, ""):
        await log.record(Who(organisation_id=chain), "map.created", "map of later")
    await log.sealer.seal_due()
    await log.sealer.seal_due()
    return await found(log)


def rehashed(connection: Connection, chain: str) -> None:
    """Hash a chain anew, and let its checkpoint say so, without a signature."""
    head = queries.heads(connection)[chain]
    number, previous = head.cut_number, head.cut_hash
    for event in list(queries.chain(connection, chain)):
        assert event.number is not None
        number, previous = event.number, event_hash(previous, event, words_digest(event))
        connection.execute(update(audit_events).where(_e.id == event.id).values(hash=previous))
    connection.execute(
        update(audit_heads).where(audit_heads.c.organisation_id == chain).values(number=number, hash=previous)
    )


def cut_off(connection: Connection, chain: str, after: int) -> None:
    connection.execute(delete(audit_events).where(_e.organisation_id == chain, _e.number > after))


def _the_end(connection: Connection) -> None:
    cut_off(connection, A, 2)
    rehashed(connection, A)


def _other_words(connection: Connection) -> None:
    connection.execute(
        update(audit_events).where(_e.organisation_id == A, _e.number == 2).values(subject="map of nobody")
    )
    rehashed(connection, A)


def _whole_chain(connection: Connection) -> None:
    cut_off(connection, A, 0)
    connection.execute(delete(audit_heads).where(audit_heads.c.organisation_id == A))


def _beginning(connection: Connection) -> None:
    two = queries.hash_of(connection, A, 2)
    connection.execute(delete(audit_events).where(_e.organisation_id == A, _e.number <= 2))
    connection.execute(
        update(audit_heads).where(audit_heads.c.organisation_id == A).values(cut_number=2, cut_hash=two)
    )


def _planted(connection: Connection) -> None:
    """Stands where the next event is to go."""
    connection.execute(update(audit_events).where(_e.organisation_id == A, _e.number == 5).values(number=6))


def _no_roster(connection: Connection) -> None:
    connection.execute(delete(audit_roster))


def _position(connection: Connection) -> None:
    connection.execute(update(audit_roster).values(position=0))


def _key(connection: Connection) -> None:
    """A key of the thief's own, and a checkpoint that it signed."""
    key = SigningKey.make()
    queries.add_key(
        connection,
        PublicKey(
            id=key.id,
            public_key=base64.b64encode(key.public).decode(),
            created_ns=START_NS - 1,
            retired_ns=START_NS,
        ),
    )
    cut_off(connection, A, 2)
    rehashed(connection, A)
    signed_by(connection, key)


def signed_by(connection: Connection, key: SigningKey) -> None:
    head = msgspec.structs.replace(queries.heads(connection)[A], key_id=key.id, signature="")
    signature = key.sign(checkpoint_bytes(head))
    queries.put_head(connection, msgspec.structs.replace(head, signature=signature))


@pytest.mark.parametrize(
    "spoil",
    [_the_end, _other_words, _whole_chain, _beginning, _planted, _no_roster, _position, _key],
)
async def test_what_was_spoilt_is_found_also_after_more_was_sealed(log: Log, spoil: Spoil) -> None:
    await written(log)
    await written(log, B)
    await spoilt(log, spoil)

    assert await gone_on(log)

    report = await log.verify()
    assert report.pending == 0  # nobody stops the sealing that way either


async def test_a_mark_stays_where_the_log_was_not_as_it_had_been_signed(log: Log) -> None:
    await written(log)
    await spoilt(log, _the_end)

    nobodys, problem = await gone_on(log)
    await written(log)
    again = await found(log)

    assert "when Mover went on with it, 3 sealed events were in no chain" in nobodys
    assert "when Mover went on with it, its checkpoint was not as it had been signed" in problem
    assert again == [nobodys, problem]
    marks = await log.database.read(
        lambda c: list(c.scalars(select(_e.organisation_id).where(_e.action == BROKEN)))
    )
    assert marks == [A, ""]


async def test_a_rotation_signs_nothing_that_was_spoilt(log: Log) -> None:
    await written(log)
    await spoilt(log, _key)

    await log.keys.rotate()

    assert await gone_on(log)


async def test_one_chain_of_a_backup_is_found_beside_others_of_today(log: Log) -> None:
    """Its checkpoint of then is signed, and so is the list of chains of today."""
    await written(log)
    then = (await log.database.read(queries.heads))[A]
    await written(log)
    await written(log, B)

    def put_back(connection: Connection) -> None:
        cut_off(connection, A, then.number)
        queries.put_head(connection, then)

    await spoilt(log, put_back)

    assert "5 sealed events are in no chain" in str(await found(log))
    assert "5 sealed events were in no chain" in str(await gone_on(log))


async def test_a_key_that_was_rotated_since_it_was_stolen_signs_nothing_that_counts(log: Log) -> None:
    await written(log)
    stolen = await log.keys.present()
    await log.keys.rotate()

    def forge(connection: Connection) -> None:
        _the_end(connection)
        signed_by(connection, stolen)

    assert await found(log) == []
    await spoilt(log, forge)

    assert "signed with a key that had been retired" in str(await found(log))
    assert await gone_on(log)


async def test_what_is_made_to_look_old_is_not_cut_off_with_a_signature(log: Log) -> None:
    await written(log)

    def age(connection: Connection) -> None:
        connection.execute(
            update(audit_events)
            .where(_e.organisation_id == A, _e.number <= 3)
            .values(happened_ns=START_NS - 500 * DAY_NS)
        )

    def age_and_hash(connection: Connection) -> None:
        age(connection)
        rehashed(connection, A)

    for spoil in (age, age_and_hash):
        await spoilt(log, spoil)
        assert await log.custodian.remove_old(days=400, days_of_nobody=400) == 0
        assert await found(log)


async def test_words_of_somebody_else_are_not_signed_when_a_person_is_forgotten(log: Log) -> None:
    ben = Who(organisation_id=A, id="e" * 32, name="ben@example.org")
    await log.record(ben, "session.signed_in", "person ben@example.org")
    await log.sealer.seal_due()
    await log.database.write(lambda c: log.custodian.will_forget(c, ben.id, [ben.name]))
    await log.custodian.forget_due()

    def forge(connection: Connection) -> None:
        connection.execute(
            update(audit_events)
            .where(_e.organisation_id == A)
            .values(subject="what ann@example.org never did")
        )

    await spoilt(log, forge)
    await log.database.write(lambda c: log.custodian.will_forget(c, "f" * 32, ["ann@example.org"]))
    await log.custodian.forget_due()

    assert "its words were replaced without a right signature" in str(await found(log))
