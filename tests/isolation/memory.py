"""Looking for bytes in the memory of a process, as somebody could who has taken it over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_STEP = 16 << 20


def memory_holds(pid: int, wanted: Sequence[bytes]) -> list[bool]:
    """Tell of each text whether it stands in what the process can write to."""
    found = [False] * len(wanted)
    overlap = max(map(len, wanted))
    regions = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in regions:
            words = line.split()
            if not words[1].startswith("rw") or words[-1] in {"[vvar]", "[vsyscall]"}:
                continue
            start, end = (int(edge, 16) for edge in words[0].split("-"))
            while start < end:
                memory.seek(start)
                try:
                    piece = memory.read(min(_STEP, end - start))
                except OSError:  # it was given back meanwhile
                    break
                if not piece:
                    break
                found = [known or text in piece for known, text in zip(found, wanted, strict=True)]
                start += len(piece) if start + len(piece) >= end else max(1, len(piece) - overlap)
    return found
