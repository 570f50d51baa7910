"""What goes of the log, and that it stays verifiable."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select
from tests.audit.log import ANN, BEN, A, B, Log, Who

from mover.audit import queries
from mover.audit.custody import DAY_NS, DELETED, pseudonym
from mover.audit.tables import audit_events

pytestmark = pytest.mark.promise("audit")

BEN_ID = "e" * 32


async def texts(log: Log) -> str:
    def rows(connection) -> str:
        return repr([tuple(row) for row in connection.execute(select(audit_events))])

    return await log.database.read(rows)


async def forgotten(log: Log, person_id: str, name: str) -> int:
    await log.database.write(lambda c: log.custodian.will_forget(c, person_id, [name]))
    return await log.custodian.forget_due()


async def test_old_events_are_cut_off_and_the_rest_is_proven_to_follow_them(log: Log) -> None:
    await log.record(Who(organisation_id=A), "map.created", "old")
    await log.record(Who(organisation_id=""), "session.sign_in_failed", "a stranger")
    await log.sealer.seal_due()
    log.clock.ns += 91 * DAY_NS
    await log.record(Who(organisation_id=A), "map.created", "new")
    await log.sealer.seal_due()

    kept = await log.custodian.remove_old(days=400, days_of_nobody=90)
    assert "old" in await texts(log)
    gone = await log.custodian.remove_old(days=90, days_of_nobody=90)

    assert (kept, gone) == (2, 1)  # the stranger's, and that a key was made; then the old map
    report = await log.verify(await log.public_key())
    assert (report.intact, report.events, report.cut) == (True, 1, 3)
    assert "'old'" not in await texts(log)
    assert await log.custodian.remove_old(days=90, days_of_nobody=90) == 0


async def test_what_was_not_sealed_is_never_cut_off(log: Log) -> None:
    await log.record(Who(organisation_id=A), "map.created", "old")
    log.clock.ns += 1000 * DAY_NS

    assert await log.custodian.remove_old(days=30, days_of_nobody=30) == 0
    assert "'old'" in await texts(log)


async def test_of_a_deleted_organisation_the_tombstone_stays_for_as_long_as_events_do(log: Log) -> None:
    for number in range(5):
        await log.record(Who(organisation_id=A), "map.created", f"secret map {number}")
    await log.record(Who(organisation_id=A), DELETED, "organisation A")
    await log.record(Who(organisation_id=B), "map.created", "map of others")

    rounds = 0
    while await log.custodian.bury(A, limit=2):
        rounds += 1

    assert rounds == 3
    report = await log.verify(await log.public_key())
    assert (report.intact, report.cut) == (True, 5)
    assert "secret map" not in await texts(log)
    assert [one.action for one in await log.database.read(lambda c: list(queries.chain(c, A)))] == [DELETED]
    assert (await log.database.read(queries.heads))[A].closed

    log.clock.ns += 401 * DAY_NS
    await log.custodian.remove_old(days=400, days_of_nobody=400)
    await log.custodian.remove_old(days=400, days_of_nobody=400)
    assert A not in await log.database.read(queries.heads)
    assert B in await log.database.read(queries.heads)
    assert (await log.verify(await log.public_key())).intact


async def test_a_person_who_was_deleted_is_named_by_a_pseudonym_everywhere(log: Log) -> None:
    ben = Who(organisation_id=A, id=BEN_ID, name=BEN)
    await log.record(ben, "session.signed_in", f"person {BEN}", address="192.0.2.1")
    await log.record(ben, "person.changed", f"person {BEN}", name="Ben Brown")
    await log.record(Who(organisation_id=A), "person.role_changed", f"person {BEN}", before="viewer")
    await log.record(
        Who(organisation_id=B), "invitation.made", f"invitation to {BEN}", note=f"for {BEN.upper()}!"
    )
    await log.record(Who(organisation_id=B), "map.created", f"map of jo{BEN}")
    before = await log.database.read(lambda c: [one.hash for one in queries.chain(c, A)])
    await log.sealer.seal_due()
    before = await log.database.read(lambda c: [one.hash for one in queries.chain(c, A)])

    await log.database.write(lambda c: log.custodian.will_forget(c, BEN_ID, [BEN]))
    changed = await log.custodian.forget_due()

    assert changed == 4
    told = await texts(log)
    assert told.count(BEN) == 1  # in somebody else's address
    assert "Ben Brown" not in told
    assert BEN.upper() not in told
    assert told.count(pseudonym(BEN_ID)) == 8
    assert ANN in told
    assert await log.database.read(lambda c: [one.hash for one in queries.chain(c, A)]) == before
    report = await log.verify(await log.public_key())
    assert (report.intact, report.redacted) == (True, 4)
    assert await log.custodian.forget_due() == 0


async def test_what_stood_there_cannot_be_guessed_from_what_is_left(log: Log) -> None:
    """The digest of the words stays; without the salt it is of no use."""
    await log.record(Who(organisation_id=A, id=BEN_ID, name=BEN), "session.signed_in", f"person {BEN}")
    await log.sealer.seal_due()
    (salt,) = await log.database.read(
        lambda c: list(c.scalars(select(audit_events.c.salt).where(audit_events.c.organisation_id == A)))
    )

    await log.database.write(lambda c: log.custodian.will_forget(c, BEN_ID, [BEN]))
    await log.custodian.forget_due()

    assert len(salt) == 32
    assert salt not in await texts(log)


async def test_two_people_of_one_event_are_forgotten_one_after_the_other(log: Log) -> None:
    await log.record(Who(organisation_id=A, id=BEN_ID, name=BEN), "person.removed", f"person {ANN}")
    await log.sealer.seal_due()

    for person_id, name in ((BEN_ID, BEN), ("f" * 32, ANN)):
        await forgotten(log, person_id, name)

    told = await texts(log)
    assert ANN not in told
    assert BEN not in told
    assert (await log.verify(await log.public_key())).intact


async def test_forgetting_goes_on_after_a_crash_in_the_middle(log: Log) -> None:
    await log.record(Who(organisation_id=A, id=BEN_ID, name=BEN), "session.signed_in", f"person {BEN}")
    await log.database.write(lambda c: log.custodian.will_forget(c, BEN_ID, [BEN]))
    broken = log.custodian
    broken._redact = lambda *_: 1 // 0  # type: ignore[method-assign]

    with pytest.raises(ZeroDivisionError):
        await broken.forget_due()
    await asyncio.gather(log.custodian.forget_due(), log.custodian.forget_due())

    assert BEN not in await texts(log)
    assert (await log.verify(await log.public_key())).intact
