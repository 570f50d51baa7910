"""What a kind of database provides: transactions in the caller's thread, and locks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class SoleRight:
    """What `Database.lock` gives: `lost` says that it ended before its block did."""

    def __init__(self) -> None:
        self.lost = False


class Store(Protocol):
    """One database, open. Methods block, but for `lock`; `Database` calls them in threads.

    `given_up` is set when the caller was cancelled: then nothing is tried again.
    """

    @property
    def writers(self) -> int:
        """How many threads may write at once."""

    @property
    def readers(self) -> int:
        """How many threads may read at once."""

    @property
    def longest_key(self) -> int | None:
        """Bytes of a text that can be looked up; None where any can."""

    def set_up(self) -> None:
        """Make the database if it can be made, and see to it that its schema is the right one."""

    def write(self, work: Callable[[Connection], T], given_up: threading.Event) -> T:
        """Run `work` in a transaction that might as well be the only one; it may have to be repeated as a whole."""

    def read(self, work: Callable[[Connection], T], given_up: threading.Event) -> T:
        """Run `work` on a snapshot."""

    def forget_removed(self) -> None:
        """Let nothing that was removed or overwritten be found where the database writes; as far as others let it."""

    def lock(self, name: str) -> AbstractAsyncContextManager[SoleRight]:
        """Have the sole right to something for the time of a block."""

    def close(self) -> None:
        """Close all connections."""
