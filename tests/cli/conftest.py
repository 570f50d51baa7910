"""The command in this process, and as one of its own."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import typer.main
from sqlalchemy import Connection
from tests.database_url import Kind, fresh

from mover.cli.main import run_command_line
from mover.database.database import Database
from mover.vault.secret import Secret

T = TypeVar("T")
Mover = Callable[..., "Said"]


def in_database(home: Path, work: Callable[[Connection], T]) -> T:
    """Do something in the database that the commands use, of either kind."""

    async def opened() -> T:
        database = await Database.open(Secret(fresh(home)))
        try:
            return await database.write(work)
        finally:
            await database.close()

    return asyncio.run(opened())


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The last line of standard output."""
        return json.loads(self.out.splitlines()[-1])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_kind: Kind) -> Path:
    """An empty MOVER_HOME; the current folder is the one above it."""
    for name in [name for name in os.environ if name.startswith("MOVER_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    monkeypatch.setenv("MOVER_HOME", str(home))
    if database_kind is not Kind.SQLITE:  # which is what stands in MOVER_HOME by default
        monkeypatch.setenv("MOVER_DATABASE_URL", fresh(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture(scope="session", autouse=True)
def commands_are_built_once() -> Iterator[None]:
    """Typer makes all commands anew for each call, which takes longer than most of them run; a process makes one call."""
    build = typer.main.get_command
    typer.main.get_command = functools.cache(build)
    yield
    typer.main.get_command = build


@pytest.fixture
def mover(home: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Mover]:  # noqa: ARG001 - sets the scene
    """Runs a command in this process."""
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    hooks = sys.unraisablehook, threading.excepthook
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        code = run_command_line([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    yield run
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    sys.unraisablehook, threading.excepthook = hooks
    for number, handler in signals.items():
        signal.signal(number, handler)


@pytest.fixture
def start(home: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:  # noqa: ARG001 - sets the scene
    """Starts a command as a process of its own; what is still running in the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: object, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", "from mover.cli.main import main; main()", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small folder with what folders have."""
    folder = tmp_path / "tree"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "empty folder").mkdir()
    (folder / "a.txt").write_text("alpha")
    (folder / "no content").touch()
    (folder / "sub" / "photo.JPG").write_bytes(bytes(range(256)) * 40)
    (folder / "sub" / "deep" / "b.txt").write_text("beta")
    return folder
