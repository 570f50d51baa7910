"""What takes a while."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

_jobs = itertools.count(1)


class Job:
    """Something that takes a while.

    Attributes:
        due_ns: When it is done.
        work: Does it, and returns what `complete` tells.
    """

    def __init__(self, due_ns: int, subject: object, work: Callable[[], dict[str, Any]]) -> None:
        self.id = f"dbjid:AAC{next(_jobs):030d}"
        self.due_ns = due_ns
        self.subject = subject
        self.result: dict[str, Any] | None = None
        self._work = work

    def advance(self, now_ns: int) -> None:
        """Do it, if its time has come."""
        if self.result is None and now_ns >= self.due_ns:
            self.result = self._work()
