from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.database_url import Kind, as_runner, fresh, in_use
from tests.servers.temporal import TemporalServer, temporal

from mover.migrations.scheduler import Scheduler
from mover.runner.bench import Pace
from mover.runner.client import TemporalAccess
from mover.runner.orchestration import TemporalOrchestration
from mover.runner.reconciler import Reconciler
from mover.runner.runner import Runner, open_runner
from mover.settings import Settings
from mover.vault.secret import Secret
from mover.workplace.workplace import Workplace, open_workplace

QUICK = Pace(longest_s=600, look_s=0.1, quiet_s=1, drain_s=2, reconcile_s=0.5)
TOLD = Pace(look_s=0.1, quiet_s=1, drain_s=2, reconcile_s=3600)
"""Nothing happens but what somebody tells Temporal, after a runner's first look."""


@dataclass(frozen=True)
class Service:
    """What a test of runners works with: an open workplace, Temporal, and the API's way to nudge."""

    place: Workplace
    temporal: TemporalServer
    access: TemporalAccess
    orchestration: TemporalOrchestration
    reconciler: Reconciler

    @asynccontextmanager
    async def running(self, **choices: Any) -> AsyncIterator[Runner]:
        """A runner at work, in this process, with a client of its own: one client serves one worker a queue."""
        access = TemporalAccess(self.place.settings, interceptors=choices.pop("interceptors", ()))
        async with (
            self._runners_place() as place,
            open_runner(place, access, pace=choices.pop("pace", QUICK), **choices) as runner,
        ):
            task = asyncio.create_task(runner.run())
            try:
                yield runner
            finally:
                runner.end()
                runner.end()
                async with asyncio.timeout(
                    120
                ):  # one that does not end is a failure, and no reason to wait for ever
                    await task

    @asynccontextmanager
    async def _runners_place(self) -> AsyncIterator[Workplace]:
        """The same place; on PostgreSQL with the rights of a runner, where this one has those of the API."""
        if in_use() is Kind.SQLITE:
            yield self.place
            return
        url = Secret(as_runner(self.place.settings.database_url.reveal()))
        async with open_workplace(self.place.settings.model_copy(update={"database_url": url})) as place:
            yield dataclasses.replace(place, wrap=self.place.wrap)


@pytest.fixture
def temporal_server(tmp_path: Path) -> Iterator[TemporalServer]:
    """A Temporal of the test's own, since runs of several databases must not meet in one; it starts in half a second."""
    folder = tmp_path / "temporal"
    folder.mkdir()
    with temporal(folder) as server:
        yield server


@pytest.fixture
def serving(
    temporal_server: TemporalServer, mover_home: Path, tmp_path: Path
) -> Callable[..., AbstractAsyncContextManager[Service]]:
    """Open a service that may use local folders of the test; other settings besides Temporal's address are arguments."""

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[Service]:
        settings.setdefault("local_folders", (tmp_path,))
        chosen = Settings(
            temporal_address=temporal_server.address, database_url=Secret(fresh(mover_home)), **settings
        )
        async with open_workplace(chosen) as place:
            access = TemporalAccess(chosen)
            reconciler = Reconciler(place.database, access, Scheduler(place.database))
            yield Service(place, temporal_server, access, TemporalOrchestration(reconciler), reconciler)

    return opened


@pytest.fixture
async def service(
    serving: Callable[..., AbstractAsyncContextManager[Service]],
) -> AsyncIterator[Service]:
    """A service with the settings that nobody has changed."""
    async with contextlib.AsyncExitStack() as stack:
        yield await stack.enter_async_context(serving())
