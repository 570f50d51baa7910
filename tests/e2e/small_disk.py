"""A disk with little room: a tmpfs that only root can mount."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def small_disk(place: Path, mebibytes: int) -> Iterator[Path]:
    """Mount an empty disk of that size at `place`, for the time of a `with` block."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def grow(place: Path, mebibytes: int) -> None:
    """Give a mounted disk more room."""
    subprocess.run(["mount", "-o", f"remount,size={mebibytes}m", place], check=True)
