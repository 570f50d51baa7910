"""A process that stages a part under a key that another process knows, and destroys it when it is told to.

The key is made in the buffer itself: this program has no other copy of it that could be found.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mover.staging.sealing import FileKey

STEP, START = 37, 11


def fill(buffer: bytearray) -> None:
    """Fill a buffer byte by byte."""
    for position in range(len(buffer)):
        buffer[position] = (position * STEP + START) & 0xFF


def main(ciphertext: Path) -> None:
    """Seal; wait; destroy; wait."""
    key = FileKey(fill)
    seal = key.next_part()
    ciphertext.write_bytes(seal.seal(b"content of a customer", 0, last=True))
    assert seal.unseal(ciphertext.read_bytes(), 0, last=True) == b"content of a customer"
    for said in ("holds it", "has destroyed it"):
        sys.stdout.write(f"{said}\n")
        sys.stdout.flush()
        sys.stdin.readline()
        key.destroy()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
