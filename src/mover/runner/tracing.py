"""What log lines and traces of one piece of work have in common. Traces cost nothing unless somewhere to send them is set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from structlog.contextvars import bound_contextvars


@contextmanager
def about(**ids: object) -> Iterator[None]:
    """Put ids into every line that is logged within: `organisation`, `run`. Ids only, no names."""
    with bound_contextvars(**ids):
        yield
