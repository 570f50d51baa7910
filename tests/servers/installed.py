"""Mover as others install it: from the wheel, into an environment of its own, with every dependency held to its hash."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from release.dependencies import ROOT, UV, exported
from release.dist import built
from release.moment import moment_of_source
from tests.outside import trusting_the_system

_DEBIANS = Path("/usr/bin/python3")
_OLDEST = (3, 11)


@dataclass(frozen=True)
class Installed:
    """Where it is.

    Attributes:
        environment: The virtual environment.
        wheel: What was installed.
        source_file: The source distribution that the wheel was built from.
    """

    environment: Path
    wheel: Path
    source_file: Path

    @property
    def command(self) -> Path:
        """The `mover` command."""
        return self.environment / "bin" / "mover"


def install(folder: Path) -> None:
    """Build and install; a failure has what the tool said."""
    _, wheel = built(ROOT, folder / "built", moment_of_source())
    environment = folder / "environment"
    _uv("venv", "--quiet", "--no-python-downloads", "--python", str(interpreter()), str(environment))
    requirements = folder / "requirements.txt"
    requirements.write_text(exported("--no-header", "--no-annotate"), encoding="utf-8")
    into = ("pip", "install", "--quiet", "--python", str(environment / "bin" / "python"))
    locked = (*into, "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(requirements))
    # What .ci/setup has fetched is enough as a rule; a Python of another version needs other files.
    if _uv(*locked, "--offline", check=False) != 0:
        _uv(*locked)
    _uv(*into, "--no-deps", "--offline", str(wheel))
    # Compiled once what most commands load, since those that cannot write there would compile it each time.
    load = "import mover.cli.everything, mover.cli.api, mover.cli.running, mover.cli.app, mover.cli.main"
    subprocess.run([str(environment / "bin" / "python"), "-c", load], check=True, capture_output=True)


def installed_once(folder: Path) -> Installed:
    """Build and install, or wait for another process that does; whoever comes later finds it done."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done"
        if not done.exists():
            with trusting_the_system():
                install(folder)
            done.touch()
    (source_file,) = (folder / "built").glob("*.tar.gz")
    (wheel,) = (folder / "built").glob("*.whl")
    return Installed(folder / "environment", wheel, source_file)


def interpreter() -> Path:
    """A Python that every user of this machine can run: Debian's, if it is new enough, else the tests' own."""
    if _DEBIANS.exists():
        asked = "import sys; print(*sys.version_info[:2])"
        said = subprocess.run([str(_DEBIANS), "-c", asked], capture_output=True, text=True, check=True).stdout
        if tuple(map(int, said.split())) >= _OLDEST:
            return _DEBIANS
    return Path(sys.executable)


def _uv(*arguments: str, check: bool = True) -> int:
    ended = subprocess.run([str(UV), *arguments], capture_output=True, text=True, check=False)
    assert not check or ended.returncode == 0, ended.stderr[-3000:]
    return ended.returncode
