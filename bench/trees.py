"""Trees of files to move: the same ones in every run, and nothing in them that could be compressed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KIB = 1024
MIB = 1024 * KIB
_SEED = 20_240
_PIECE = 4 * MIB


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A tree of files in folders.

    Attributes:
        name: Also the name of its top folder.
        files: How many.
        smallest, largest: Their sizes in bytes are spread evenly between these.
        in_one_folder: So many stand in each folder.
    """

    name: str
    files: int
    smallest: int
    largest: int
    in_one_folder: int = 100

    def entries(self) -> Iterator[tuple[str, int]]:
        """Yield the path and the size of each file."""
        sizes = random.Random(_SEED)
        for number in range(self.files):
            folder = f"folder-{number // self.in_one_folder:04}"
            yield f"{folder}/file-{number:06}.bin", sizes.randint(self.smallest, self.largest)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for _, size in self.entries())

    def write(self, parent: Path) -> Path:
        """Write it below `parent`, readable by everybody, and return its top folder."""
        top = parent / self.name
        content = random.Random(_SEED + 1)
        for path, size in self.entries():
            file = top / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as out:
                for start in range(0, size, _PIECE):
                    out.write(content.randbytes(min(_PIECE, size - start)))
        return top
