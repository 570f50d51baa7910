"""A script of what goes wrong at the in-memory service, and when."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field

from mover.errors import MoverError


@dataclass
class Fault:
    """One thing that goes wrong. The first one that fits a call strikes, at most one a call.

    Attributes:
        operation: The contract's word (`read`, `upload`, `send`, ...); `*` for any.
        path: The entry's path, exactly; None for any. Of `begin`, `send` and `finish`: that of the finished file.
        times: How often it strikes; None for always.
        skip: How many fitting calls pass before.
        error: What is raised (a fresh copy each time): at once, or after `after_bytes` of a stream, or, with
            `lose_answer`, after the service has done all that was asked.
        corrupt_at: Offset in the stream of a byte that arrives altered.
        truncate_to: The stream ends after so many bytes, without a word.
        stall: The call waits until this event is set. Cancel the call to test that, too.
        action: Called when it strikes, before all else; to change the file that is being read, for example.
        struck: How often it struck so far.
        reached: Set when it first struck: what a test waits for.
    """

    operation: str
    path: str | None = None
    times: int | None = 1
    skip: int = 0
    error: MoverError | None = None
    after_bytes: int | None = None
    lose_answer: bool = False
    corrupt_at: int | None = None
    truncate_to: int | None = None
    stall: asyncio.Event | None = None
    action: Callable[[], object] | None = None
    struck: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def fits(self, operation: str, path: str) -> bool:
        """Tell whether it strikes this call, counting down `skip` and `times`."""
        if self.operation not in {operation, "*"} or self.path not in {path, None} or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        self.struck += 1
        return True

    async def begin(self) -> None:
        """Do what it does before the service has done anything."""
        self.reached.set()
        if self.action is not None:
            self.action()
        if self.stall is not None:
            await self.stall.wait()
        if self.after_bytes is None and not self.lose_answer:
            self._raise()

    async def spoil(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Pass a stream on as it arrives under this fault."""
        passed = 0
        limits = [limit for limit in (self.after_bytes, self.truncate_to) if limit is not None]
        async for chunk in chunks:
            arrived = bytearray(chunk[: min(limits) - passed] if limits else chunk)
            if self.corrupt_at is not None and passed <= self.corrupt_at < passed + len(arrived):
                arrived[self.corrupt_at - passed] ^= 0x01
            passed += len(arrived)
            yield bytes(arrived)
            if limits and passed >= min(limits):
                break
        if self.after_bytes is not None:
            self._raise()

    def end(self) -> None:
        """Do what it does after the service has done its work."""
        if self.lose_answer:
            self._raise()

    def _raise(self) -> None:
        if self.error is not None:
            raise copy.copy(self.error)


class FaultScript:
    """All faults that a service still has in store."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(
        self,
        operation: str,
        path: str | None = None,
        *,
        times: int | None = 1,
        skip: int = 0,
        error: MoverError | None = None,
        after_bytes: int | None = None,
        lose_answer: bool = False,
        corrupt_at: int | None = None,
        truncate_to: int | None = None,
        stall: asyncio.Event | None = None,
        action: Callable[[], object] | None = None,
    ) -> Fault:
        """Put a fault in store; see `Fault`. Returns it, so that a test can ask whether it struck."""
        fault = Fault(
            operation,
            path,
            times=times,
            skip=skip,
            error=error,
            after_bytes=after_bytes,
            lose_answer=lose_answer,
            corrupt_at=corrupt_at,
            truncate_to=truncate_to,
            stall=stall,
            action=action,
        )
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """From now on all goes well."""
        self._faults.clear()

    def strike(self, operation: str, path: str) -> Fault:
        """Return the fault that strikes a call; one that does nothing where all goes well."""
        return next((fault for fault in self._faults if fault.fits(operation, path)), Fault(operation))
