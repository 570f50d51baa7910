"""One run of a pair at a time, on this machine."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mover.errors import Locked


class AlreadyRunning(Locked):
    """Another process runs this pair; a database that is busy is Locked alone."""


@contextmanager
def pair_lock(folder: Path, pair_id: int) -> Iterator[None]:
    """Hold the lock of a pair. It ends with the process, however that ends.

    Raises AlreadyRunning if another process holds it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / f"pair-{pair_id}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning("another mover process is working on this very pair right now") from None
        yield
    finally:
        os.close(descriptor)
