"""Figures for Prometheus. No label names an organisation, a connection or a path."""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from mover.ledger.states import ItemState
from mover.runner.slices import Slice
from mover.staging import Staging
from mover.workplace.pacers import Pacers

_WAITS_S = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200)
_NS = 1_000_000_000


class Measures:
    """Figures of one runner, in a registry of their own."""

    def __init__(
        self,
        *,
        staging: Staging | None = None,
        pacers: Pacers | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        registry = self.registry = CollectorRegistry()
        self._now_ns = now_ns
        self.files = Counter(
            "mover_files", "Files that came to an end, by outcome.", ["outcome"], registry=registry
        )
        self.received = Counter("mover_received_bytes", "Bytes read from sources.", registry=registry)
        self.ended_bytes = Counter(
            "mover_ended_bytes", "Sizes of the files that came to an end.", registry=registry
        )
        self.slices = Counter(
            "mover_slices", "Slices of runs that ended, by how.", ["end"], registry=registry
        )
        self.slices_now = Gauge("mover_slices_now", "Slices under way.", registry=registry)
        self.waits = Histogram(
            "mover_queue_wait_seconds",
            "From when a run could be taken until it was.",
            buckets=_WAITS_S,
            registry=registry,
        )
        self.staged = Gauge(
            "mover_staged_bytes", "Bytes in staging, encrypted.", ["place"], registry=registry
        )
        self.throttles = Counter("mover_throttles", "Pauses that services asked for.", registry=registry)
        if staging is not None:
            self.staged.labels("memory").set_function(lambda: staging.memory_used)
            self.staged.labels("disk").set_function(lambda: staging.disk_used)
        self._pacers = pacers
        self._pauses = 0
        for state in ItemState:  # so that each is there from the first moment
            self.files.labels(state.value)

    @contextmanager
    def slice(self) -> Iterator[Measured]:
        """Measure one slice."""
        self.slices_now.inc()
        measured = Measured(self)
        try:
            yield measured
        finally:
            measured.look()
            self.slices_now.dec()

    def look(self) -> None:
        """Take over what is counted elsewhere."""
        if self._pacers is not None:
            pauses = self._pacers.pauses
            self.throttles.inc(pauses - self._pauses)
            self._pauses = pauses

    def waited(self, since_ns: int) -> None:
        """Count how long a run waited."""
        self.waits.observe(max(0.0, (self._now_ns() - since_ns) / _NS))


class Measured:
    """One slice under measure."""

    def __init__(self, measures: Measures) -> None:
        self._measures = measures
        self._slice: Slice | None = None
        self._states: Tally[ItemState] = Tally()
        self._received = 0
        self._done = 0

    def of(self, made: Slice) -> None:
        """Say which slice it is, once it is there."""
        self._slice = made
        self._measures.waited(made.waiting_since_ns)

    def look(self) -> None:
        """Add what has been done since the last look."""
        self._measures.look()
        if self._slice is None:
            return
        progress = self._slice.progress
        for state, count in progress.states.items():
            self._measures.files.labels(state.value).inc(count - self._states[state])
        self._measures.received.inc(progress.bytes_received - self._received)
        self._measures.ended_bytes.inc(progress.bytes_done - self._done)
        self._states = progress.states.copy()
        self._received, self._done = progress.bytes_received, progress.bytes_done

    def ended(self, end: str) -> None:
        """Say how it ended."""
        self._measures.slices.labels(end).inc()
