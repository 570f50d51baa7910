"""The page docs/services/matrix.md: written from what the tests of the matrix saw, and read by them.

MOVER_TEST_MATRIX=/tmp/seen pytest tests/matrix && python -m tests.matrix.page /tmp/seen
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.matrix.moving import Moved

_BEGIN = """# What survives a move, pair by pair

Every service to every other one, as the tests move it: one tree with empty files and folders, names that make trouble, an
earlier version, a shared folder, and a database's dump. In every pair all bytes were read again from the destination by another
connection and compared, every name comes back from its spelling there, and a second run found nothing to do.

This page is written by the tests (`tests/matrix`), which fail where it is not true. The cloud services are simulated, under
their own names, by simulators that the vendors' own SDKs work with.

| word | meaning |
| --- | --- |
| hash, read back, size | how Mover proved each arrival: by the destination's own hash, by reading it back, by size |
| time | modified times: exact, to the second, or `no`: they are those of the arrival |
| created | times of creation survive |
| n names | so many of the ten names are spelled in another way there, reversibly |
| shares | the shared folder is shared with the right person there |
| versions | the earlier version is there |

MySQL takes dumps of tables and nothing else; the other files are reported as not supported.
"""
_ROW = re.compile(r"\| ([a-z0-9]+) \| (.+) \|")
_HEADING = re.compile(r"## From ([a-z0-9]+)")


def page_of() -> Path:
    """Where the page is."""
    return Path(__file__).parents[2] / "docs" / "services" / "matrix.md"


def said(moved: Moved) -> str:
    """One pair, in words."""
    parts = [moved.content, f"time {moved.modified}"]
    parts += ["created"] if moved.created else []
    parts += [f"{moved.renamed} names"] if moved.renamed else []
    parts += [] if moved.permissions is None else ["shares" if moved.permissions else "no shares"]
    parts += [] if moved.versions is None else ["versions" if moved.versions else "no versions"]
    return "; ".join(parts)


def read_page(page: Path) -> dict[str, dict[str, str]]:
    """What the page says, by source and destination."""
    found: dict[str, dict[str, str]] = {}
    rows: dict[str, str] = {}
    for line in page.read_text().splitlines():
        if heading := _HEADING.fullmatch(line):
            rows = found[heading[1]] = {}
        elif (row := _ROW.fullmatch(line)) and row[1] != "to":
            rows[row[1]] = row[2]
    return found


def written(seen: Mapping[str, Mapping[str, Moved]]) -> str:
    """The page."""
    text = [_BEGIN]
    for source in sorted(seen):
        text.append(f"## From {source}\n\n| to | what survives |\n| --- | --- |")
        text += [f"| {name} | {said(moved)} |" for name, moved in sorted(seen[source].items())]
        text.append("")
    return "\n".join(text)


def main(folder: Path) -> None:
    """Write the page from what the tests left in a folder."""
    seen = {
        file.stem: {name: Moved(**values) for name, values in json.loads(file.read_text()).items()}
        for file in folder.glob("*.json")
    }
    page_of().write_text(written(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
