"""rclone's OneDrive backend, as people run it, against the simulator under Microsoft's own names."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.rclone import RCLONE
from simulators.front import RunningFront
from simulators.microsoft.state import Library
from tests.servers.simulators import client_environment

from simulators.microsoft import Microsoft


class Rclone:
    """Runs commands; `drive:` is the drive it was made for."""

    def __init__(
        self, front: RunningFront, vendor: Microsoft, library: Library, token: str, home: Path
    ) -> None:
        self.vendor = vendor
        self._environment: Mapping[str, str] = {
            **client_environment(front, home),
            "RCLONE_CONFIG": str(home / "none.conf"),
            "RCLONE_CONFIG_DRIVE_TYPE": "onedrive",
            "RCLONE_CONFIG_DRIVE_DRIVE_ID": library.id,
            "RCLONE_CONFIG_DRIVE_DRIVE_TYPE": library.kind,
            "RCLONE_CONFIG_DRIVE_TOKEN": json.dumps(
                {"access_token": token, "expiry": "2099-01-01T00:00:00Z"}
            ),
        }
        self._options = ["--http-proxy", front.proxy_url, "--ca-cert", str(front.ca_file), "--retries", "1"]

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Run a command, and return what it writes."""
        done = subprocess.run(
            [RCLONE, *self._options, *arguments],
            env=dict(self._environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (done.returncode != 0) == fails, done.stderr
        return done.stdout

    def list(self, path: str = "drive:", *options: str) -> Sequence[Mapping[str, Any]]:
        """Describe all below a path, with hashes."""
        found: list[dict[str, Any]] = json.loads(self.run("lsjson", "-R", "--hash", path, *options))
        return sorted(found, key=lambda one: one["Path"])
