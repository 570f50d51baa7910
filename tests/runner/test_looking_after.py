"""What a runner looks after by itself, whatever keeps it waiting elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from mover.errors import Unreachable
from mover.runner.bench import Draining, Pace
from mover.runner.runner import Runner


class Nowhere:
    """No Temporal."""

    async def client(self) -> Any:
        raise Unreachable("there is no Temporal here")


class Leaving:
    """A Temporal that takes its time to say that it is not there."""

    def __init__(self) -> None:
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def client(self) -> Any:
        self.asked.set()
        await self.may_answer.wait()
        raise Unreachable("there is no Temporal here")


class Calls:
    """Counts the calls of anything, and tells when there were enough."""

    def __init__(self, enough: int) -> None:
        self.count = 0
        self.enough = enough
        self.seen = asyncio.Event()

    async def __call__(self, *_: Any) -> list[Any]:
        self.count += 1
        if self.count >= self.enough:
            self.seen.set()
        return []


class OfThisMachine:
    """A database that has no clock of its own."""

    async def read(self, _work: object) -> None:
        return None


def parts_of(**chosen: Any) -> Any:
    """Of a runner for which nothing is to be done, but for what is chosen."""
    usual = {
        "place": SimpleNamespace(settings=SimpleNamespace(runner_silence_s=30), database=OfThisMachine()),
        "access": Nowhere(),
        "bench": SimpleNamespace(
            work=SimpleNamespace(overdue=Calls(1)),
            draining=Draining(),
            pace=Pace(reconcile_s=0.001),
            runner="r",
            engine=SimpleNamespace(staging=SimpleNamespace(memory_used=0, disk_used=0)),
            keys=SimpleNamespace(look=Calls(1), leave=Calls(1), every_s=1),
        ),
        "reconciler": SimpleNamespace(reconcile=Calls(1), put_schedules=Calls(1)),
        "scheduler": SimpleNamespace(fire_due=Calls(1)),
        "deliverer": SimpleNamespace(deliver_due=Calls(1)),
        "answering": SimpleNamespace(look=Calls(1)),
        "versions": None,
    }
    return SimpleNamespace(**{**usual, **chosen})


async def test_a_receiver_that_hangs_keeps_no_run_and_no_schedule_waiting():
    hanging, ended = asyncio.Event(), asyncio.Event()

    async def deliver_due() -> int:
        hanging.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return 0

    overdue, fired, reconciled, answered = Calls(3), Calls(3), Calls(3), Calls(3)
    parts = parts_of(
        reconciler=SimpleNamespace(reconcile=reconciled, put_schedules=Calls(1)),
        scheduler=SimpleNamespace(fire_due=fired),
        deliverer=SimpleNamespace(deliver_due=deliver_due),
        answering=SimpleNamespace(look=answered),
    )
    parts.bench.work.overdue = overdue
    runner = Runner(parts)
    running = asyncio.create_task(runner.run())
    async with asyncio.timeout(10):
        await hanging.wait()
        for calls in (overdue, fired, reconciled, answered):
            await calls.seen.wait()
        runner.end()
        await running
    assert ended.is_set()


async def test_a_runner_that_ends_looks_after_builds_no_more():
    looks = 0

    async def keep(pause: Callable[[float], Awaitable[None]]) -> None:
        nonlocal looks
        while True:
            looks += 1
            await pause(3600)

    leaving = Leaving()
    runner = Runner(parts_of(versions=SimpleNamespace(keep=keep), access=leaving))
    running = asyncio.create_task(runner.run())
    async with asyncio.timeout(10):
        await leaving.asked.wait()
        runner.end()
        for _ in range(100):  # it has still to come to its end
            await asyncio.sleep(0)
        leaving.may_answer.set()
        await running
    assert looks == 1
