"""Who seals, when, and that many at once never fork a chain."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from tests.audit.log import A, B, Log, Who, open_log

from mover.audit import queries
from mover.audit.keys import AuditKeys
from mover.audit.recording import Recorder
from mover.audit.sealing import Sealer
from mover.audit.tables import audit_events, audit_keys
from mover.database.base import metadata
from mover.errors import InvalidConfiguration
from mover.vault.providers import FileKeyProvider
from mover.vault.signing import read_public_key
from mover.vault.vault import Vault

pytestmark = pytest.mark.promise("audit")


async def test_writers_and_sealers_of_two_processes_at_once_make_one_chain_without_a_gap(
    log: Log, tmp_path: Path, database_url: str
) -> None:
    other = await open_log(tmp_path, database_url)
    await log.keys.present()

    async def write(on: Log, chain: str) -> None:
        for number in range(6):
            await on.record(Who(organisation_id=chain), "map.created", f"map {number}")

    async def seal(on: Log) -> None:
        for _ in range(6):
            await on.sealer.seal_due(at_once=3)

    try:
        async with asyncio.TaskGroup() as group:
            for on in (log, other):
                for chain in (A, B):
                    group.create_task(write(on, chain))
                group.create_task(seal(on))
        await log.sealer.seal_due()
    finally:
        await other.database.close()

    report = await log.verify(await log.public_key())
    assert report.problems == []
    assert (report.events, report.chains, report.pending) == (25, 3, 0)  # and that there is a key
    positions = await log.database.read(
        lambda c: list(c.scalars(select(audit_events.c.position).order_by(audit_events.c.position)))
    )
    assert positions == list(range(1, 26))


async def test_the_first_key_of_two_processes_is_the_same_one(
    log: Log, tmp_path: Path, database_url: str
) -> None:
    other = await open_log(tmp_path, database_url)
    try:
        mine, theirs = await asyncio.gather(log.keys.present(), other.keys.present())
    finally:
        await other.database.close()

    assert mine.id == theirs.id
    assert len(await log.keys.all()) == 1


async def test_events_from_before_there_was_sealing_are_sealed_in_their_order(log: Log) -> None:
    def earlier(connection) -> None:
        for number in range(3):
            connection.execute(
                insert(audit_events).values(
                    organisation_id=A,
                    happened_ns=number,
                    actor_kind="system",
                    actor_id="",
                    actor_name="Mover",
                    action="map.created",
                    subject=f"map {number}",
                    details="{}",
                )
            )

    await log.database.write(earlier)

    await log.sealer.seal_due(at_once=2)

    chain = await log.database.read(lambda c: list(queries.chain(c, A)))
    assert [(one.number, one.subject) for one in chain] == [(1, "map 0"), (2, "map 1"), (3, "map 2")]
    assert (await log.verify()).intact


async def test_what_is_not_sealed_yet_is_told_and_not_vouched_for(log: Log) -> None:
    await log.record(Who(organisation_id=A), "map.created", "map")

    before = await log.verify()
    await log.sealer.seal_due()
    after = await log.verify()

    assert (before.intact, before.pending, before.events) == (True, 1, 0)
    assert before.oldest_pending_ns == log.clock.ns
    assert (after.pending, after.events) == (0, 2)


async def test_events_wait_while_the_key_cannot_be_had_and_nothing_is_lost(log: Log, tmp_path: Path) -> None:
    await log.sealer.seal_due()
    await log.record(Who(organisation_id=A), "map.created", "map")
    without = Vault(log.database, FileKeyProvider(tmp_path / "another.key"))
    await log.keys.present()

    with pytest.raises(InvalidConfiguration):
        await Sealer(log.database, without, now_ns=log.clock).seal_due()
    await log.record(Who(organisation_id=A), "map.created", "another map")
    await log.sealer.seal_due()

    assert (await log.verify()).events == 3


async def test_a_new_key_vouches_for_what_the_one_before_signed(log: Log) -> None:
    await log.record(Who(organisation_id=A), "map.created", "map")
    await log.sealer.seal_due()
    before = await log.public_key()

    made = await log.keys.rotate()
    await log.sealer.seal_due()

    report = await log.verify(read_public_key(made.public_key))
    assert (report.intact, report.key_id) == (True, made.id)
    assert not (await log.verify(before)).intact
    retired = [key for key in await log.keys.all() if key.retired_ns is not None]
    assert [read_public_key(key.public_key) for key in retired] == [before]
    actions = await log.database.read(lambda c: [one.action for one in queries.chain(c, "")])
    assert actions == ["audit.key_made", "audit.key_rotated"]


async def test_a_key_that_is_changed_while_something_is_sealed_signs_nothing_any_more(log: Log) -> None:
    class Late(AuditKeys):
        """Is overtaken, once, between getting the key and using it."""

        overtaken = False

        async def present(self):
            key = await super().present()
            if not self.overtaken:
                self.overtaken = True
                await log.keys.rotate()
            return key

    sealer = log.sealer
    sealer._keys = Late(log.database, log.vault, Recorder(), now_ns=log.clock)
    await log.record(Who(organisation_id=A), "map.created", "map")

    await sealer.seal_due()

    head = (await log.database.read(queries.heads))[A]
    present = await log.database.read(
        lambda c: c.execute(select(audit_keys.c.id).where(audit_keys.c.retired_ns.is_(None))).scalar_one()
    )
    assert head.key_id == present
    assert (await log.verify(await log.public_key())).intact


async def test_an_act_that_is_undone_leaves_no_event_and_no_gap(log: Log) -> None:
    class UndoneError(Exception):
        pass

    def act(connection) -> None:
        Recorder().record(connection, Who(organisation_id=A), "map.created", "never", now_ns=1)
        raise UndoneError

    await log.record(Who(organisation_id=A), "map.created", "one")
    with pytest.raises(UndoneError):
        await log.database.write(act)
    await log.record(Who(organisation_id=A), "map.created", "two")
    await log.sealer.seal_due()

    chain = await log.database.read(lambda c: list(queries.chain(c, A)))
    assert [(one.number, one.subject) for one in chain] == [(1, "one"), (2, "two")]


async def test_the_private_key_is_not_in_the_database(log: Log) -> None:
    key = await log.keys.present()

    def everything(connection) -> str:
        return repr([connection.execute(select(table)).all() for table in metadata.sorted_tables])

    told = await log.database.read(everything)
    assert key.id in told
    assert key.secret.reveal() not in told
    assert repr(key.private.private_bytes_raw())[2:-1] not in told
