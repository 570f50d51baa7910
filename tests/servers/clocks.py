"""Clocks that are wrong: libfaketime, for a process that is started with these variables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def clock(ahead: str) -> Mapping[str, str]:
    """What a process gets into its environment, so that its clock is ahead, `+5h`, or behind, `-20m`.

    How time passes stays as it is. It cannot be changed while the process runs: timers of libraries would stand still.
    """
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    return {"LD_PRELOAD": str(library), "FAKETIME": ahead, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
