"""A tree of files whose names, depths, sizes and times are as awkward as a file system allows; the same for each seed.

Most files are ordinary in size and hostile in name. Names are bytes, as they are on POSIX systems.
"""

from __future__ import annotations

import itertools
import os
import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FORBIDDEN_IN_SHAREPOINT = '"*:<>?\\|'
_CONTROLS = "".join(map(chr, [*range(1, 32), 127]))
_QUOTE = "\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}"
_SECOND_NS = 1_000_000_000
_USUAL_NS = 1_700_000_000 * _SECOND_NS
_TIMES_NS = (
    0,  # 1970
    1,
    _SECOND_NS - 1,
    (2**31 - 1) * _SECOND_NS,  # the last second of 32-bit clocks
    2**31 * _SECOND_NS,
    4_102_444_800 * _SECOND_NS + 999_999_999,  # 2100
    951_782_400 * _SECOND_NS + 123_456_789,  # a leap day, with nanoseconds
)
_WORDS = (
    "invoice",
    "Übersicht",
    "naïve",
    "résumé",
    "данные",
    "報告書",
    "تقرير",
    "שלום",
    "แผนงาน",
    "ﬁne",
    "straße",
)
_SIGNS = (
    "😀",
    "👩‍👩‍👧‍👦",
    "🏳️‍🌈",
    "\u200b",
    "\u202e",
    "\ufeff",
    "\u00a0",
    "\u2028",
    "\U000e0001",
    "\ufffd",
    "i\u0307",
)

_NAMES = (
    # white space and dots where they are lost most easily
    *(" leading", "  ", "trailing ", ".hidden", "..two", "...", "trailing.", "trailing..", " . ", "\ttab", "tab\t"),
    # what URLs, shells and query strings take for something else
    *("#", "?", "&", ";", "+", "%", "%2F", "%2f", "%252F", "a#b?c&d;e+f%2Fg", "100%", "%zz", "%00", "%C3%A9", "~", "~user"),
    *("*", "[a-z]", "{a,b}", "$HOME", "`id`", "'", '"', "\\", "\\n", "a\\b", "-rf", "--", "=", "@", "!", "|", "<>", "^"),
    # what protocols keep for themselves
    *(".DAV", ".htaccess", "index.html", ".lock", "desktop.ini", "CON", "con.txt", "NUL", "COM1.log", "LPT9", "_vti_x"),
    *(".DS_Store", "Thumbs.db", "~$word.docx", ".git", ".mover", "mover-", "uploadId=1", "versions", "<?xml?>", "]]>", "&amp;"),
    # what looks like the spelling of another name
    *(f"{_QUOTE}FF", f"{_QUOTE}ff", f"{_QUOTE}2F", _QUOTE, _QUOTE * 3, f"{_QUOTE}E2{_QUOTE}80{_QUOTE}9B", f"{_QUOTE}␊", "␊"),
    *("\N{FULLWIDTH SOLIDUS}", "\N{FULLWIDTH FULL STOP}", "\N{FULLWIDTH COLON}"),
    *("copy (2).txt", "copy (2) (2).txt", "copy.txt"),
)  # fmt: skip
_RAW_NAMES = (
    b"latin-\xe9",
    b"\xff",
    b"\xc3",
    b"\xc3\x28",
    b"\xed\xa0\x80",  # a surrogate in UTF-8
    b"\xf8\x88\x80\x80\x80",  # longer than UTF-8 ever is
    b"\x80" * 40,
    b"\xe2\x80\x9bFF" + b"\xff",
    b"sjis-\x83\x5c",
    b"\xfe" * 255,
)


@dataclass(frozen=True)
class Made:
    """A tree that was made: how many of each."""

    files: int
    folders: int
    bytes: int


@dataclass(frozen=True)
class _File:
    path: bytes
    size: int


def make_hostile_tree(root: Path, *, files: int, seed: int) -> Made:
    """Make a tree of exactly so many files below `root`, which is created."""
    rng = random.Random(seed)
    root.mkdir(parents=True)
    count = total = 0
    for file in itertools.islice(_files(rng), files):
        path = root / os.fsdecode(file.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as out:
            out.write(rng.randbytes(file.size))
        os.utime(path, ns=(_USUAL_NS, _time_ns(rng, count)))
        count += 1
        total += file.size
    assert count == files
    for name in _empty_folders():
        (root / os.fsdecode(name)).mkdir(parents=True)
    folders = [Path(folder) for folder, _, _ in os.walk(root, topdown=False)]
    for folder in folders:
        os.utime(folder, ns=(_USUAL_NS, _USUAL_NS + rng.randrange(10**9) * _SECOND_NS // 7))
    return Made(count, len(folders) - 1, total)


def _files(rng: random.Random) -> Iterator[_File]:
    for size in (0, 1, 9 << 20, (8 << 20) - 1, 8 << 20, 24 << 20, 33 << 20, 40 << 20):
        yield _File(b"sizes/%d" % size, size)
    for path in itertools.chain(_named(), _deep(), _twins()):
        yield _File(path, rng.choice((0, 1, 17, 900)))
    for number in itertools.count():
        yield _File(_strange_path(rng, number), 0 if number % 40 == 0 else rng.randint(1, 3_000))


def _named() -> Iterator[bytes]:
    """Each awkward name as a file, and most as a folder with a file in it."""
    names = [
        *_NAMES,
        *(f"sharepoint {sign} sign" for sign in _FORBIDDEN_IN_SHAREPOINT),
        *(f"control {sign} sign" for sign in _CONTROLS),
        *(f"ends with {sign}" for sign in _CONTROLS[:3]),
        *(f"{sign}begins" for sign in _CONTROLS[:3]),
        *(f"sign {sign}" for sign in _SIGNS),
        "\r\n",
        "line\nbreak\nname",
    ]
    raw = [*(name.encode() for name in names), *_RAW_NAMES]
    for name in raw:
        yield b"names/" + name
    for name in raw:
        yield b"folders/" + name + b"/file"
    for letter in ("a", "é", "報", "😀", " ", "%", "\n", "."):
        length = 255 // len(letter.encode())
        yield b"long/" + ("x" * (255 - length * len(letter.encode())) + letter * length).encode()


def _twins() -> Iterator[bytes]:
    """Names that are one to many services: by case, by normalisation, by look."""
    for word in (*_WORDS, "é", "Å", "ñandú", "가", "\N{KELVIN SIGN}", "\N{LATIN SMALL LETTER LONG S}"):
        forms = {unicodedata.normalize(form, word) for form in ("NFC", "NFD", "NFKC")}
        twins = {twin for form in forms for twin in (form, form.upper(), form.title(), form.swapcase())}
        for twin in sorted(twins):
            yield f"twins/{twin}".encode()
            yield f"twins/folder {twin}/file".encode()
    for twin in ("a", "a ", "a.", "A", "a\n", "a%20", "a+"):
        yield f"almost/{twin}".encode()


def _deep() -> Iterator[bytes]:
    for depth in (50, 120, 400):
        yield b"deep/" + b"/".join(b"d%d" % n for n in range(depth)) + b"/file"
    yield b"deep/" + b"/".join([b"wide" * 50] * 6) + b"/file"  # longer than an S3 key may be
    yield b"deep/" + b"/".join([b"exact " + b"x" * 94] * 9) + b"/file"


def _empty_folders() -> Iterator[bytes]:
    yield b"empty"
    for name in (" ", "...", "%2F", "\n", "é", "e\u0301", f"{_QUOTE}FF", "emoji 😀"):
        yield b"empty folders/" + name.encode() + b"/" + name.encode()
    yield b"empty folders/\xff"


def _strange_path(rng: random.Random, number: int) -> bytes:
    """A path like no other; `number` sees to that."""
    folder = f"many/{rng.choice(_WORDS)} {number % 60}".encode()
    if number % 9 == 0:
        folder += b"/" + rng.choice(_SIGNS).encode() + b"%d" % (number % 4)
    pieces = [rng.choice(_WORDS), rng.choice(_SIGNS), rng.choice(" .-_%#&+;,'()[]")]
    rng.shuffle(pieces)
    raw = "".join(pieces).encode() + b" %d" % number
    if number % 50 == 0:
        raw += bytes([rng.randrange(0x80, 0x100)])
    if number % 50 == 25:
        raw += rng.choice(_CONTROLS).encode() + b"x"
    return folder + b"/" + raw + rng.choice((b"", b".txt", b".PDF", b".tar.gz", b" ", b"."))


def _time_ns(rng: random.Random, number: int) -> int:
    if number % 20 == 0:
        return _TIMES_NS[number // 20 % len(_TIMES_NS)]
    return _USUAL_NS + rng.randrange(10**8) * _SECOND_NS + rng.randrange(_SECOND_NS)
