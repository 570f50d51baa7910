"""Looks up the locked dependencies in PyPI's advisory database: `known_vulnerabilities.py [--insist]`.

A known vulnerability fails. Where the advisories cannot be had (a machine without internet, or with a mirror that has
packages only) that is said aloud, and fails only with `--insist`: `make check` must work offline, and the project's CI,
which has the internet, runs `make audit`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

_LIMIT_S = 90


def main() -> int:
    """Return 0 if nothing is known against any dependency."""
    insist = "--insist" in sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [
            str(Path(sys.executable).with_name("pip-audit")),
            "--skip-editable",
            "--progress-spinner=off",
            "--timeout=10",
            "--format=json",
            f"--output={answer}",
        ]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            return _not_known(f"no answer within {_LIMIT_S} s", insist=insist)
        if not answer.is_file() or not answer.stat().st_size:
            return _not_known((ended.stderr.strip().splitlines() or ["no answer"])[-1], insist=insist)
        found = json.loads(answer.read_text())["dependencies"]
    found = [dependency for dependency in found if dependency["name"] != "mover"]
    vulnerable = [dependency for dependency in found if dependency.get("vulns")]
    for dependency in vulnerable:
        for advisory in dependency["vulns"]:
            fixed = ", ".join(advisory["fix_versions"]) or "nothing yet"
            print(f"{dependency['name']} {dependency['version']}: {advisory['id']}, fixed in {fixed}")
    if vulnerable:
        return 1
    unknown = [dependency["name"] for dependency in found if "skip_reason" in dependency]
    if len(unknown) == len(found):
        return _not_known("the package index here has no advisories", insist=insist)
    if unknown:
        return _not_known(f"nothing could be found out about {', '.join(unknown)}", insist=insist)
    print(f"no vulnerability is known in {len(found)} dependencies")
    return 0


def _not_known(why: str, *, insist: bool) -> int:
    print(f"NOT AUDITED for known vulnerabilities: {why}", file=sys.stderr)
    return 1 if insist else 0


if __name__ == "__main__":
    sys.exit(main())
