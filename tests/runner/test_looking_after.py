"""What a runner looks after by itself, whatever keeps it waiting elsewhere."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from mover.errors import Unreachable
from mover.runner.runner import Runner
from mover.runner.slices import Draining, Pace


class Nowhere:
    """No Temporal."""

    async def client(self) -> Any:
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
    parts: Any = SimpleNamespace(
        place=SimpleNamespace(settings=SimpleNamespace(runner_silence_s=30), database=OfThisMachine()),
        access=Nowhere(),
        bench=SimpleNamespace(
            work=SimpleNamespace(overdue=overdue),
            draining=Draining(),
            pace=Pace(reconcile_s=0.001),
            runner="r",
            engine=SimpleNamespace(staging=SimpleNamespace(memory_used=0, disk_used=0)),
        ),
        reconciler=SimpleNamespace(reconcile=reconciled, put_schedules=Calls(1)),
        scheduler=SimpleNamespace(fire_due=fired),
        deliverer=SimpleNamespace(deliver_due=deliver_due),
        answering=SimpleNamespace(look=answered),
        versions=None,
    )
    runner = Runner(parts)
    running = asyncio.create_task(runner.run())
    async with asyncio.timeout(10):
        await hanging.wait()
        for calls in (overdue, fired, reconciled, answered):
            await calls.seen.wait()
        runner.end()
        await running
    assert ended.is_set()
