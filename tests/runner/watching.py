"""Looking at processes and waiting for what they do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path


def listening(pid: int) -> list[str]:
    """Addresses that a process listens on, as the kernel writes them: `0100007F:1C41` is 127.0.0.1:7233."""
    sockets = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(str(link.readlink()))
        except FileNotFoundError:  # closed meanwhile
            continue
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and f"socket:[{words[9]}]" in sockets:
                found.append(words[1])
    return found


async def until(condition: Callable[[], object], within_s: float = 240) -> None:
    """Wait until a condition holds. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - other processes set no events here
            await asyncio.sleep(0.02)
