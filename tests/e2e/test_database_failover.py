"""The database server dies in the middle of everything, and its standby takes over."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.e2e.command import Mover
from tests.e2e.fleet import APIS, Fleet, fleet
from tests.e2e.moves import Moves
from tests.e2e.visitors import Visitors
from tests.servers.replicated import Replicated, replicated

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.promise("availability", "P12"),
]

_FAILED = "SELECT name, state, reason, message FROM items WHERE state IN ('failed', 'conflict')"


@pytest.fixture
def pair() -> Iterator[Replicated]:
    with replicated(synchronous=True) as servers:
        yield servers


@pytest.fixture
def service(pair: Replicated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Everything, running on the two database servers."""
    Mover(tmp_path / "upgrader", MOVER_DATABASE_URL=pair.url()).run("db", "upgrade", code=0)
    with fleet(tmp_path, pair.url(), monkeypatch) as made:
        made.start_all()
        yield made


async def test_a_failover_costs_nobody_a_request_and_no_file(service: Fleet, pair: Replicated) -> None:
    trust = ssl.create_default_context(cafile=service.certificates.ca_file)
    async with AsyncExitStack() as stack:
        moves = await stack.enter_async_context(Moves.of(service, random.Random(6)))
        visitors = await stack.enter_async_context(Visitors(service.url, trust, service.prepared))
        async with asyncio.TaskGroup() as group:
            moving = group.create_task(moves.again_and_again())
            await moves.under_way()
            began = time.monotonic()
            await asyncio.to_thread(pair.kill_first)
            # As long as it takes until nobody is ready; with patience, they who come meanwhile are served nevertheless.
            await asyncio.to_thread(service.wait_for, *APIS, state="DOWN")
            await asyncio.to_thread(pair.promote_second)
            away_s = time.monotonic() - began
            before = visitors.visits.done.copy()
            await moves.under_way()
            moves.enough()
            await moving

    visits = visitors.visits
    print(f"longest visit {visits.longest_s:.2f} s, server away for {away_s:.2f} s")  # noqa: T201 - figures
    assert visits.failed == []
    assert all(visits.done[what] > count for what, count in before.items() if not what.startswith("listen"))
    moves.check()
    assert pair.second.execute(_FAILED) == []
