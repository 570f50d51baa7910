"""One `mover serve` for each MOVER_HOME."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mover.errors import InvalidConfiguration, Locked


@contextmanager
def alone_in(home: Path) -> Iterator[None]:
    """Be the only `mover serve` of a MOVER_HOME for the time of a `with` block.

    The lock goes with the process, however it ends. Raises Locked, InvalidConfiguration.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(home / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InvalidConfiguration(f"MOVER_HOME {str(home)!r} cannot be used: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with contextlib.suppress(ValueError):
                number = int(os.pread(descriptor, 20, 0).decode("ascii", "replace"))
                raise Locked(f"another mover serve (process {number}) works with {str(home)!r}") from None
            raise Locked(f"another mover serve works with {str(home)!r}") from None
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
