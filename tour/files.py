"""A folder as companies have them: odd names, empty files and folders, deep paths, a few large files."""

from __future__ import annotations

import os
import random
from pathlib import Path

_ODD_NAMES = (
    "Käse & Brötchen (final) v2.txt",
    "日本語のファイル.txt",
    "rocket 🚀 launch.md",
    "100% sure? maybe #1; yes+no.txt",
    "  leading and trailing blanks  ",
    ".hidden settings",
    "quotes \"double\" and 'single'.txt",
    "a" * 200 + ".txt",
    "e\N{COMBINING ACUTE ACCENT}tude in NFD.txt",
    "étude in NFC.txt",
)
_DEPARTMENTS = ("Accounting", "Design", "Legal", "Sales", "Support")
_ENDINGS = (".pdf", ".docx", ".xlsx", ".png", ".txt", ".csv")
_KIB = 1024
_EPOCH_S = 1_500_000_000
_YEARS_S = 280_000_000


def make_files(root: Path, *, small: int = 300, large_mib: tuple[int, ...] = (12, 40)) -> tuple[int, int]:
    """Fill a new folder. Returns how many files there are and their bytes together.

    Args:
        root: Must not exist.
        small: Documents of up to 64 KiB.
        large_mib: Sizes of the large files in MiB.
    """
    chance = random.Random(2026)  # noqa: S311 - the same files each time
    sizes: dict[Path, int] = {}
    for number in range(small):
        year = str(chance.randint(2018, 2026))
        folder = root / chance.choice(_DEPARTMENTS) / year / f"Q{chance.randint(1, 4)}"
        sizes[folder / f"document {number:03}{chance.choice(_ENDINGS)}"] = chance.randint(1, 64 * _KIB)
    for name in _ODD_NAMES:
        sizes[root / "odd names" / name] = chance.randint(1, 4 * _KIB)
    sizes[root / "empty file"] = 0
    sizes[root.joinpath(*(f"level {depth}" for depth in range(1, 13)), "deep.txt")] = 99
    for number, mib in enumerate(large_mib, start=1):
        sizes[root / "Video" / f"recording {number}.mp4"] = mib * _KIB * _KIB
    for path, size in sizes.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(size))
        moment = _EPOCH_S + chance.randint(0, _YEARS_S)
        os.utime(path, (moment, moment))
    (root / "empty folder").mkdir()
    return len(sizes), sum(sizes.values())


def differences(one: Path, other: Path) -> list[str]:
    """Compare two folders byte by byte; a sentence for each difference."""
    here, there = _tree(one), _tree(other)
    found = [f"missing: {path}" for path in sorted(here - there)]
    found += [f"too many: {path}" for path in sorted(there - here)]
    for path in sorted(here & there):
        if (one / path).is_file() and (one / path).read_bytes() != (other / path).read_bytes():
            found.append(f"different: {path}")
    return found


def _tree(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}
