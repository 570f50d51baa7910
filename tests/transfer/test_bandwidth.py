"""The bandwidth limit keeps its rate, is fair and can be cancelled. Time is simulated."""

import asyncio

import pytest

from mover.errors import InvalidConfiguration
from mover.transfer.bandwidth import Bandwidth, parse_rate


class Time:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0
        self.slept: list[float] = []
        self.gate: asyncio.Event | None = None
        self.somebody_sleeps = asyncio.Event()

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.somebody_sleeps.set()
        if self.gate is not None:
            await self.gate.wait()
        self.now_s += seconds


@pytest.fixture
def simulated() -> Time:
    return Time()


def limited(rate: int, simulated: Time) -> Bandwidth:
    return Bandwidth(rate, clock=simulated.clock, sleep=simulated.sleep)


async def test_without_a_limit_nothing_waits(simulated: Time) -> None:
    bandwidth = Bandwidth(None, clock=simulated.clock, sleep=simulated.sleep)

    for _ in range(100):
        await bandwidth.take(1 << 40)

    assert simulated.slept == []


async def test_a_quarter_of_a_second_passes_at_once_and_no_more(simulated: Time) -> None:
    bandwidth = limited(1000, simulated)

    await bandwidth.take(250)
    assert simulated.slept == []

    await bandwidth.take(100)
    assert simulated.now_s == pytest.approx(1_000_000.1)


@pytest.mark.parametrize("piece", [1, 7, 100, 999, 5000])
async def test_the_rate_holds_for_pieces_of_any_size(simulated: Time, piece: int) -> None:
    bandwidth = limited(1000, simulated)
    started = simulated.now_s

    for _ in range(20_000 // piece):
        await bandwidth.take(piece)

    taken = 20_000 // piece * piece
    assert simulated.now_s - started == pytest.approx((taken - 250) / 1000, abs=0.002)


async def test_idle_time_saves_up_no_more_than_a_burst(simulated: Time) -> None:
    bandwidth = limited(1000, simulated)
    simulated.now_s += 3600

    await bandwidth.take(1250)

    assert sum(simulated.slept) == pytest.approx(1.0)


async def test_those_who_wait_are_served_in_order(simulated: Time) -> None:
    bandwidth = limited(1000, simulated)
    await bandwidth.take(250)
    served: list[int] = []

    async def one(number: int, size: int) -> None:
        await bandwidth.take(size)
        served.append(number)

    async with asyncio.TaskGroup() as tasks:
        for number, size in enumerate((100_000, 1, 50, 1)):
            tasks.create_task(one(number, size))

    assert served == [0, 1, 2, 3]


async def test_one_who_is_cancelled_has_used_nothing_and_blocks_nobody(simulated: Time) -> None:
    bandwidth = limited(1000, simulated)
    await bandwidth.take(250)
    simulated.gate = asyncio.Event()
    greedy = asyncio.create_task(bandwidth.take(1_000_000))
    queued = asyncio.create_task(bandwidth.take(1_000_000))
    modest = asyncio.create_task(bandwidth.take(500))
    await simulated.somebody_sleeps.wait()

    greedy.cancel()
    queued.cancel()
    simulated.gate.set()
    await modest

    assert greedy.cancelled()
    assert queued.cancelled()
    assert simulated.now_s == pytest.approx(1_000_000.5)


async def test_taking_nothing_costs_nothing(simulated: Time) -> None:
    bandwidth = limited(1, simulated)

    await bandwidth.take(0)

    assert simulated.slept == []


def test_a_rate_below_a_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        Bandwidth(0)


@pytest.mark.parametrize(
    ("text", "rate"), [("10M", 10 << 20), ("10M/s", 10 << 20), ("1.5K", 1536), ("off", None), ("0", None), (" 1 ", 1)]
)  # fmt: skip
def test_rates_as_people_type_them(text: str, rate: int | None) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "-1M", "0.1", "10M/h"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(InvalidConfiguration):
        parse_rate(text)
