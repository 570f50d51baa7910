"""The file that an archive is written into: there as a whole or not at all, and for its owner alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

from mover.errors import InvalidConfiguration
from mover.lawful.refusals import OutputRefused


class Output:
    """A file in the making, under another name beside its place. Blocks. Made by `new`."""

    def __init__(self, path: Path, making: Path, descriptor: int) -> None:
        self._path = path
        self._making = making
        self._descriptor = descriptor

    def write(self, content: bytes) -> None:
        """Append. Raises OutputRefused."""
        left = memoryview(content)
        with _refused(self._path):
            while left:
                left = left[os.write(self._descriptor, left) :]

    def sync(self) -> None:
        """Have all of it on the disk. Raises OutputRefused."""
        with _refused(self._path):
            os.fsync(self._descriptor)

    def put_in_place(self) -> None:
        """Give it its name. Raises InvalidConfiguration if something has it by now, and OutputRefused."""
        expect_free(self._path)
        with _refused(self._path):
            self._making.rename(self._path)


@contextlib.contextmanager
def new_output(path: Path) -> Iterator[Output]:
    """Make a file that goes to `path` with `put_in_place`, and is removed if that was not reached.

    Raises InvalidConfiguration (something is there already) and OutputRefused.
    """
    expect_free(path)
    making = path.with_name(f".{path.name[:200]}.{token_hex(4)}.partial")
    with _refused(path):
        descriptor = os.open(
            making, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
    try:
        yield Output(path, making, descriptor)
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):  # it has its name, which is what was wanted
            making.unlink()


def expect_free(path: Path) -> None:
    """Raise InvalidConfiguration if something is there."""
    if os.path.lexists(path):
        raise InvalidConfiguration(f"{path} is there already; nothing is overwritten")


@contextlib.contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputRefused(f"{path} cannot be written: {error.strerror}") from error
