"""rclone's Drive backend, unchanged, against the simulated Google."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from simulators.front import RunningFront
from tests.servers.processes import tool
from tests.servers.simulators import client_environment

LIMIT_S = 120


@dataclass(frozen=True)
class Rclone:
    """rclone with one remote, `drive:`."""

    front: RunningFront
    home: Path
    token: str
    shared_drive: str = ""

    def __call__(self, *arguments: str) -> str:
        """Run rclone and return what it prints. Fails if it does."""
        token = {"access_token": self.token, "token_type": "Bearer", "expiry": "2099-01-01T00:00:00Z"}
        environment = {
            **client_environment(self.front, self.home),
            "RCLONE_CONFIG": str(self.home / "none.conf"),
            "RCLONE_CONFIG_DRIVE_TYPE": "drive",
            "RCLONE_CONFIG_DRIVE_TOKEN": json.dumps(token),
            "RCLONE_CONFIG_DRIVE_SCOPE": "drive",
            "RCLONE_CONFIG_DRIVE_CLIENT_ID": "test-app",
            "RCLONE_CONFIG_DRIVE_CLIENT_SECRET": "test-secret",
            "RCLONE_CONFIG_DRIVE_ROOT_FOLDER_ID": "" if self.shared_drive else "root",
            "RCLONE_CONFIG_DRIVE_TEAM_DRIVE": self.shared_drive,
        }
        done = subprocess.run(
            [tool("rclone"), "--retries", "1", "--low-level-retries", "3", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout
