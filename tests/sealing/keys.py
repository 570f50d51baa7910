"""Keys for tests, made by the tools that people make them with, and how a test reads what is sealed."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.servers.processes import tool


@dataclass(frozen=True)
class Keys:
    """Pairs of keys: the files with the private ones, by kind, and the public ones."""

    private: dict[str, Path]
    public: dict[str, str]


def make_keys(folder: Path) -> Keys:
    """Make one pair of each kind that age takes."""
    private = {"age": folder / "age", "ssh-ed25519": folder / "ed25519", "ssh-rsa": folder / "rsa"}
    subprocess.run([tool("age-keygen"), "-o", private["age"]], check=True, capture_output=True)
    shown = subprocess.run(
        [tool("age-keygen"), "-y", private["age"]], check=True, capture_output=True, text=True
    )
    for kind in ("ed25519", "rsa"):
        words = [tool("ssh-keygen"), "-q", "-t", kind, "-b", "2048", "-N", "", "-f", private[f"ssh-{kind}"]]
        subprocess.run(words, check=True)
    public = {kind: path.with_suffix(".pub").read_text() for kind, path in private.items() if kind != "age"}
    return Keys(private, {"age": shown.stdout.strip(), **public})


def opened_by_age(sealed: bytes, identity: Path) -> bytes:
    """Open a file with the age command."""
    done = subprocess.run([tool("age"), "-d", "-i", identity], input=sealed, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sealed_by_age(data: bytes, keys: Keys) -> bytes:
    """Seal a file with the age command, for all keys."""
    words = [word for key in keys.public.values() for word in ("-r", key.strip())]
    return subprocess.run([tool("age"), *words], input=data, capture_output=True, check=True).stdout


def reader(data: bytes, piece: int = 100_000) -> Callable[[int, int | None], AsyncGenerator[bytes, None]]:
    """What reads ranges of some bytes, in pieces that fit no block."""

    async def read(offset: int, length: int | None) -> AsyncGenerator[bytes, None]:
        part = data[offset:] if length is None else data[offset : offset + length]
        for at in range(0, len(part), piece):
            yield part[at : at + piece]

    return read


async def joined(pieces: AsyncGenerator[bytes, None]) -> bytes:
    """All of a stream."""
    return b"".join([piece async for piece in pieces])
