"""The folder on disk: a sub-folder for each process that runs, and what becomes of those of processes that died.

Each process holds a lock (flock) on a file in its sub-folder for as long as it lives; the kernel lets go of it however
the process ends. A sub-folder whose lock can be taken belongs to nobody, and its files are ciphertext whose key died
with its process: it is removed by the next process that starts.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import itertools
import os
import re
import secrets
from pathlib import Path

from mover.errors import InvalidConfiguration

_LOCK = "lock"
_PROCESS_FOLDER = re.compile(r"process-[0-9a-f]{16}")


class ProcessFolder:
    """The sub-folder of this process. Everything here may wait for a disk.

    Made by `claim`; `remove` ends it.
    """

    def __init__(self, path: Path, lock: io.FileIO) -> None:
        self._path = path
        self._lock = lock
        self._numbers = itertools.count(1)

    @classmethod
    def claim(cls, staging: Path) -> ProcessFolder:
        """Create a sub-folder for this process, and remove those of processes that are gone.

        The staging folder is created if need be, for its owner only; one that is there is used as it is.

        Raises:
            InvalidConfiguration: The staging folder cannot be used.
        """
        try:
            staging.mkdir(mode=0o700, parents=True, exist_ok=True)
            sweep(staging)
            while True:
                path = staging / f"process-{secrets.token_hex(8)}"
                path.mkdir(mode=0o700)
                if lock := _lock(path, create=True):
                    return cls(path, lock)
        except OSError as error:
            raise InvalidConfiguration(
                "the staging folder cannot be used",
                operation="staging",
                path=str(staging),
                said=error.strerror or "",
            ) from error

    def new_file(self) -> Path:
        """Return the path of a file that is not there yet."""
        return self._path / f"part-{next(self._numbers)}"

    def remove(self) -> None:
        """Remove the sub-folder with all that is in it, and let go of the lock. Idempotent."""
        with self._lock:
            _remove(self._path)


def sweep(staging: Path) -> None:
    """Remove what processes that died have left. Raises OSError if the folder cannot be read."""
    with os.scandir(staging) as entries:
        found = [
            Path(e) for e in entries if _PROCESS_FOLDER.fullmatch(e.name) and e.is_dir(follow_symlinks=False)
        ]
    for path in found:
        # Another process may be sweeping too, or the folder may be another person's. What cannot be removed now can be
        # read by nobody, and the next start tries again: no reason not to start.
        with contextlib.suppress(OSError):
            if lock := _lock(path, create=False):
                with lock:
                    _remove(path)
            else:
                path.rmdir()  # succeeds where a process died between making the folder and making the lock


def _lock(folder: Path, *, create: bool) -> io.FileIO | None:
    """Take a folder's lock; None if there is none to take, or another process has it."""
    path = folder / _LOCK
    try:
        lock = io.FileIO(path, "x" if create else "r+", opener=_open_privately)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.stat()  # another process may have swept the new folder before the lock was taken
    except (BlockingIOError, FileNotFoundError):
        lock.close()
        return None
    return lock


def _remove(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            if path.name != _LOCK:
                path.unlink()
        (
            folder / _LOCK
        ).unlink()  # last: a folder with files always has a lock that tells whether they are in use
        folder.rmdir()


def _open_privately(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
