"""How much memory a scan needs, by the number of files."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measuring import run
from bench.tables import table

SIZES = (1_000, 1_000_000)


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """What a scan of made-up files cost, in a process of its own."""

    files: int
    wall_s: float
    cpu_s: float
    peak_bytes: int


def scans(folder: Path, sizes: Sequence[int]) -> Iterator[Scanned]:
    """Yield what the scan of each number of files cost. Raises CommandFailedError."""
    for files in sizes:
        with tempfile.TemporaryDirectory(dir=folder) as home:
            cost = run(
                [sys.executable, "-m", "bench.made_up_scan", str(files), home],
                environment={"PATH": os.defpath, "HOME": home},
                log=folder / "scan.log",
            )
        yield Scanned(
            files=int(cost.printed), wall_s=cost.wall_s, cpu_s=cost.cpu_s, peak_bytes=cost.peak_bytes
        )


def memory_table(scanned: Sequence[Scanned]) -> str:
    """Return the table of the case."""
    lines = (
        (
            "made-up",
            f"{one.files:,}",
            f"{one.wall_s:.1f}",
            f"{one.cpu_s / one.files * 1000:.2f}",
            f"{one.peak_bytes / 1e6:.0f}",
        )
        for one in scanned
    )
    header = ("account", "files", "wall s", "CPU s / 1,000 files", "peak MB")
    return f"### Memory of a scan against a destination with the same files\n\n{table(header, lines)}"
