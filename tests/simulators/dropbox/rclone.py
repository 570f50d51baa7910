"""rclone's Dropbox backend, unchanged, against the simulator."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from simulators.front import RunningFront
from tests.servers.processes import tool


def rclone(front: RunningFront, home: Path, token: str, *words: str | Path) -> str:
    """Run rclone with a remote `D:`, and return what it printed."""
    remote = {
        "TYPE": "dropbox",
        "TOKEN": json.dumps(
            {"access_token": token, "token_type": "bearer", "expiry": "2099-01-01T00:00:00Z"}
        ),
    }
    done = subprocess.run(
        [
            tool("rclone"),
            *("--http-proxy", front.proxy_url, "--ca-cert", str(front.ca_file), "--retries", "1"),
            *map(str, words),
        ],
        capture_output=True,
        check=False,
        timeout=120,
        env={
            "PATH": os.defpath,
            "HOME": str(home),
            "RCLONE_CONFIG": "/dev/null",
            **{f"RCLONE_CONFIG_D_{name}": value for name, value in remote.items()},
        },
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()
