"""Keys given for runs: who can open what is kept of them, and what becomes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import select, update
from tests.migrations.office import Office, actor, may_only

from mover.accounts.actor import Permission
from mover.accounts.refusals import NoSuchThing
from mover.errors import InvalidConfiguration, PermissionDenied
from mover.migrations.given.authority import find_authority, make_authority
from mover.migrations.given.boxes import (
    NotOpened,
    RunnerKey,
    RunPlace,
    box_up,
    is_proven,
    key_id_of,
    open_for_run,
    prove,
    seal_for_run,
    unbox,
)
from mover.migrations.given.handing import Handing
from mover.migrations.given.holding import Holding, KeysElsewhere, KeysMissing
from mover.migrations.given.queries import publish
from mover.migrations.given.tables import given_boxes, given_keys, runner_keys
from mover.migrations.given.wanted import GivenKeys, Wanted
from mover.migrations.options import PairOptions
from mover.migrations.records import NewMigration, NewPair, PairRun
from mover.migrations.refusals import NotPossible
from mover.migrations.selection import Selection
from mover.migrations.states import RunCode, RunState, Status, Trigger
from mover.notices.events import Event
from mover.notices.tables import webhook_deliveries
from mover.notices.webhooks import Webhooks
from mover.vault.secret import Secret

pytestmark = pytest.mark.promise("P11")

PASSWORD = GivenKeys(crypt_from=Secret("a canary of a password"))
WANTED = frozenset({Wanted.CRYPT_FROM})
AUTHORITY, KEY = bytes(range(32)), bytes(range(1, 33))
PLACE = RunPlace(organisation_id="o", migration_id="m", pair_id=1, run_id=2, giving_id="g")


def test_a_box_opens_for_its_runner_in_its_place_under_the_authority_alone() -> None:
    private = X25519PrivateKey.generate()
    box = box_up(AUTHORITY, private.public_key().public_bytes_raw(), "g", "o", KEY)
    assert unbox(AUTHORITY, private, "g", "o", box) == KEY
    changed = box[:-1] + bytes([box[-1] ^ 1])
    for arguments in (
        (AUTHORITY, X25519PrivateKey.generate(), "g", "o", box),
        (KEY, private, "g", "o", box),
        (AUTHORITY, private, "h", "o", box),
        (AUTHORITY, private, "g", "p", box),
        (AUTHORITY, private, "g", "o", changed),
        (AUTHORITY, private, "g", "o", bytes(80)),  # the point that makes every secret zero
        (AUTHORITY, private, "g", "o", b""),
    ):
        with pytest.raises(NotOpened):
            unbox(*arguments)


def test_keys_of_a_run_open_in_their_place_alone() -> None:
    sealed = seal_for_run(KEY, PLACE, b"secret")
    assert open_for_run(KEY, PLACE, sealed) == b"secret"
    others: list[dict[str, Any]] = [
        {"organisation_id": "p"},
        {"migration_id": "n"},
        {"pair_id": 3},
        {"run_id": 3},
        {"giving_id": "h"},
    ]
    for other in others:
        with pytest.raises(NotOpened):
            open_for_run(KEY, replace(PLACE, **other), sealed)
    with pytest.raises(NotOpened):
        open_for_run(KEY, PLACE, b"")


def test_a_runners_key_is_believed_as_it_was_published_under_the_authority() -> None:
    public = X25519PrivateKey.generate().public_key().public_bytes_raw()
    key = RunnerKey(id=key_id_of(public), runner="r", queue="q", public=public, until_ns=5)
    key = replace(key, proof=prove(AUTHORITY, key))
    assert is_proven(AUTHORITY, key)
    forged: list[dict[str, Any]] = [{"until_ns": 6}, {"queue": "x"}, {"runner": "x"}, {"proof": b""}]
    forged.append({"public": bytes(32), "id": key_id_of(bytes(32))})
    assert not any(is_proven(AUTHORITY, replace(key, **change)) for change in forged)
    assert not is_proven(KEY, key)


def holding(office: Office, name: str, queue: str = "default") -> Holding:
    return Holding(office.database, office.vault, runner=name, queue=queue, lives_s=20, now_ns=office.clock)


async def prepared(office: Office, *, pairs: int = 1, **options: Any) -> Selection:
    """A migration whose pairs need a password."""
    ann = await office.organisation("acme")
    migration = await office.migrations.create(
        ann,
        NewMigration(
            name="m",
            source_connection_id="acme-source",
            destination_connection_id="acme-target",
            options=PairOptions(**(options or {"crypt_from": True})),
        ),
    )
    new = [NewPair(source_path=f"/{n}", destination_path="/") for n in range(pairs)]
    await office.pairs.add(ann, migration.id, new)
    await Handing(office.vault).begin()
    return Selection.matching(migration.id, "")


async def taken(office: Office, runner: str = "r1") -> PairRun:
    (run,) = await office.take(1, runner)
    return run


async def left(office: Office) -> tuple[int, int]:
    """How much of what was given is kept: sealed keys, and boxes."""
    return len(await office.rows(given_keys)), len(await office.rows(given_boxes))


ANN = actor("acme")


async def test_what_was_given_is_opened_by_runners_of_the_queue_and_removed_with_the_run(office: Office):
    chosen = await prepared(office)
    one, other, elsewhere = holding(office, "r1"), holding(office, "r2"), holding(office, "r3", "far")
    for runner in (one, other, elsewhere):
        await runner.look()
    assert (await office.runs.start(ANN, chosen, keys=PASSWORD)).started == 1
    run = await taken(office)
    for runner in (one, other):
        assert await runner.open(run, WANTED) == PASSWORD
    assert await left(office) == (1, 2)
    with pytest.raises(KeysElsewhere):
        await elsewhere.open(run, WANTED)
    await office.work.end(run.id, "r1", RunCode.SOME_DOWNLOADS_FAILED)
    assert await left(office) == (0, 0)
    assert (await office.runs.page(ANN)).total == 1, "nothing is tried again by itself without its key"
    with pytest.raises(KeysMissing, match="given for each run"):
        await one.open(run, WANTED)


async def test_a_newcomer_is_let_in_by_one_that_lives_and_the_last_one_takes_the_key_along(office: Office):
    chosen = await prepared(office)
    first, second, third = (holding(office, f"r{n}") for n in range(3))
    await first.look()
    await office.runs.start(ANN, chosen, keys=PASSWORD)
    run = await taken(office)
    await second.look()
    with pytest.raises(KeysElsewhere):
        await second.open(run, WANTED)
    await first.leave()  # and hands over as it goes
    assert await second.open(run, WANTED) == PASSWORD
    with pytest.raises(KeysElsewhere):
        await first.open(run, WANTED)  # which has no key that counts any more
    office.clock.advance(21)  # the second falls silent
    await third.look()
    with pytest.raises(KeysMissing, match="have ended"):
        await third.open(run, WANTED)
    hooks = Webhooks(office.database, office.vault, office.auditor, now_ns=office.clock)
    await hooks.create(ANN, "https://hooks.example.org/", [Event.RUN_WAITS_FOR_KEY])
    await office.work.await_keys(run.id, "r1", "has to be given again")
    (told,) = await office.rows(webhook_deliveries)
    assert (told.event, json.loads(told.body)["data"]["run_id"]) == ("run.waits_for_key", run.id)
    waiting = await office.runs.get(ANN, run.id)
    assert (waiting.state, waiting.code, waiting.message) == (RunState.PAUSED, 630, "has to be given again")
    (pair,) = (await office.pairs.page(ANN, chosen.migration_id)).items
    assert (pair.status, pair.code, pair.meaning) == (Status.PAUSED, 630, "Waits for its key to be given")
    assert (await left(office))[0] == 0
    assert await office.runs.give_keys(ANN, chosen, PASSWORD) == 1
    again = await taken(office, "r3")
    assert (again.id, again.message) == (run.id, "")
    assert await third.open(again, WANTED) == PASSWORD
    assert await office.runs.give_keys(ANN, chosen, PASSWORD) == 0, "it has what it needs"


async def test_rows_that_were_moved_or_exchanged_in_the_database_open_nothing(office: Office):
    chosen = await prepared(office, pairs=2)
    runner = holding(office, "r1")
    await runner.look()
    await office.runs.start(ANN, chosen, keys=PASSWORD)
    one, other = sorted(await office.take(2), key=lambda run: run.id)

    def exchange(connection: Any) -> None:
        sealed = {row.run_id: row.sealed for row in connection.execute(select(given_keys))}
        for run_id, new in ((one.id, sealed[other.id]), (other.id, sealed[one.id])):
            connection.execute(update(given_keys).where(given_keys.c.run_id == run_id).values(sealed=new))

    await office.database.write(exchange)
    for run in (one, other):
        with pytest.raises(KeysMissing, match="was changed"):
            await runner.open(run, WANTED)
    await office.database.write(exchange)
    moved = msgspec.structs.replace
    for stolen in (moved(one, organisation_id="evil"), moved(one, pair_id=other.pair_id)):
        with pytest.raises(KeysMissing):
            await runner.open(stolen, WANTED)
    assert await runner.open(one, WANTED) == PASSWORD


async def test_a_runner_that_pretends_is_sealed_nothing_and_is_waited_for_by_nobody(office: Office):
    chosen = await prepared(office)
    runner = holding(office, "r1")
    await runner.look()
    await office.runs.start(ANN, chosen, keys=PASSWORD)
    run = await taken(office)
    forged = RunnerKey(
        id=key_id_of(bytes(range(32))),
        runner="r2",
        queue="default",
        public=bytes(range(32)),
        until_ns=2**62,
        proof=bytes(32),
    )
    await office.database.write(lambda connection: publish(connection, forged))
    await runner.look()
    assert await left(office) == (1, 1)
    # Whoever writes to the tables puts a box there: no runner waits for the one that is said to have it.
    values = {"runner_key_id": forged.id}
    await office.database.write(lambda connection: connection.execute(update(given_boxes).values(values)))
    with pytest.raises(KeysMissing, match="have ended"):
        await runner.open(run, WANTED)


async def test_a_run_that_needs_more_than_was_given_asks_and_what_it_does_not_need_is_not_kept(
    office: Office,
):
    chosen = await prepared(office)
    runner = holding(office, "r1")
    await runner.look()
    more = replace(PASSWORD, crypt_to=Secret("of no use to this pair"))
    await office.runs.start(ANN, chosen, keys=more)
    run = await taken(office)
    assert await runner.open(run, WANTED) == PASSWORD
    with pytest.raises(KeysMissing, match="needs more than was given"):
        await runner.open(run, WANTED | {Wanted.CRYPT_TO})


async def test_keys_of_runners_that_fell_silent_long_ago_are_removed(office: Office):
    await prepared(office)
    await holding(office, "r1").look()
    office.clock.advance(3_700)
    await holding(office, "r2").look()
    assert [row.runner for row in await office.rows(runner_keys)] == ["r2"]


async def test_a_start_with_a_key_that_nobody_can_take_or_use_does_nothing(office: Office):
    chosen = await prepared(office)
    with pytest.raises(NotPossible, match="no runner of the queue default"):
        await office.runs.start(ANN, chosen, keys=PASSWORD)
    await holding(office, "far", "far").look()
    with pytest.raises(NotPossible):
        await office.runs.start(ANN, chosen, keys=PASSWORD)
    runner = holding(office, "r1")
    await runner.look()
    office.clock.advance(21)
    with pytest.raises(NotPossible):
        await office.runs.start(ANN, chosen, keys=PASSWORD)
    await runner.look()
    for wrong, why in (
        (GivenKeys(), "no key"),
        (GivenKeys(crypt_to=Secret("x")), "none of these pairs"),
        (GivenKeys(open_with=Secret("canary")), "^open_with: "),
        (GivenKeys(crypt_from=Secret("c" * 9_000)), "at most 8000"),
        (GivenKeys(crypt_from=Secret("a\ud800canary")), "cannot be written"),
    ):
        with pytest.raises(InvalidConfiguration, match=why) as refused:
            await office.runs.start(ANN, chosen, keys=wrong)
        assert "canary" not in str(refused.value)
    with pytest.raises(PermissionDenied):
        await office.runs.give_keys(may_only("acme", Permission.READ), chosen, PASSWORD)
    stranger = await office.organisation("evil")
    with pytest.raises(NoSuchThing):
        await office.runs.give_keys(stranger, chosen, PASSWORD)
    assert ((await office.runs.page(ANN)).total, await left(office)) == (0, (0, 0))


async def test_a_run_that_starts_by_itself_waits_and_needs_all_that_its_pair_asks_for(office: Office):
    chosen = await prepared(office, crypt_from=True, crypt_to=True)
    runner = holding(office, "r1")
    await runner.look()
    await office.runs.start(ANN, chosen, trigger=Trigger.SCHEDULE)
    assert await office.runs.give_keys(ANN, chosen, PASSWORD) == 0, "the other one is missing"
    both = replace(PASSWORD, crypt_to=Secret("another"))
    assert await office.runs.give_keys(ANN, chosen, both) == 1
    run = await taken(office)
    assert await runner.open(run, frozenset({Wanted.CRYPT_FROM, Wanted.CRYPT_TO})) == both


async def test_canceling_and_deleting_leave_nothing(office: Office):
    chosen = await prepared(office)
    runner = holding(office, "r1")
    await runner.look()
    await office.runs.start(ANN, chosen, keys=PASSWORD)
    await office.runs.cancel(ANN, chosen)
    assert await left(office) == (0, 0)
    await runner.leave()
    assert await office.rows(runner_keys) == []


async def test_two_processes_make_one_secret(office: Office):
    assert await find_authority(office.vault) is None
    made = await make_authority(office.vault)
    assert await make_authority(office.vault) == made == await find_authority(office.vault)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (PairOptions(seal_to=("x",), crypt_to=True), "seal_to|crypt_to"),
        (PairOptions(open_with=True, crypt_from=True), "^crypt_from: "),
        (PairOptions(open_with=True, versions=2), "^versions: "),
    ],
)
async def test_what_does_not_go_together_is_refused_when_it_is_chosen(office: Office, wrong, why):
    ann = await office.organisation("acme")
    new = NewMigration(
        name="m",
        source_connection_id="acme-source",
        destination_connection_id="acme-target",
        options=wrong,
    )
    with pytest.raises(InvalidConfiguration, match=why):
        await office.migrations.create(ann, new)
