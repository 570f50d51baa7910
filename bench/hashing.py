"""How fast bytes are hashed and staged on this machine: MB/s, and the ratio to plain MD5 by `hashlib`.

    python bench/hashing.py

Each figure is the best of several rounds, so that what else the machine does matters less; the ratio compares better
between machines than the rate.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import uvloop

from mover.entries import HashName
from mover.hashing import SUPPORTED, MultiHasher
from mover.staging import StagedPart, Staging
from mover.staging.sealing import SEGMENT, TAG, FileKey

ROUNDS = 5
PIECE = os.urandom(1024 * 1024)
PIECES = 64
PART = PIECES * len(PIECE)
SMALL_FILE = 4096
SMALL_FILES = 2000
S3_PART = 8 * 1024 * 1024


def best_s(work: Callable[[], None]) -> float:
    """Return the time of the fastest round in seconds."""
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


async def best_async_s(work: Callable[[], Awaitable[None]]) -> float:
    """Return the time of the fastest round in seconds."""
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        await work()
        times.append(time.perf_counter() - begin)
    return min(times)


def plain_md5() -> None:
    """Hash a part with `hashlib` alone: the yardstick."""
    md5 = hashlib.md5(usedforsecurity=False)
    for _ in range(PIECES):
        md5.update(PIECE)


def hashing(names: Iterable[HashName]) -> Callable[[], None]:
    """Return work that hashes a part."""

    def work() -> None:
        hasher = MultiHasher(names, s3_part_size=S3_PART)
        for _ in range(PIECES):
            hasher.update(PIECE)
        hasher.hexdigests()

    return work


def sealing() -> None:
    """Encrypt a part, and nothing else."""
    seal = FileKey().next_part()
    sealed = memoryview(bytearray(SEGMENT + TAG))
    for segment in range(PIECES):
        seal.seal_into(sealed, PIECE, segment, last=False)


async def source(piece: bytes, pieces: int) -> AsyncIterator[bytes]:
    """Yield a piece so many times."""
    for _ in range(pieces):
        yield piece


async def consume(part: StagedPart) -> None:
    """Read a staged part to its end."""
    async for _ in part.chunks():
        pass


async def staging_rates(folder: Path, *, in_memory: bool, hashes: frozenset[HashName]) -> tuple[float, float]:
    """Return the seconds that a part takes to be received, and to be read."""
    room: Any = (
        {"memory_bytes": 2 * PART, "disk_bytes": 0}
        if in_memory
        else {"memory_bytes": 0, "disk_bytes": 2 * PART}
    )
    async with Staging(folder, **room) as staging, staging.file() as file:

        async def receive_one() -> None:
            part = await file.receive(source(PIECE, PIECES), most=PART, hashes=hashes)
            await part.destroy()

        receiving = await best_async_s(receive_one)
        part = await file.receive(source(PIECE, PIECES), most=PART)
        return receiving, await best_async_s(lambda: consume(part))


async def small_file_s(folder: Path, *, in_memory: bool) -> float:
    """Return the seconds that a small file takes from its key to its removal, with SHA-256."""
    room: Any = (
        {"memory_bytes": PART, "disk_bytes": 0} if in_memory else {"memory_bytes": 0, "disk_bytes": PART}
    )
    content = PIECE[:SMALL_FILE]
    async with Staging(folder, **room) as staging:

        async def many() -> None:
            for _ in range(SMALL_FILES):
                with staging.file() as file:
                    part = await file.receive(
                        source(content, 1), most=SMALL_FILE, hashes=frozenset({HashName.SHA256})
                    )
                    await consume(part)
                    await part.destroy()

        return await best_async_s(many) / SMALL_FILES


async def main() -> None:
    """Print the table."""
    md5_s = best_s(plain_md5)

    def row(title: str, seconds: float) -> None:
        print(f"{title:<36}{PART / seconds / 1e6:>10,.0f} MB/s{md5_s / seconds:>10.2f} x md5")

    row("md5 by hashlib", md5_s)
    for name in HashName:
        row(name, best_s(hashing([name])))
    row("all of them in one pass", best_s(hashing(SUPPORTED)))
    row("AES-256-GCM alone", best_s(sealing))
    sha256 = frozenset({HashName.SHA256})
    with tempfile.TemporaryDirectory() as folder:
        for place, in_memory in (("memory", True), ("disk", False)):
            receiving, reading = await staging_rates(Path(folder), in_memory=in_memory, hashes=sha256)
            row(f"receive into {place}, with sha256", receiving)
            row(f"read from {place}", reading)
        for place, in_memory in (("memory", True), ("disk", False)):
            seconds = await small_file_s(Path(folder), in_memory=in_memory)
            print(
                f"{f'{SMALL_FILE} bytes through {place}':<36}{seconds * 1e6:>10,.0f} µs a file, with sha256"
            )


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
