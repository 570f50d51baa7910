"""Machines whose clocks are hours off: they do no work, others do all of it, and nobody is kept out.

`tests/database/test_clock.py` and `tests/runner/test_clock.py` show the same of each part, without such machines. This is for
CLOCK_SKEW=yes pytest tests/e2e/test_clock_skew.py
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
from tests.servers.clocks import clock

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.promise("availability", "P12"),
]


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Nothing of Mover's runs yet."""
    with contextmanager(using)(Kind.POSTGRESQL), fleet(tmp_path, fresh(tmp_path), monkeypatch) as made:
        yield made


@pytest.mark.skipif("CLOCK_SKEW" not in os.environ, reason="by hand, for the time that it takes")
async def test_clocks_that_are_hours_off_cost_hands_and_nothing_else(service: Fleet) -> None:
    (right, wrong), (right_runner, wrong_runner) = APIS, RUNNERS
    trust = ssl.create_default_context(cafile=service.certificates.ca_file)
    service.start(right)
    service.start(wrong, **clock("+3h"))
    service.start(right_runner)
    service.start(wrong_runner, **clock("+5h"))
    await asyncio.to_thread(service.wait_for, right)
    async with AsyncExitStack() as stack:
        moves = await stack.enter_async_context(Moves.of(service, random.Random(5)))
        visitors = await stack.enter_async_context(Visitors(service.url, trust, service.prepared))
        await moves.once()
        assert "5.0 hours ahead" in await told(service, wrong_runner)
        assert service.balancer.states()[wrong].startswith("DOWN")
        assert "3.0 hours ahead" in await told(service, wrong)
        moves.check()
    assert visitors.visits.failed == []
    assert all("fell silent" not in log_of(service, name) for name in RUNNERS)


async def told(service: Fleet, name: str) -> str:
    """What a part logs, once that is anything at all about a clock."""
    async with asyncio.timeout(60):
        while "clock of this machine" not in log_of(service, name):  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.1)
    return log_of(service, name)


def log_of(service: Fleet, name: str) -> str:
    path = service.logs / f"{name}.jsonl"
    return path.read_text() if path.exists() else ""
