"""Waits are exponential, full of jitter, and never shorter than what the service wished."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.transport.fake_clock import FakeClock

from mover.errors import Changed, IntegrityError, Throttled, Transient, Unreachable
from mover.transport.retries import Retries, RetryPolicy, may_help


class Upper(random.Random):
    def uniform(self, a: float, b: float) -> float:
        assert a == 0
        return b


def test_the_longest_wait_doubles_up_to_the_cap() -> None:
    policy = RetryPolicy(first_s=1, cap_s=60)
    waits = [policy.wait_s(tried, Unreachable("gone"), Upper()) for tried in range(1, 10)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@given(tried=st.integers(1, 10_000), seed=st.integers())
def test_a_wait_of_our_own_is_between_nothing_and_the_cap(tried: int, seed: int) -> None:
    assert 0 <= RetryPolicy(cap_s=60).wait_s(tried, Unreachable("gone"), random.Random(seed)) <= 60


@given(tried=st.integers(1, 50), wished=st.floats(0.001, 100_000), seed=st.integers())
def test_what_the_service_wishes_is_waited_exactly(tried: int, wished: float, seed: int) -> None:
    error = Throttled("slow down", retry_after_s=wished)
    assert RetryPolicy().wait_s(tried, error, random.Random(seed)) == wished


def test_a_service_that_throttles_and_wishes_for_no_pause_is_left_alone_all_the_same() -> None:
    error = Throttled("slow down", retry_after_s=0.0)
    assert RetryPolicy(first_s=1).wait_s(1, error, Upper()) == 1


def test_waits_differ_from_one_another() -> None:
    rng = random.Random(7)
    assert len({RetryPolicy().wait_s(4, Unreachable("gone"), rng) for _ in range(100)}) == 100


@pytest.mark.parametrize("error", [Changed("edited"), IntegrityError("other bytes")])
def test_what_needs_another_plan_or_other_bytes_is_not_repeated(error: Transient) -> None:
    assert not may_help(error)


async def tries(policy: RetryPolicy, error: Transient) -> tuple[int, FakeClock]:
    """Count the tries of an operation that always fails."""
    clock = FakeClock()

    async def sleep(seconds: float) -> None:
        clock.slept.append(seconds)
        clock.now += seconds

    retries = Retries(policy, sleep=sleep, clock=clock, rng=Upper())

    async def try_forever() -> None:
        for count in itertools.count(1):
            counted.append(count)
            await retries.wait_or_raise(error)

    counted: list[int] = []
    with pytest.raises(type(error)) as raised:
        await try_forever()
    assert raised.value is error
    return counted[-1], clock


async def test_five_tries_then_the_error_itself() -> None:
    count, clock = await tries(RetryPolicy(), Unreachable("gone"))
    assert count == 5
    assert clock.slept == [1, 2, 4, 8]


async def test_no_try_is_waited_for_beyond_the_total() -> None:
    count, clock = await tries(RetryPolicy(attempts=1000, total_s=100), Unreachable("gone"))
    assert sum(clock.slept) <= 100
    assert count == 7  # 1 + 2 + 4 + 8 + 16 + 32, and 60 more would be too much


async def test_a_wish_beyond_the_total_is_not_waited_for_at_all() -> None:
    count, clock = await tries(RetryPolicy(total_s=100), Throttled("tomorrow", retry_after_s=86400))
    assert (count, clock.slept) == (1, [])


async def test_being_throttled_is_waited_for_as_often_as_the_total_allows() -> None:
    count, clock = await tries(RetryPolicy(total_s=100), Throttled("later", retry_after_s=10))
    assert (count, clock.slept) == (11, [10] * 10)


async def test_an_error_that_cannot_be_helped_is_raised_at_once() -> None:
    assert (await tries(RetryPolicy(), Changed("edited")))[0] == 1


async def test_progress_forgets_earlier_failures() -> None:
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    retries = Retries(RetryPolicy(attempts=2), sleep=sleep, rng=Upper())
    for _ in range(10):
        await retries.wait_or_raise(Unreachable("gone"))
        retries.progressed()
    assert slept == [1] * 10
