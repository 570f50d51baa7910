"""A token at hand: who gets it, when it is replaced, and what happens when that fails."""

from __future__ import annotations

import asyncio
import math

import pytest

from mover.errors import AccountSuspended, SignInFailed, Throttled, Unreachable
from mover.transport.oauth.app_tokens import AccessToken, AppTokens
from mover.transport.oauth.holding import HeldToken
from mover.transport.oauth.tokens import FixedTokens
from mover.vault.secret import Secret


class Source:
    """Gives out `t1`, `t2`, ...; says whom it was asked for."""

    def __init__(self, lifetime_s: float = 3600) -> None:
        self.now = 1_000_000.0
        self.lifetime_s = lifetime_s
        self.asked: list[object] = []
        self.failure: Exception | None = None
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def obtain(self, what: object) -> AccessToken:
        self.asked.append(what)
        await self.goes_on.wait()
        if self.failure is not None:
            raise self.failure
        return AccessToken(Secret(f"t{len(self.asked)}"), self.now + self.lifetime_s)

    def held(self, at_first: AccessToken | None = None) -> HeldToken:
        return HeldToken(self.obtain, lambda: self.now, at_first)


async def test_one_token_serves_until_five_minutes_before_its_end():
    source = Source()
    held = source.held()
    assert [(await held.access()).reveal() for _ in range(3)] == ["t1"] * 3
    source.now += 3299
    assert (await held.access()).reveal() == "t1"
    source.now += 1
    assert (await held.access()).reveal() == "t2"


async def test_a_short_life_is_used_by_half():
    source = Source(lifetime_s=60)
    held = source.held()
    await held.access()
    source.now += 29
    assert (await held.access()).reveal() == "t1"
    source.now += 1
    assert (await held.access()).reveal() == "t2"


async def test_a_life_that_is_over_before_it_begins_does_not_make_every_request_ask():
    source = Source(lifetime_s=-100)
    held = source.held()
    for _ in range(5):
        assert (await held.access()).reveal() == "t1"
    source.now += 10
    assert (await held.access()).reveal() == "t2"


async def test_a_token_that_never_ends_is_kept():
    source = Source()
    held = source.held(AccessToken(Secret("given"), math.inf))
    source.now += 10**9
    assert (await held.access()).reveal() == "given"
    assert source.asked == []


async def test_many_tasks_ask_once():
    source = Source()
    held = source.held()
    source.goes_on.clear()
    tasks = [asyncio.create_task(held.access()) for _ in range(20)]
    await asyncio.sleep(0)
    source.goes_on.set()
    assert {(await task).reveal() for task in tasks} == {"t1"}
    assert len(source.asked) == 1


async def test_tasks_that_waited_for_a_failure_are_told_of_it_and_the_next_one_tries_again():
    source = Source()
    held = source.held()
    source.goes_on.clear()
    source.failure = AccountSuspended("the account is suspended")
    tasks = [asyncio.create_task(held.access()) for _ in range(20)]
    await asyncio.sleep(0)
    source.goes_on.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {AccountSuspended}
    assert len(source.asked) == 1

    source.failure = None
    assert (await held.access()).reveal() == "t2"


async def test_a_task_that_gives_up_leaves_the_others_their_turn():
    source = Source()
    held = source.held()
    source.goes_on.clear()
    first, second = asyncio.create_task(held.access()), asyncio.create_task(held.access())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    source.goes_on.set()
    assert (await second).reveal() == "t2"


async def test_what_is_still_good_is_used_while_the_service_is_away_and_not_after_its_end():
    source = Source()
    held = source.held()
    await held.access()
    source.now += 3400
    source.failure = Unreachable("away")
    assert (await held.access()).reveal() == "t1"
    assert (await held.access()).reveal() == "t1"
    assert len(source.asked) == 2
    source.now += 31
    assert (await held.access()).reveal() == "t1"
    assert len(source.asked) == 3
    source.now += 200
    with pytest.raises(Unreachable):
        await held.access()


@pytest.mark.parametrize("left_s", [-1, 200])
async def test_a_service_is_left_alone_for_as_long_as_it_asks(left_s: float):
    source = Source()
    held = source.held(AccessToken(Secret("old"), source.now + left_s))
    source.failure = Throttled("slow down", retry_after_s=120)
    waits: list[float] = []
    for _ in range(12):
        try:
            assert await held.access() == Secret("old")
        except Throttled as error:
            waits.append(error.retry_after_s or 0)
        source.now += 10
    assert waits == ([120, *range(110, 0, -10)] if left_s < 0 else [])
    assert len(source.asked) == 1
    source.failure = None
    assert (await held.access()).reveal() == "t2"


async def test_a_refused_sign_in_is_told_although_the_token_is_still_good():
    source = Source()
    held = source.held()
    await held.access()
    source.now += 3400
    source.failure = SignInFailed("revoked")
    with pytest.raises(SignInFailed):
        await held.access()


async def test_a_refused_token_is_replaced_once_however_many_saw_it():
    source = Source()
    held = source.held(AccessToken(Secret("old"), math.inf))
    old = await held.access()
    held.refuse(old)
    held.refuse(old)
    assert (await held.access()).reveal() == "t1"
    held.refuse(old)  # a slow one
    assert (await held.access()).reveal() == "t1"
    assert source.asked == [Secret("old")]


async def test_a_refused_token_is_not_used_while_the_service_is_away():
    source = Source()
    held = source.held(AccessToken(Secret("old"), math.inf))
    held.refuse(Secret("old"))
    source.failure = Unreachable("away")
    with pytest.raises(Unreachable):
        await held.access()


async def test_a_service_that_refuses_everything_is_not_asked_for_tokens_without_end():
    source = Source()
    held = source.held()
    for _ in range(50):
        held.refuse(await held.access())
    assert len(source.asked) == 4
    source.now += 61
    held.refuse(await held.access())
    await held.access()
    assert len(source.asked) == 5


async def test_an_app_has_a_token_for_each_user():
    source = Source()
    tokens = AppTokens(source.obtain, lambda: source.now)
    ann, ben, own = await tokens.access("ann"), await tokens.access("ben"), await tokens.access()
    assert [ann.reveal(), ben.reveal(), own.reveal()] == ["t1", "t2", "t3"]
    assert source.asked == ["ann", "ben", None]
    await tokens.refused(ann, "ann")
    assert (await tokens.access("ann")).reveal() == "t4"
    assert (await tokens.access("ben")).reveal() == "t2"
    source.now += 3400
    await asyncio.gather(*(tokens.access(subject) for subject in ("ann", "ben", None) for _ in range(5)))
    assert len(source.asked) == 7


async def test_of_very_many_users_the_first_are_forgotten():
    source = Source()
    tokens = AppTokens(source.obtain, lambda: source.now)
    for number in range(10_001):
        await tokens.access(str(number))
    await tokens.access("10000")
    assert len(source.asked) == 10_001
    await tokens.access("0")
    assert len(source.asked) == 10_002


async def test_a_fixed_token_is_refused_for_good():
    tokens = FixedTokens(Secret("x"))
    assert await tokens.access() == Secret("x")
    with pytest.raises(SignInFailed):
        await tokens.refused(Secret("x"))
