"""Live events of runs. However many browsers look, each organisation's runs are asked for once a second, and only then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

from sqlalchemy import Connection

from mover.api.events import queries
from mover.api.problems import HttpProblem
from mover.database.database import Database
from mover.errors import MoverError
from mover.migrations.records import PairRun

PER_SESSION = 4
IN_ALL = 1000

_EVERY_S = 1.0
_MOST_OPEN = 2000
_AT_ONCE = 500
_BEHIND = 50

_log = logging.getLogger(__name__)

Changes = Sequence[PairRun]
Queue = asyncio.Queue[Changes | None]


class RunEvents:
    """Tells who listens which runs have changed. None in a queue: it is over.

    Args:
        database: Asked for what changed.
        every_s: Pause between two questions.
    """

    def __init__(self, database: Database, *, every_s: float = _EVERY_S) -> None:
        self._database = database
        self._every_s = every_s
        self._listeners: dict[str, dict[Queue, str]] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._known: set[str] = set()
        self._closed = False

    @property
    def watching(self) -> frozenset[str]:
        """The organisations whose runs are known by now: what changes from now on is told."""
        return frozenset(self._known)

    def check(self, session_id: str) -> None:
        """Raise HttpProblem (429) if this session, or all together, listen too often already."""
        if self._closed:
            raise _too_many("this Mover is about to end")
        present = [session for listeners in self._listeners.values() for session in listeners.values()]
        if present.count(session_id) >= PER_SESSION:
            raise _too_many(f"this session has {PER_SESSION} pages with live events open")
        if len(present) >= IN_ALL:
            raise _too_many("too many pages with live events are open")

    @asynccontextmanager
    async def listen(self, organisation_id: str, session_id: str) -> AsyncIterator[Queue]:
        """Get a queue of what changes from now on, for as long as the context lasts. Raises as `check`."""
        self.check(session_id)
        queue: Queue = asyncio.Queue(_BEHIND)
        listeners = self._listeners.setdefault(organisation_id, {})
        listeners[queue] = session_id
        if organisation_id not in self._watchers:
            self._watchers[organisation_id] = asyncio.create_task(self._watch(organisation_id))
        try:
            yield queue
        finally:
            listeners.pop(queue, None)
            if not listeners and self._listeners.get(organisation_id) is listeners:
                del self._listeners[organisation_id]
                self._known.discard(organisation_id)
                if watcher := self._watchers.pop(organisation_id, None):
                    watcher.cancel()

    async def close(self) -> None:
        """End all streams, so that a server that is about to end need not wait for browsers. Idempotent."""
        self._closed = True
        for listeners in self._listeners.values():
            for queue in listeners:
                _end(queue)
        watchers = list(self._watchers.values())
        for watcher in watchers:
            watcher.cancel()
        if watchers:
            await asyncio.wait(watchers)

    async def _watch(self, organisation_id: str) -> None:
        seen: dict[int, PairRun] | None = None
        newest = 0
        while True:
            try:
                if seen is None:
                    newest = await self._database.read(lambda c: queries.last_run_id(c, organisation_id))
                now = await self._database.read(
                    self._question(organisation_id, newest, frozenset(seen or ()))
                )
            except MoverError as error:  # the database is busy or gone for a while
                _log.warning("live events of %s wait: %s", organisation_id, error)
            else:
                changed = [run for run in now if seen is not None and seen.get(run.id) != run]
                newest = max((newest, *(run.id for run in now)))
                seen = {run.id: run for run in now if run.ended_ns is None}
                self._known.add(organisation_id)
                if changed:
                    self._tell(organisation_id, changed)
            await asyncio.sleep(self._every_s)

    @staticmethod
    def _question(
        organisation_id: str, newest: int, before: frozenset[int]
    ) -> Callable[[Connection], list[PairRun]]:
        def ask(connection: Connection) -> list[PairRun]:
            now = queries.open_and_new(connection, organisation_id, after=newest, limit=_MOST_OPEN)
            ended = sorted(before - {run.id for run in now})[-_AT_ONCE:]
            return [*now, *queries.runs_of(connection, organisation_id, ended)] if ended else now

        return ask

    def _tell(self, organisation_id: str, changed: Changes) -> None:
        for queue in self._listeners.get(organisation_id, ()):
            try:
                queue.put_nowait(changed)
            except asyncio.QueueFull:  # the browser does not keep up: it comes back and begins anew
                _end(queue)


def _end(queue: Queue) -> None:
    while queue.full():
        queue.get_nowait()
    queue.put_nowait(None)


def _too_many(detail: str) -> HttpProblem:
    return HttpProblem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "throttled",
        detail,
        advice="Close some, or look again later.",
        headers={"Retry-After": "10"},
    )
