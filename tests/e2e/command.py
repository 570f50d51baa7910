"""The `mover` command as a person runs it: a process of its own, with a state folder of its own."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import quick_schema
from tests.database_url import Kind, fresh, in_use
from tests.outside import TRUST_NOBODY
from tests.servers.processes import tool

_LIMIT_S = 240
_POLL_S = 0.005


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        """The object that `--json` ends with."""
        lines = self.out.strip().split("\n")
        assert lines[-1], f"nothing was printed on standard output: {self}"
        found: dict[str, Any] = json.loads(lines[-1])
        return found


class Mover:
    """One person's Mover: state, temporary files and variables of its own; nothing else is inherited.

    Args:
        folder: Throwaway folder for all that it keeps.
        inside: What the command is started through, if it runs elsewhere.
        variables: On top of a minimal environment; loopback is permitted unless they say otherwise.
    """

    def __init__(self, folder: Path, *, inside: Sequence[str] = (), **variables: str) -> None:
        self._inside = tuple(inside)
        self.home = folder / "state"
        self.temporary = folder / "tmp"
        self.person = folder / "person"
        for made in (self.temporary, self.person):
            made.mkdir(parents=True, exist_ok=True)
        self.variables: dict[str, str] = {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "HOME": str(self.person),
            "TMPDIR": str(self.temporary),
            "MOVER_HOME": str(self.home),
            "MOVER_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",
            **TRUST_NOBODY,
            **variables,
        }
        self.database_url = fresh(self.home)
        if in_use() is Kind.SQLITE:  # which is what stands in MOVER_HOME by default
            quick_schema.place(self.home / "mover.db")
        else:
            self.variables.setdefault("MOVER_DATABASE_URL", self.database_url)

    @property
    def staging(self) -> Path:
        """Where encrypted parts lie for a while."""
        return Path(self.variables.get("MOVER_STAGING_DIR", self.home / "staging"))

    def start(self, *arguments: str | Path, **variables: str) -> Running:
        """Start a command. It is killed with this thread, so start it from the main one."""
        words = tuple(map(str, arguments))
        process = subprocess.Popen(
            [tool("setpriv"), "--pdeathsig", "KILL", "--", *self._inside, tool("mover"), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self.variables, **variables},
            cwd=self.person,
            start_new_session=True,
        )
        return Running(words, process)

    def run(self, *arguments: str | Path, code: int | None = None, **variables: str) -> Done:
        """Run a command to its end; with `code`, it must end with that."""
        done = self.start(*arguments, **variables).wait()
        if code is not None:
            assert done.code == code, f"{done.arguments} ended with {done.code}:\n{done.out}\n{done.err}"
        return done

    def copy(
        self, source: str | Path, destination: str | Path, *options: str | Path, code: int | None = 0
    ) -> dict[str, Any]:
        """Copy, and return the object that `--json` ends with."""
        return self.run("copy", source, destination, "--json", *options, code=code).result

    def connect(self, service: str, name: str, values: Mapping[str, Any], *options: str) -> None:
        """Connect a service; values of keys in `SECRET_KEYS` are handed over in the environment."""
        self.run("connect", service, name, *connect_words(values), *options, code=0, **secrets(values))

    def report(self, run: int) -> list[dict[str, Any]]:
        """What `mover report --format json` says of a run: its items; the last object holds the summary."""
        done = self.run("report", str(run), "--format", "json", code=0)
        return [json.loads(line) for line in done.out.split("\n") if line]

    def problems(self, run: int) -> list[dict[str, str]]:
        """The rows of a run's report of errors."""
        with tempfile.TemporaryDirectory() as folder:
            self.run("report", str(run), "--output", folder, code=0)
            with Path(folder, "errors.csv").open(newline="", encoding="utf-8") as table:
                return list(csv.DictReader(table))


SECRET_KEYS = frozenset({"password", "secret_key", "token", "passphrase", "private_key", "session_token"})


def connect_words(values: Mapping[str, Any]) -> list[str]:
    """Spell values as `mover connect` takes them: `key=value`, secrets as `key=@env:VARIABLE`."""
    return [f"{key}={_word(key, value)}" for key, value in values.items()]


def secrets(values: Mapping[str, Any]) -> dict[str, str]:
    """The variables that `connect_words` refers to."""
    return {_variable(key): str(value) for key, value in values.items() if key in SECRET_KEYS}


def _word(key: str, value: object) -> str:
    if key in SECRET_KEYS:
        return f"@env:{_variable(key)}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _variable(key: str) -> str:
    return f"TEST_{key.upper()}"


class Running:
    """A command that has been started."""

    def __init__(self, arguments: tuple[str, ...], process: subprocess.Popen[bytes]) -> None:
        self.arguments = arguments
        self.process = process

    @property
    def pid(self) -> int:
        """Of the command itself."""
        return self.process.pid

    def wait(self, *, limit_s: float = _LIMIT_S) -> Done:
        """Wait for the end; what takes longer than the limit is killed, and fails the test."""
        try:
            out, err = self.process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            self._kill_all()
            out, err = self.process.communicate()
            raise AssertionError(
                f"{self.arguments} did not end within {limit_s} s:\n{_text(out)}\n{_text(err)}"
            ) from None
        return Done(self.arguments, self.process.returncode, _text(out), _text(err))

    def runs_for(self, seconds: float) -> None:
        """Let it run; fails the test if it ends by itself before that."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=seconds)
            raise AssertionError(f"ended by itself: {self.wait()}")

    def runs_until(self, condition: Callable[[], bool], *, limit_s: float = _LIMIT_S) -> None:
        """Let it run until something is so; fails the test if it ends by itself before that."""
        deadline = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < deadline, f"{self.arguments} never came to the awaited state"
            self.runs_for(_POLL_S)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the command, and only to it."""
        os.kill(self.pid, number)

    def kill(self) -> Done:
        """Kill it with SIGKILL, and wait until it is gone."""
        self.send(signal.SIGKILL)
        return self.wait()

    def _kill_all(self) -> None:
        os.killpg(self.pid, signal.SIGKILL)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
