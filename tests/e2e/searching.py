"""Looking for what must not be there: in files, and in what the kernel shows of processes."""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus


@dataclass(frozen=True)
class Needle:
    """A text that must not be found, with the ways in which it may be spelled. All of them are at least 12 bytes long."""

    name: str
    spellings: tuple[bytes, ...]

    @classmethod
    def of(cls, name: str, text: str) -> Needle:
        """Spell a text as it is, in base64 at each alignment, in hexadecimal, in UTF-16, and as JSON, a URL or Python would."""
        raw = text.encode()
        spellings = {raw, raw.hex().encode(), raw.hex().upper().encode()}
        spellings |= {text.encode("utf-16-le"), text.encode("utf-16-be")}
        spellings |= {_inner_base64(raw, shift) for shift in range(3)}
        spellings |= {json.dumps(text)[1:-1].encode(), json.dumps(text, ensure_ascii=False)[1:-1].encode()}
        spellings |= {quote(text).encode(), quote(text, safe="").encode(), quote_plus(text).encode()}
        spellings |= {repr(text)[1:-1].encode(), repr(raw)[2:-1].encode()}
        spellings |= {spelling.translate(_URL_SAFE) for spelling in tuple(spellings)}
        return cls(name, tuple(sorted(spellings)))


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _inner_base64(raw: bytes, shift: int) -> bytes:
    """The characters that stand for `raw` alone wherever it begins `shift` bytes after a group of three."""
    encoded = base64.b64encode(b"\0" * shift + raw + b"\0" * (-(shift + len(raw)) % 3))
    return encoded[4 if shift else 0 : len(encoded) - (4 if (shift + len(raw)) % 3 else 0)]


def found_in_files(folders: Iterable[Path], needles: Iterable[Needle]) -> list[str]:
    """Every needle in any file below the folders, or in a file's name. Files may come and go meanwhile."""
    wanted = list(needles)
    return [
        f"{needle.name} in {file}"
        for file, content in _files(folders)
        for needle in wanted
        if any(spelling in content or spelling in str(file).encode() for spelling in needle.spellings)
    ]


def _files(folders: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
    for folder in folders:
        for place, _, names in os.walk(folder):  # which does not mind a folder that goes meanwhile
            for file in (Path(place, name) for name in names):
                with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                    yield file, file.read_bytes()


def found_in_process(pid: int, needles: Iterable[Needle]) -> list[str]:
    """Every needle on the command lines or in the environments of a process and its children."""
    wanted = list(needles)
    return [
        f"{needle.name} in {place}"
        for place, content in _shown_by_kernel(pid).items()
        for needle in wanted
        if any(spelling in content for spelling in needle.spellings)
    ]


def _shown_by_kernel(pid: int) -> Mapping[str, bytes]:
    shown: dict[str, bytes] = {}
    waiting = [pid]
    while waiting:
        process = Path("/proc", str(waiting.pop()))
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for name in ("cmdline", "environ"):
                shown[str(process / name)] = (process / name).read_bytes()
            for children in process.glob("task/*/children"):
                waiting += map(int, children.read_text().split())
    return shown
