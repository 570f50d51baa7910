from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.callers import ORGANISATION, a_caller, an_actor
from tests.database_url import BOTH, Kind, fresh, on_sqlite, using

from mover.api.admitted import Admitted
from mover.api.idempotency.keys import KEPT_S, Attempt, IdempotencyKeys, KeptAnswer, attempt_of
from mover.api.idempotency.queries import forget_organisation
from mover.api.problems import HttpProblem
from mover.database.database import Database

_ANSWER = KeptAnswer(201, [("content-type", "application/json")], b'{"secret":"canary-shown-once"}')


class _Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(params=BOTH)
def database_kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    """All of it on both."""
    yield from using(Kind(request.param))


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def keys(database: Database, clock: _Clock) -> IdempotencyKeys:
    return IdempotencyKeys(database, now=clock)


def _attempt(
    *,
    caller: Admitted | None = None,
    path: str = "/api/v1/maps",
    body: bytes = b"{}",
    key: str = "one",
    query: str = "",
) -> Attempt:
    return attempt_of(caller or a_caller(), "POST", path, query, body, key)


async def test_the_second_request_gets_the_answer_of_the_first(keys: IdempotencyKeys) -> None:
    assert await keys.begin(_attempt(), limit_s=30) is None
    await keys.end(_attempt(), _ANSWER)

    assert await keys.begin(_attempt(), limit_s=30) == _ANSWER


@pytest.mark.parametrize("spelled", ['"one"', " one ", "one"])
async def test_a_key_may_be_quoted_as_the_draft_wants(keys: IdempotencyKeys, spelled: str) -> None:
    await keys.begin(_attempt(), limit_s=30)
    await keys.end(_attempt(), _ANSWER)

    assert await keys.begin(_attempt(key=spelled), limit_s=30) == _ANSWER


@pytest.mark.parametrize("other", [{"body": b'{"a":1}'}, {"query": "dry_run=true"}], ids=["body", "query"])
async def test_a_key_is_not_for_another_request(keys: IdempotencyKeys, other: dict) -> None:
    await keys.begin(_attempt(), limit_s=30)
    await keys.end(_attempt(), _ANSWER)

    with pytest.raises(HttpProblem) as raised:
        await keys.begin(_attempt(**other), limit_s=30)

    assert (raised.value.status_code, raised.value.reason) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    "other",
    [
        {"path": "/api/v1/webhooks"},
        {"key": "two"},
        {"caller": a_caller(actor=an_actor(id="b" * 32))},
        {"caller": a_caller(actor=an_actor(organisation_id="b" * 32))},
    ],
    ids=["address", "key", "caller", "organisation"],
)
async def test_a_key_is_of_one_caller_and_one_address(keys: IdempotencyKeys, other: dict) -> None:
    await keys.begin(_attempt(), limit_s=30)

    assert await keys.begin(_attempt(**other), limit_s=30) is None


async def test_while_the_first_is_under_way_the_second_is_told_to_wait(keys: IdempotencyKeys) -> None:
    await keys.begin(_attempt(), limit_s=30)

    with pytest.raises(HttpProblem) as raised:
        await keys.begin(_attempt(), limit_s=30)

    assert (raised.value.status_code, raised.value.reason) == (409, "under_way")
    assert raised.value.headers is not None
    assert raised.value.headers["Retry-After"] == "1"


async def test_after_a_crash_nothing_is_done_by_itself_again(keys: IdempotencyKeys, clock: _Clock) -> None:
    await keys.begin(_attempt(), limit_s=30)
    clock.now_s += 31

    with pytest.raises(HttpProblem) as raised:
        await keys.begin(_attempt(), limit_s=30)

    assert (raised.value.status_code, raised.value.reason) == (409, "outcome_unknown")


