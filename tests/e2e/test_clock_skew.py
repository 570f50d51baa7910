"""Machines whose clocks are hours off: they do no work, others do all of it, and nobody is kept out.

`tests/database/test_clock.py` and `tests/runner/test_clock.py` show the same of each part, without such machines. The whole
fleet takes half a minute, so it is for CLOCK_SKEW=yes pytest tests/e2e/test_clock_skew.py
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
from tests.e2e.command import Mover
from tests.e2e.fleet import APIS, RUNNERS, Fleet, fleet
from tests.e2e.moves import Moves
from tests.e2e.visitors import Visitors
from tests.servers.clocks import clock
from tests.servers.processes import free_port
from tests.servers.service import answers

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.promise("availability", "P12"),
]


PARTS = [(("api",), "-3h", "3.0 hours behind"), (("runner",), "+5h", "5.0 hours ahead")]


@pytest.fixture
def postgresql(tmp_path: Path) -> Iterator[str]:
    """A database whose server has the right time."""
    with contextmanager(using)(Kind.POSTGRESQL):
        yield fresh(tmp_path)


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Nothing of Mover's runs yet."""
    with contextmanager(using)(Kind.POSTGRESQL), fleet(tmp_path, fresh(tmp_path), monkeypatch) as made:
        yield made


@pytest.mark.parametrize(("words", "ahead", "said"), PARTS)
def test_a_process_whose_clock_is_off_says_so_and_does_nothing(
    words: tuple[str, ...], ahead: str, said: str, postgresql: str, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    shared = {"MOVER_DATABASE_URL": postgresql, "MOVER_LOG_FILE": str(log)}
    port = free_port()
    ports = ("--host", "localhost", "--port", str(port)) if "api" in words else ()
    process = Mover(tmp_path / "mover", **shared, **clock(ahead)).start(*words, *ports)
    ca_file = tmp_path / "mover" / "state" / "tls" / "ca.pem"

    def has_said_so() -> bool:
        if ports:
            assert not answers(port, ca_file, "/readyz")  # it is only looked at when a load balancer asks
        return log.exists() and f"clock of this machine is {said}" in log.read_text()

    try:
        process.runs_until(has_said_so)
        if ports:
            assert answers(port, ca_file, "/healthz")
        else:
            assert "no work is taken" in log.read_text()
    finally:
        process.kill()


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
