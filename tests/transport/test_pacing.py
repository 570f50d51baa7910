"""The pacer learns: slowly up, quickly down, and no further than the service wishes."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from tests.transport.fake_clock import FakeClock

from mover.errors import NotFound, ServiceFault, Throttled, Unreachable
from mover.transport.pacing import Pacer


class NoJitter(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return min(a, b)


class MostJitter(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def pacer(clock: FakeClock, start: int = 4, most: int = 8, **more: Any) -> Pacer:
    return Pacer(start, most, clock=clock, sleep=clock.sleep, rng=more.pop("rng", NoJitter()), **more)


class Operation:
    """Holds a slot until it is told how to end."""

    def __init__(self, pace: Pacer, *, read: bool = False) -> None:
        self.started = False
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(self._run(pace, read=read))

    async def _run(self, pace: Pacer, *, read: bool) -> None:
        async with pace.slot(read=read):
            self.started = True
            await self.end

    async def succeed(self) -> None:
        self.end.set_result(None)
        await self.task

    async def fail(self, error: Exception) -> None:
        self.end.set_exception(error)
        with pytest.raises(type(error)):
            await self.task


async def started(clock: FakeClock, operations: list[Operation]) -> int:
    await clock.settle()
    return sum(operation.started for operation in operations)


async def finish(clock: FakeClock, operations: list[Operation]) -> None:
    for operation in operations:
        if not operation.end.done():
            operation.end.set_result(None)
    await clock.run_until_idle()
    await asyncio.gather(*(operation.task for operation in operations))


async def test_no_more_operations_run_than_the_account_bears_at_first(clock: FakeClock) -> None:
    pace = pacer(clock, start=3)
    operations = [Operation(pace) for _ in range(10)]
    assert await started(clock, operations) == 3
    await finish(clock, operations)


async def test_operations_start_in_the_order_of_their_coming(clock: FakeClock) -> None:
    pace = pacer(clock, start=1, most=1)
    order = []

    async def operation(number: int) -> None:
        async with pace.slot():
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(operation(number) for number in range(20)))
    assert order == list(range(20))


async def limits_of_rising(clock: FakeClock, pace: Pacer) -> list[int]:
    """The limit after each success of one operation among as many as may run."""
    limits = []
    for _ in range(40):
        operations = [Operation(pace) for _ in range(pace.limit)]
        await clock.run_until_idle()
        await operations[0].succeed()
        limits.append(pace.limit)
        for operation in operations[1:]:
            operation.task.cancel()
        await asyncio.gather(*(operation.task for operation in operations), return_exceptions=True)
    return limits


async def test_the_limit_rises_by_about_one_for_each_limitful_of_successes_and_stops_at_the_most(
    clock: FakeClock,
) -> None:
    pace = pacer(clock, start=8, most=6)
    await Operation(pace).fail(Throttled("slow down"))
    await finish(clock, [Operation(pace)])
    limits = await limits_of_rising(clock, pace)
    assert limits[:3] == [3, 3, 3]
    assert limits[3] == 4
    assert limits[9] == 5
    assert limits[-1] == 6
    assert max(limits) == 6


async def test_an_account_that_has_never_throttled_rises_by_a_half_for_each_limitful(
    clock: FakeClock,
) -> None:
    pace = pacer(clock, start=4, most=12)
    limits = await limits_of_rising(clock, pace)
    assert limits[:5] == [4, 5, 5, 6, 6]
    assert limits[15] == 12
    assert max(limits) == 12


async def successes_until(clock: FakeClock, pace: Pacer, limit: int) -> int:
    """Count operations that succeed, one after the other among as many as may run, until so many may run."""
    for count in range(1000):
        if pace.limit >= limit:
            return count
        operations = [Operation(pace) for _ in range(pace.limit)]
        await clock.run_until_idle()
        await operations[0].succeed()
        for operation in operations[1:]:
            operation.task.cancel()
        await asyncio.gather(*(operation.task for operation in operations), return_exceptions=True)
    raise AssertionError(f"the limit never came to {limit}")


async def test_the_height_at_which_the_service_throttled_is_reached_again_slowly_and_then_forgotten(
    clock: FakeClock,
) -> None:
    pace = pacer(clock, start=4, most=8)
    await Operation(pace).fail(Throttled("slow down"))
    assert pace.limit == 2
    assert await successes_until(clock, pace, 3) <= 4
    assert await successes_until(clock, pace, 4) >= 10
    assert await successes_until(clock, pace, 5) <= 6


async def test_the_limit_does_not_rise_while_it_is_not_used(clock: FakeClock) -> None:
    pace = pacer(clock, start=4, most=8)
    for _ in range(100):
        async with pace.slot():
            pass
    assert pace.limit == 4


async def test_throttling_halves_once_for_all_calls_that_were_on_their_way(clock: FakeClock) -> None:
    pace = pacer(clock, start=8, most=8)
    operations = [Operation(pace) for _ in range(8)]
    await clock.settle()
    clock.now += 0.05
    for operation in operations:
        await operation.fail(Throttled("slow down"))
    assert pace.limit == 4


async def test_a_refused_shared_call_pauses_all_and_lets_as_many_come_back_together(clock: FakeClock) -> None:
    pace = pacer(clock, start=8, most=8)
    operations = [Operation(pace) for _ in range(8)]
    await clock.settle()
    for operation in operations:
        error = Throttled("slow down", retry_after_s=7.0)
        error.in_turn = True
        await operation.fail(error)
    assert pace.limit == 8
    assert pace.pause_left_s >= 7


async def test_throttling_of_a_later_call_halves_again_and_never_below_one(clock: FakeClock) -> None:
    pace = pacer(clock, start=8, most=8)
    for expected in (4, 2, 1, 1):
        operation = Operation(pace)
        await clock.run_until_idle()
        clock.now += 1
        await operation.fail(Throttled("slow down"))
        assert pace.limit == expected


async def test_retry_after_pauses_the_whole_account_and_no_call_starts_earlier(clock: FakeClock) -> None:
    waits: list[float] = []
    pace = pacer(clock, on_wait=waits.append)
    await Operation(pace).fail(Throttled("slow down", retry_after_s=12))
    assert waits == [12]
    assert pace.pause_left_s == 12
    begun = clock.now
    operations = [Operation(pace) for _ in range(3)]
    assert await started(clock, operations) == 0
    await clock.run_until_idle()
    assert await started(clock, operations) == 2  # halved from 4
    assert clock.now >= begun + 12
    await finish(clock, operations)


@pytest.mark.parametrize("wish", [None, 0.0])
async def test_an_account_that_is_throttled_rests_even_if_the_service_wishes_for_no_pause(
    wish: float | None, clock: FakeClock
) -> None:
    pace = pacer(clock)
    await Operation(pace).fail(Throttled("slow down", retry_after_s=wish))
    assert pace.pause_left_s == 0.5


async def test_jitter_makes_a_pause_longer_never_shorter(clock: FakeClock) -> None:
    pace = pacer(clock, rng=MostJitter())
    await Operation(pace).fail(Throttled("slow down", retry_after_s=10))
    assert pace.pause_left_s == pytest.approx(11)


async def test_a_shorter_wish_does_not_shorten_a_pause_and_a_longer_one_prolongs_it(clock: FakeClock) -> None:
    pace = pacer(clock)
    operations = [Operation(pace) for _ in range(3)]
    await clock.settle()
    await operations[0].fail(Throttled("slow down", retry_after_s=30))
    await operations[1].fail(Throttled("slow down", retry_after_s=5))
    assert pace.pause_left_s == 30
    await operations[2].fail(Throttled("slow down", retry_after_s=60))
    assert pace.pause_left_s == 60


async def test_a_service_that_names_no_time_is_left_alone_longer_each_time(clock: FakeClock) -> None:
    waits: list[float] = []
    pace = pacer(clock, on_wait=waits.append)
    for _ in range(10):
        operation = Operation(pace)
        await clock.run_until_idle()
        clock.now += 1
        await operation.fail(Throttled("slow down"))
    assert waits[:4] == [0.5, 1, 2, 4]
    assert waits[-1] == 60
    async with asyncio.TaskGroup() as group:
        group.create_task(clock.run_until_idle())
        group.create_task(Operation(pace).succeed())
    clock.now += 1
    await Operation(pace).fail(Throttled("slow down"))
    assert waits[-1] == 0.5


async def test_a_fault_with_a_wish_pauses_but_does_not_slow_down(clock: FakeClock) -> None:
    pace = pacer(clock)
    await Operation(pace).fail(ServiceFault("maintenance", retry_after_s=7))
    assert pace.pause_left_s == 7
    assert pace.limit == 4


@pytest.mark.parametrize("error", [Unreachable("gone"), NotFound("no"), ValueError("defect")])
async def test_errors_that_say_nothing_about_the_account_change_nothing(
    clock: FakeClock, error: Exception
) -> None:
    pace = pacer(clock)
    await Operation(pace).fail(error)
    assert (pace.limit, pace.pause_left_s, pace.running) == (4, 0, 0)


async def test_one_throttled_account_never_slows_another(clock: FakeClock) -> None:
    throttled, other = pacer(clock), pacer(clock)
    await Operation(throttled).fail(Throttled("slow down", retry_after_s=3600))
    operations = [Operation(other) for _ in range(4)]
    assert await started(clock, operations) == 4
    assert clock.slept == []
    await finish(clock, operations)


async def test_reads_that_hold_all_slots_do_not_keep_an_upload_out(clock: FakeClock) -> None:
    pace = pacer(clock, start=2, most=2)
    reads = [Operation(pace, read=True) for _ in range(4)]
    assert await started(clock, reads) == 2
    upload, second = Operation(pace), Operation(pace)
    assert await started(clock, [upload]) == 1
    assert await started(clock, [second]) == 0
    await upload.succeed()
    assert await started(clock, [second]) == 1
    await finish(clock, [*reads, second])


async def test_uploads_that_hold_all_slots_do_not_keep_the_read_out_that_they_may_wait_for(
    clock: FakeClock,
) -> None:
    pace = pacer(clock, start=2, most=2)
    uploads = [Operation(pace) for _ in range(4)]
    assert await started(clock, uploads) == 2
    read, second = Operation(pace, read=True), Operation(pace, read=True)
    assert await started(clock, [read]) == 1
    assert await started(clock, [second]) == 0
    await read.succeed()
    assert await started(clock, [second]) == 1
    await finish(clock, [*uploads, second])


async def test_a_rate_spaces_the_starts_evenly(clock: FakeClock) -> None:
    pace = pacer(clock, start=8, rate=4)
    times = []

    async def operation() -> None:
        async with pace.slot():
            times.append(clock.now)

    operations = [asyncio.create_task(operation()) for _ in range(5)]
    await clock.run_until_idle()
    await asyncio.gather(*operations)
    assert [time - times[0] for time in times] == [0, 0.25, 0.5, 0.75, 1]


async def test_cancelling_gives_back_the_slot_whether_waiting_paused_or_running(clock: FakeClock) -> None:
    pace = pacer(clock, start=1, most=1)
    running, waiting = Operation(pace), Operation(pace)
    await clock.settle()
    for operation in (waiting, running):
        operation.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await operation.task
    await Operation(pace).fail(Throttled("slow down", retry_after_s=5))
    paused = Operation(pace)
    await clock.settle()
    paused.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await paused.task
    assert pace.running == 0
    last = Operation(pace)
    await clock.run_until_idle()
    assert last.started
    await finish(clock, [last])


async def test_a_waiter_cancelled_in_the_moment_of_its_admission_passes_the_slot_on(clock: FakeClock) -> None:
    pace = pacer(clock, start=1, most=1)
    first, second, third = Operation(pace), Operation(pace), Operation(pace)
    await clock.settle()
    first.end.set_result(None)
    await first.task  # admits the second, which has not run yet
    second.task.cancel()
    assert await started(clock, [third]) == 1
    assert second.task.cancelled()
    await finish(clock, [third])


async def test_a_waiter_that_is_cancelled_is_not_admitted(clock: FakeClock) -> None:
    pace = pacer(clock, start=1, most=1)
    first, second, third = Operation(pace), Operation(pace), Operation(pace)
    await clock.settle()
    second.task.cancel()
    first.end.set_result(None)
    await first.task
    assert await started(clock, [third]) == 1
    assert not second.started
    await finish(clock, [third])