async def test_a_request_that_failed_in_the_middle_is_known_to_at_once(keys: IdempotencyKeys) -> None:
    await keys.begin(_attempt(), limit_s=30)
    await keys.interrupt(_attempt())

    with pytest.raises(HttpProblem) as raised:
        await keys.begin(_attempt(), limit_s=30)

    assert raised.value.reason == "outcome_unknown"


async def test_the_key_of_a_refused_request_is_free_again(keys: IdempotencyKeys) -> None:
    await keys.begin(_attempt(), limit_s=30)
    await keys.release(_attempt())

    assert await keys.begin(_attempt(body=b"corrected"), limit_s=30) is None


async def test_of_many_at_once_one_is_done(keys: IdempotencyKeys) -> None:
    results = await asyncio.gather(
        *(keys.begin(_attempt(), limit_s=30) for _ in range(20)), return_exceptions=True
    )

    assert results.count(None) == 1
    assert sum(isinstance(result, HttpProblem) for result in results) == 19


async def test_of_two_processes_at_once_one_is_done(keys: IdempotencyKeys, tmp_path: Path) -> None:
    other = await Database.open(fresh(tmp_path / "home"))
    try:
        results = await asyncio.gather(
            keys.begin(_attempt(), limit_s=30),
            IdempotencyKeys(other, now=lambda: 1_000_000.0).begin(_attempt(), limit_s=30),
            return_exceptions=True,
        )
    finally:
        await other.close()

    assert results.count(None) == 1


async def test_after_a_day_the_key_is_forgotten(keys: IdempotencyKeys, clock: _Clock) -> None:
    await keys.begin(_attempt(), limit_s=30)
    await keys.end(_attempt(), _ANSWER)
    clock.now_s += KEPT_S

    assert await keys.begin(_attempt(body=b"new"), limit_s=30) is None


async def test_a_rotated_credential_neither_opens_the_answer_nor_repeats_the_request(
    keys: IdempotencyKeys,
) -> None:
    await keys.begin(_attempt(), limit_s=30)
    await keys.end(_attempt(), _ANSWER)

    with pytest.raises(HttpProblem) as raised:
        await keys.begin(_attempt(caller=a_caller("mvr_rotated")), limit_s=30)

    assert (raised.value.status_code, raised.value.reason) == (409, "idempotency_key_taken")


async def test_an_answer_that_is_too_large_is_not_kept_and_the_request_not_repeated(
    keys: IdempotencyKeys,
) -> None:
    await keys.begin(_attempt(), limit_s=30)
    await keys.end(_attempt(), KeptAnswer(200, [], b"x" * 300_000))

    with pytest.raises(HttpProblem) as raised:
        await keys.begin(_attempt(), limit_s=30)

    assert raised.value.reason == "answer_not_kept"


@on_sqlite
async def test_the_database_holds_neither_answer_nor_request_nor_credential(
    keys: IdempotencyKeys, database: Database, tmp_path: Path
) -> None:
    attempt = _attempt(body=b'{"password":"canary-password"}', key="canary-key")
    await keys.begin(attempt, limit_s=30)
    await keys.end(attempt, _ANSWER)
    await database.close()

    raw = b"".join(file.read_bytes() for file in (tmp_path / "home").iterdir())

    assert attempt.id.encode() in raw
    assert b"canary" not in raw
    assert b"mvr_a_credential" not in raw


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "ü", "a b", "a\tb", '""'])
def test_a_key_that_cannot_be_one_is_refused(key: str) -> None:
    with pytest.raises(HttpProblem) as raised:
        _attempt(key=key)

    assert raised.value.status_code == 400


async def test_the_requests_of_a_deleted_organisation_go_in_batches(
    keys: IdempotencyKeys, database: Database
) -> None:
    for key in "abc":
        await keys.begin(_attempt(key=key), limit_s=30)

    removed = [
        await database.write(lambda connection: forget_organisation(connection, ORGANISATION, 2))
        for _ in range(3)
    ]

    assert removed == [2, 1, 0]
