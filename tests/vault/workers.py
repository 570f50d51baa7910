"""Starting `worker.py` as processes that do not outlive a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import IO

_ROOT = Path(__file__).parents[2]


class Worker:
    """One process; it has been started, and is still loading."""

    def __init__(self, database_url: str, keys: str, *, ahead_s: float = 0.0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.vault.worker", keys, str(ahead_s)],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._loading = True
        self._pipes[0].write(f"{database_url}\n")
        self._pipes[0].flush()

    @property
    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def tell(self, *words: object) -> None:
        """Tell it what to do; it begins at once."""
        if self._loading:
            self._loading = False
            assert self._pipes[1].readline() == "ready\n"
        self._pipes[0].write(" ".join(map(str, words)) + "\n")
        self._pipes[0].flush()

    def said(self) -> str:
        """Wait for its answer; empty if it died."""
        return self._pipes[1].readline().rstrip("\n")

    def kill(self) -> None:
        """End it by force; idempotent."""
        self._process.kill()
        self._process.communicate()
