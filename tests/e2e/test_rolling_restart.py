"""Every part is restarted, one after the other, while people and programs use the service and files are moved.

`ROUNDS=10 pytest tests/e2e/test_rolling_restart.py` restarts everything ten times.
"""

from __future__ import annotations

import asyncio
import os
import random
import ssl
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest
from tests.database_url import Kind, fresh, using
from tests.e2e.fleet import APIS, RUNNERS, Fleet, fleet
from tests.e2e.moves import Moves
from tests.e2e.visitors import Visitors

ROUNDS = int(os.environ.get("ROUNDS", "1"))

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(240 + 120 * ROUNDS),
    pytest.mark.promise("availability", "P12"),
]


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Everything, running."""
    with contextmanager(using)(Kind.POSTGRESQL), fleet(tmp_path, fresh(tmp_path), monkeypatch) as made:
        made.start_all()
        yield made


async def test_a_rolling_restart_costs_nobody_a_request_and_no_file(service: Fleet) -> None:
    trust = ssl.create_default_context(cafile=service.certificates.ca_file)
    took: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        moves = await stack.enter_async_context(Moves.of(service, random.Random(5)))
        visitors = await stack.enter_async_context(Visitors(service.url, trust, service.prepared))
        async with asyncio.TaskGroup() as group:
            moving = group.create_task(moves.again_and_again())
            for name in (*APIS, *RUNNERS) * ROUNDS:
                await moves.under_way()
                took[name] = await asyncio.to_thread(service.stop, name)
                service.start(name)
                if name in APIS:
                    await asyncio.to_thread(service.wait_for, name)
            service.temporal.kill()
            service.temporal.start()
            await moves.under_way()
            moves.enough()
            await moving
        orderly = list(visitors.visits.failed)
        await asyncio.to_thread(service.kill, APIS[0])  # not in order: only what it had in hand is lost
        await asyncio.to_thread(service.wait_for, APIS[0], state="DOWN")

    visits = visitors.visits
    print(visits.done, f"longest {visits.longest_s:.2f} s; moves: {moves.rounds}; {took}")  # noqa: T201 - figures
    assert orderly == []
    # What only asks was asked of the other one; the rest is for browsers and programs to say again.
    assert all(failure.startswith(("change something", "listen at")) for failure in visits.failed), (
        visits.failed
    )
    assert (
        len(visits.done) == 7
    )  # each way of using it, streams that were ended with their API and begun anew as well
    moves.check()
