"""Builds what is handed out into a folder: `python -m release.dist [FOLDER]`, `dist` without one.

The wheel is built from the source distribution, by the tools of build-requirements.txt and no others, with the time of the
commit: whoever builds the same commit gets the same bits. Beside them lie what is installed with them (`requirements.txt`, every
file by its hash), the bill of materials, and the hash of each of these.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from release.dependencies import ROOT, UV, exported
from release.moment import EPOCH, moment_of_source
from release.sbom import written

_TOOLS = ROOT / "release" / "build-requirements.txt"


def built(source: Path, folder: Path, moment: dt.datetime) -> tuple[Path, Path]:
    """Build source distribution and wheel of a source tree; returns the two files.

    Raises RuntimeError with what the build said.
    """
    command = [str(UV), "build", "--quiet", "--no-python-downloads", "--python", sys.executable]
    hashed = ["--build-constraints", str(_TOOLS), "--require-hashes", "--out-dir", str(folder), str(source)]
    environment = {**os.environ, EPOCH: str(int(moment.timestamp()))}
    # What .ci/setup has fetched is enough as a rule, and works without a network.
    said = ""
    for network in (["--offline"], []):
        ended = subprocess.run(
            [*command, *network, *hashed], env=environment, capture_output=True, text=True, check=False
        )
        if ended.returncode == 0:
            (source_file,) = folder.glob("*.tar.gz")
            (wheel,) = folder.glob("*.whl")
            return source_file, wheel
        said = ended.stderr[-2000:]
    raise RuntimeError(f"the build failed: {said}")


def main(arguments: Sequence[str]) -> int:
    """Build; returns the exit code."""
    folder = Path(arguments[0]) if arguments else ROOT / "dist"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("mover-*"):
        old.unlink()
    moment = moment_of_source()
    files = list(built(ROOT, folder, moment))
    files += [folder / "requirements.txt", folder / "sbom.cdx.json"]
    files[2].write_text(exported("--no-header", "--no-annotate"), encoding="utf-8")
    written(files[3], moment)
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    for line in sums:
        print(line, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
