"""What calls may cost: waiting for what the service has left, without a service."""

from __future__ import annotations

import asyncio

import pytest

from mover.connectors.microsoft.units import MANY, ONE, PERMISSIONS, Units, units_of

ITEM = "https://graph.microsoft.com/v1.0/drives/d/items/i"


class Clock:
    """Stands still but for those who sleep."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def units(clock: Clock) -> Units:
    return Units(clock, clock.sleep)


async def _call(
    units: Units,
    method: str = "GET",
    *,
    status: int = 200,
    told: tuple[str, str, str] = ("", "", ""),
    retry_after: str = "",
) -> None:
    limit, remaining, reset = told
    headers = {
        "RateLimit-Limit": limit,
        "RateLimit-Remaining": remaining,
        "RateLimit-Reset": reset,
        "Retry-After": retry_after,
    }
    async with units.spent(method, ITEM) as answered:
        answered(status, {name: text for name, text in headers.items() if text})


@pytest.mark.parametrize(
    ("method", "action", "cost"),
    [
        ("GET", "", ONE),
        ("GET", "/children?$top=1000", MANY),
        ("PUT", "", MANY),
        ("POST", "/createUploadSession", MANY),
        ("GET", "/permissions", PERMISSIONS),
        ("POST", "/invite", PERMISSIONS),
    ],
)
def test_calls_cost_what_the_service_says(method: str, action: str, cost: int) -> None:
    assert units_of(method, ITEM + action) == cost


async def test_nothing_is_waited_for_until_the_service_tells_of_a_limit(units: Units, clock: Clock) -> None:
    for _ in range(500):
        await _call(units, "PUT")
    assert clock.now_s == 1000.0


async def test_calls_go_on_with_what_is_left_and_then_wait_for_the_next_count(
    units: Units, clock: Clock
) -> None:
    await _call(units, told=("100", "3", "30"))
    for _ in range(3):
        await _call(units)
    assert clock.now_s == 1000.0
    await _call(units)
    assert clock.now_s == 1030.0
    await _call(units, "PUT")
    assert clock.now_s == 1030.0


async def test_an_answer_that_comes_late_does_not_raise_what_is_left(units: Units, clock: Clock) -> None:
    await _call(units, told=("100", "1", "30"))
    await _call(units, told=("100", "20", "30"))
    await _call(units)
    assert clock.now_s == 1030.0


async def test_what_is_under_way_is_taken_from_what_is_left(units: Units, clock: Clock) -> None:
    async with units.spent("PUT", ITEM):
        await _call(units, told=("100", "3", "30"))
        await _call(units)
        await _call(units)
    assert clock.now_s == 1030.0


@pytest.mark.parametrize("status", [429, 503])
async def test_a_refusal_lets_no_call_begin_before_its_time(units: Units, clock: Clock, status: int) -> None:
    await _call(units, status=status, retry_after="7")
    await _call(units)
    assert clock.now_s == 1007.0


@pytest.mark.parametrize("told", ["", "-1", "x", "1e9", "9" * 400, "\u0663"])
async def test_rubbish_is_passed_over(units: Units, clock: Clock, told: str) -> None:
    await _call(units, status=429, told=(told, told, told), retry_after=told)
    await _call(units, "PUT")
    assert clock.now_s == 1000.0


async def test_no_wait_is_longer_than_some_minutes(units: Units, clock: Clock) -> None:
    await _call(units, told=("100", "0", "999999999"))
    await _call(units)
    assert clock.now_s == 1300.0


async def test_of_a_small_limit_few_writes_are_under_way_at_once_and_reads_never_wait_for_them(
    units: Units,
) -> None:
    await _call(units, told=("10", "", ""))
    go_on, first, begun = asyncio.Event(), asyncio.Event(), 0

    async def write() -> None:
        nonlocal begun
        async with units.spent("PUT", ITEM):
            begun += 1
            first.set()
            await go_on.wait()

    writes = [asyncio.create_task(write()) for _ in range(4)]
    await first.wait()
    await _call(units)
    assert begun == 1
    writes[1].cancel()
    go_on.set()
    await asyncio.wait(writes)
    assert begun == 3
