"""The files of a company of forty people: names, sizes and dates as they are, a few odd ones among them."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

_KIB = 1024
_EPOCH_S = 1_580_000_000
_YEARS_S = 190_000_000
_CLIENTS = (
    "Halvorsen & Sons",
    "Müller GmbH",
    "Café Orlando",
    "Northwind Clinic",
    "日本精工 K.K.",
    "Ødegård AS",
)
_MONTHS = ("01 January", "02 February", "03 March", "04 April", "05 May", "06 June")
_PEOPLE = (
    "A. Okafor",
    "B. Lindqvist",
    "C. Moreau",
    "D. O'Neill",
    "E. Şahin",
    "F. García",
    "G. Nowak",
    "H. Tanaka",
)
_ODD = (
    "Minutes 2024-03-12 (final) (2).docx",
    "100% cotton? - offer #7; rev+2.pdf",
    "  draft with leading blanks.txt",
    ".directory settings",
    "quotes \"double\" and 'single'.txt",
    "e\N{COMBINING ACUTE ACCENT}tude in NFD.txt",
    "rocket 🚀 launch plan.md",
    "a very long name " + "that goes on " * 12 + ".txt",
)
_WORDS = [
    "offer",
    "contract",
    "delivery",
    "margin",
    "review",
    "budget",
    "supplier",
    "quarter",
    "client",
    "invoice",
    "plan",
    "draft",
    "meeting",
    "decision",
]


def fill_nas(root: Path) -> dict[str, int]:
    """Fill the folders that the demo moves. Returns how many files there are in each; the same ones each time."""
    chance = random.Random(2026)  # noqa: S311 - the same files each time
    counts: dict[str, int] = {}
    for department, files in (
        ("Finance", _finance(chance)),
        ("Clients", _clients(chance)),
        ("People", _people(chance)),
        ("Marketing", _marketing(chance)),
    ):
        counts[department] = 0
        for name, size in files:
            _write(root / department / name, size, chance)
            counts[department] += 1
    (root / "Finance" / "2025" / "07 July").mkdir(parents=True)
    (root / "Clients" / "New clients").mkdir()
    return counts


def fill_cloud(root: Path) -> int:
    """Put some files at the WebDAV server, for moves that the visitor makes. Returns how many."""
    chance = random.Random(7)  # noqa: S311 - likewise
    files = [
        *(
            (f"Photos/Summer party/IMG_{number:04}.jpg", chance.randint(30, 90) * _KIB)
            for number in range(1, 41)
        ),
        *((f"Handbook/Chapter {number}.docx", chance.randint(8, 60) * _KIB) for number in range(1, 9)),
        ("Handbook/Read me first.txt", 1200),
    ]
    for name, size in files:
        _write(root / name, size, chance)
    return len(files)


def _finance(chance: random.Random) -> Iterator[tuple[str, int]]:
    for month in _MONTHS:
        for number in range(1, 13):
            client = chance.choice(_CLIENTS)
            yield (
                f"2025/{month}/Invoice 2025-{month[:2]}{number:02} {client}.pdf",
                chance.randint(20, 90) * _KIB,
            )
    yield "Budget 2025.xlsx", 310 * _KIB
    yield "Budget 2025 (old).xlsx", 305 * _KIB
    yield "locked by accounting.tmp", 0


def _clients(chance: random.Random) -> Iterator[tuple[str, int]]:
    for client in _CLIENTS:
        for stage in ("Offer", "Contract", "Delivery note", "Final report"):
            for version in range(1, chance.randint(2, 4)):
                yield f"{client}/{stage} v{version}.docx", chance.randint(12, 70) * _KIB
        yield f"{client}/Plans/Site plan.dwg", chance.randint(200, 700) * _KIB


def _people(chance: random.Random) -> Iterator[tuple[str, int]]:
    for person in _PEOPLE:
        yield f"{person}/Curriculum vitae.pdf", chance.randint(60, 200) * _KIB
        for year in range(2021, 2026):
            yield f"{person}/Reviews/{year}.docx", chance.randint(8, 20) * _KIB


def _marketing(chance: random.Random) -> Iterator[tuple[str, int]]:
    for number in range(1, 31):
        yield f"Campaign spring/Pictures/banner_{number:02}.png", chance.randint(40, 160) * _KIB
    for name in _ODD:
        yield f"Odd names/{name}", chance.randint(1, 4 * _KIB)
    yield "Campaign spring/Film/cut 3.mp4", 9 * _KIB * _KIB
    yield "/".join(f"level {depth}" for depth in range(1, 11)) + "/deep.txt", 99


def _write(path: Path, size: int, chance: random.Random) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in {".txt", ".md"}:
        text = " ".join(chance.choices(_WORDS, k=size // 6 + 1))
        path.write_bytes(text.encode()[:size])
    else:
        path.write_bytes(chance.randbytes(size))
    moment = _EPOCH_S + chance.randint(0, _YEARS_S)
    os.utime(path, (moment, moment))
