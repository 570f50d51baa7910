"""Locks that are files: for databases that are one."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from mover.database.failures import DatabaseUnusable, Held
from mover.database.store import SoleRight

_LONGEST_NAME = 200  # bytes; file systems take 255


@asynccontextmanager
async def file_lock(folder: Path, name: str) -> AsyncIterator[SoleRight]:
    """Hold the lock of that name, a file in a folder. The kernel lets it go with the process, however that ends.

    Raises Held at once if somebody else has it, and DatabaseUnusable.
    """
    path = folder / _file_name(name)
    descriptor = _opened(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Held(f"somebody else holds the lock {name!r}") from None
        yield SoleRight()
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseUnusable(f"the lock {str(path)!r} cannot be made: {error.strerror}") from None


def _file_name(name: str) -> str:
    safe = quote(name, safe=" ", errors="surrogatepass")
    if len(safe) > _LONGEST_NAME:
        safe = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{safe}.lock"
