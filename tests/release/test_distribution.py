"""The wheel: the same from every build, complete, and installed by hash."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import zipfile

import pytest
from packaging.requirements import Requirement
from release.dependencies import ROOT, exported
from release.dist import built
from release.moment import moment_of_source
from tests.outside import trusting_the_system
from tests.servers.installed import Installed

pytestmark = [pytest.mark.slow, pytest.mark.servers, pytest.mark.promise("supply-chain")]


def committed() -> list[str]:
    """What a clone has: all that git knows, and what is new but not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in said.splitlines() if (ROOT / name).is_file()]


def test_a_build_elsewhere_at_another_time_by_another_user_is_the_same_to_the_bit(
    mover_installed: Installed, tmp_path, monkeypatch
):
    elsewhere = tmp_path / "elsewhere"
    for name in committed():
        if not name.startswith(("tests/", "bench/", "simulators/")):
            (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, elsewhere / name)
            os.utime(elsewhere / name, (1, 1))
            (elsewhere / name).chmod((ROOT / name).stat().st_mode & 0o700)  # git keeps what can be executed
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    monkeypatch.setenv("LC_ALL", "C")
    with trusting_the_system():
        source_file, wheel = built(elsewhere, tmp_path / "built", moment_of_source())
    assert wheel.read_bytes() == mover_installed.wheel.read_bytes()
    assert source_file.read_bytes() == mover_installed.source_file.read_bytes()


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(mover_installed: Installed):
    with zipfile.ZipFile(mover_installed.wheel) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        licences = [name for name in wheel.namelist() if name.endswith("licenses/LICENSE")]
    expected = {name.removeprefix("src/") for name in committed() if name.startswith("src/mover/")}
    assert names == expected
    assert licences
    for kind in (".html", ".woff2", ".css", ".js", ".svg", ".toml", "py.typed"):
        assert any(name.endswith(kind) for name in names)
    assert any("/revisions/versions/" in name for name in names)


def test_the_source_distribution_has_what_builds_it_and_how_to_run_it(mover_installed: Installed):
    with tarfile.open(mover_installed.source_file) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "LICENSE", "SECURITY.md", "docs/operating.md"} <= names
    assert not any(name.startswith(("tests/", ".venv/", ".tools/")) for name in names)


def test_what_is_installed_is_what_is_locked_and_each_file_has_a_hash(mover_installed: Installed):
    lines = exported("--no-header", "--no-annotate").replace("\\\n", " ").splitlines()
    assert lines
    assert all("==" in line and "--hash=sha256:" in line for line in lines)
    python = str(mover_installed.environment / "bin" / "python")
    code = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    here = {name.lower().replace("_", "-").replace(".", "-") for name in said.split()}
    asked = [Requirement(line.partition(" --hash")[0]) for line in lines]
    locked = {
        f"{each.name}{each.specifier}".lower().replace(".", "-")
        for each in asked
        if each.marker is None or each.marker.evaluate()
    }
    assert here - locked == {"mover==0-1-0"}
    assert locked <= here


def test_a_file_that_was_tampered_with_is_not_installed(mover_installed: Installed, tmp_path):
    requirements = tmp_path / "requirements.txt"
    pinned = next(line for line in exported("--no-hashes").splitlines() if line.startswith("idna=="))
    requirements.write_text(f"{pinned} --hash=sha256:{'0' * 64}\n")
    uv = str(ROOT / ".tools" / "bin" / "uv")
    into = ["--python", str(mover_installed.environment / "bin" / "python"), "--target", str(tmp_path / "t")]
    ended = subprocess.run(
        [uv, "pip", "install", "--offline", *into, "--require-hashes", "-r", str(requirements)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    assert "hash" in ended.stderr.lower()
    assert not list(tmp_path.glob("t/idna*"))


def test_the_command_runs_from_the_wheel_alone(mover_installed: Installed, tmp_path):
    ended = subprocess.run(
        [str(mover_installed.command), "db", "check"],
        env={"MOVER_HOME": str(tmp_path / "home"), "PATH": "/usr/bin", "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    assert ended.returncode in {0, 1}, ended.stderr
