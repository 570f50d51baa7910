"""Looking for what must not be there: in files, and in what the kernel shows of processes."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import stat
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
    return Search(folders, needles).again()


class Search:
    """The same search again and again; a file in which nothing was found is read anew when it has changed.

    Whoever writes into these folders stands still meanwhile, or is gone: a file that changes while it is read may be
    taken for one that has been read.
    """

    def __init__(self, folders: Iterable[Path], needles: Iterable[Needle]) -> None:
        self._folders = list(folders)
        self._needles = list(needles)
        self._clean: dict[Path, tuple[int, ...]] = {}

    def again(self) -> list[str]:
        """Every needle in any file below the folders, or in a file's name. Files may come and go meanwhile."""
        found: list[str] = []
        for file in _files(self._folders):
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                found += self._found_in(file)
        return found

    def _found_in(self, file: Path) -> list[str]:
        state = file.stat()
        unchanged = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        if self._clean.get(file) == unchanged:
            return []
        # A pipe keeps nothing, and whoever opens it waits for somebody at its other end.
        name, content = str(file).encode(), b"" if stat.S_ISFIFO(state.st_mode) else file.read_bytes()
        found = [
            f"{needle.name} in {file}"
            for needle in self._needles
            if any(spelling in content or spelling in name for spelling in needle.spellings)
        ]
        if not found:
            self._clean[file] = unchanged
        return found


SHARED_MEMORY = Path("/dev/shm")
"""Where a process may leave something without a file on any disk."""


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        for place, inner, names in os.walk(folder):  # which does not mind a folder that goes meanwhile
            # The folders of tests may lie there; the one of this test is given by itself.
            if place == str(SHARED_MEMORY):
                inner[:] = [name for name in inner if not name.startswith("pytest-of-")]
            yield from (Path(place, name) for name in names)


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
