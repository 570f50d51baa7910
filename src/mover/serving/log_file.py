"""A log file that several processes may write to, and that does not grow for ever."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_LARGEST = 16 << 20  # bytes; then the file is put aside, and the one before it goes


class LogFile:
    """A file that is made when there is something to write, and that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def msg(self, line: str) -> None:
        """Append a line. What cannot be logged is lost: a full disk must not end a move."""
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._put_aside()
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, line.encode("utf-8", "backslashreplace") + b"\n")
            finally:
                os.close(descriptor)

    debug = info = warning = warn = error = critical = fatal = exception = log = msg

    def _put_aside(self) -> None:
        """Begin a new file where the old one has grown too large."""
        with contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_size > _LARGEST:
                self.path.replace(self.path.with_suffix(".old.jsonl"))
