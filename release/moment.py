"""The moment that a build is of: the same commit gives the same one, and so the same bits."""

from __future__ import annotations

import datetime as dt
import os
import subprocess

from release.dependencies import ROOT

EPOCH = "SOURCE_DATE_EPOCH"  # https://reproducible-builds.org/specs/source-date-epoch/


def moment_of_source() -> dt.datetime:
    """When what is built was written: SOURCE_DATE_EPOCH, else the time of the commit."""
    given = os.environ.get(EPOCH)
    if given is None:
        command = ["git", "log", "-1", "--format=%ct"]
        given = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return dt.datetime.fromtimestamp(int(given), dt.UTC)
