"""The audit log is sealed while the API runs, whatever becomes of the copies."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from mover.errors import Unreachable
from mover.serving.audit_keeping import audit_kept

pytestmark = pytest.mark.promise("audit")


class Calls:
    """Counts calls, and tells when there were enough."""

    def __init__(self, enough: int, answer: Any = None, *troubles: Exception) -> None:
        self._left = enough
        self._answer = answer
        self._troubles = list(troubles)
        self.seen = asyncio.Event()

    async def __call__(self, *_: Any) -> Any:
        self._left -= 1
        if self._left <= 0:
            self.seen.set()
        if self._troubles:
            raise self._troubles.pop()
        return self._answer


class Told:
    """What is measured."""

    def __init__(self) -> None:
        self.events: list[int] = []
        self.lags: list[tuple[str, int]] = []

    def unsealed(self, events: int) -> None:
        self.events.append(events)

    def lagging(self, receiver: str, events: int) -> None:
        self.lags.append((receiver, events))


async def test_a_receiver_that_hangs_and_troubles_keep_nothing_from_being_sealed() -> None:
    hanging = asyncio.Event()

    async def never() -> None:
        hanging.set()
        await asyncio.Event().wait()

    seal, closed, told = Calls(4, None, Unreachable("gone"), ValueError("a defect")), Calls(1), Told()
    copies: Any = SimpleNamespace(
        names=("syslog",), send_due=never, lag=Calls(1, {"syslog": 7}), close=closed
    )
    database: Any = SimpleNamespace(read=Calls(1, (3, 0)))

    async with audit_kept(database, SimpleNamespace(seal_due=seal), copies, measured=told, every_s=0):  # type: ignore[arg-type]  # as much as is used
        await asyncio.wait_for(asyncio.gather(seal.seen.wait(), hanging.wait()), 30)

    assert set(told.events) == {3}
    assert told.lags == [("syslog", 7)]
    assert closed.seen.is_set()


async def test_how_far_copies_lag_is_told_also_when_they_fail() -> None:
    told = Told()
    send = Calls(3, None, Unreachable("gone"))
    copies: Any = SimpleNamespace(
        names=("syslog",), send_due=send, lag=Calls(1, {"syslog": 7}), close=Calls(1)
    )
    database: Any = SimpleNamespace(read=Calls(1, (0, None)))

    async with audit_kept(database, SimpleNamespace(seal_due=Calls(1)), copies, measured=told, every_s=0):  # type: ignore[arg-type]  # as much as is used
        await asyncio.wait_for(send.seen.wait(), 30)

    assert len(told.lags) >= 2


async def test_without_a_receiver_nothing_is_copied() -> None:
    seal, send = Calls(2), Calls(1)
    copies: Any = SimpleNamespace(names=(), send_due=send, lag=Calls(1, {}), close=Calls(1))

    async with audit_kept(SimpleNamespace(), SimpleNamespace(seal_due=seal), copies, every_s=0):  # type: ignore[arg-type]  # as much as is used
        await asyncio.wait_for(seal.seen.wait(), 30)

    assert not send.seen.is_set()
