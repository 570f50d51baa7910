"""Two folders of this machine, and what the reports of the moves between them say of each entry."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mover.naming import text_from_bytes

Report = Mapping[str, Mapping[str, Any]]
"""Items of a run by path at the source."""

_ARRIVED = frozenset({"copied", "created", "already_there", "unchanged"})


@dataclass(frozen=True)
class Found:
    """An entry on disk. `digest` is None for a folder."""

    digest: str | None
    modified_ns: int


def on_disk(root: Path) -> dict[str, Found]:
    """Everything below a folder, by path as Mover spells it."""
    found: dict[str, Found] = {}
    for folder, folders, files in os.walk(root):
        for name in folders:
            path = Path(folder, name)
            found[_spelled(root, path)] = Found(None, path.stat().st_mtime_ns)
        for name in files:
            path = Path(folder, name)
            digest = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
            found[_spelled(root, path)] = Found(digest, path.stat().st_mtime_ns)
    return found


def by_path(items: Sequence[Mapping[str, Any]]) -> Report:
    """Arrange the items that `Mover.report` returns."""
    return {item["path"]: item for item in items}


@dataclass(frozen=True)
class Way:
    """What became of one entry on its way through several moves.

    Attributes:
        path: Where it was at first.
        end: Where it is in the end; None if it did not get there.
        reason: Why not, as a report says.
        renamed_in_report: A report says that it, or a folder above it, got another name.
    """

    path: str
    end: str | None
    reason: str | None
    renamed_in_report: bool


def ways(paths: Sequence[str], reports: Sequence[Report]) -> Iterator[Way]:
    """Follow entries through the reports of one move after the other."""
    for path in paths:
        here, renamed = path, False
        for report in reports:
            item = report.get(here)
            if item is None or item["state"] not in _ARRIVED:
                stopped = item or _nearest(report, here)
                yield Way(path, None, stopped["reason"], renamed)
                break
            renamed = renamed or _says_renamed(report, here)
            here = item["destination_path"]
        else:
            yield Way(path, here, None, renamed)


def _says_renamed(report: Report, path: str) -> bool:
    while path:
        if "renamed" in report[path]["message"]:
            return True
        path = path.rpartition("/")[0]
    return False


def _nearest(report: Report, path: str) -> Mapping[str, Any]:
    """The report on the folder above that did not arrive, and nothing in it."""
    above = path
    while above := above.rpartition("/")[0]:
        item = report.get(above)
        if item is not None and item["state"] not in _ARRIVED:
            return item
    raise AssertionError(f"the report does not know {path!r}, nor says why")


def _spelled(root: Path, path: Path) -> str:
    return "/" + text_from_bytes(os.fsencode(path.relative_to(root)))
