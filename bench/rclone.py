"""rclone, as people run it: its own defaults, and nothing said but where the servers are and whom to trust."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.servers.processes import tool

RCLONE = tool("rclone")


@functools.cache
def obscured(password: str) -> str:
    """Return a password in the form that rclone wants in its configuration."""
    done = subprocess.run([RCLONE, "obscure", "-"], input=password.encode(), capture_output=True, check=True)
    return done.stdout.decode().strip()


def version() -> str:
    """Return what rclone calls itself."""
    done = subprocess.run([RCLONE, "version"], capture_output=True, check=True, text=True)
    return done.stdout.splitlines()[0]


def environment(home: Path, remotes: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the variables that configure remotes, by name, and keep rclone from reading anything else."""
    variables = {"HOME": str(home), "RCLONE_CONFIG": str(home / "none.conf")}
    for name, keys in remotes.items():
        for key, value in keys.items():
            variables[f"RCLONE_CONFIG_{name.upper()}_{key.upper()}"] = value
    return variables
