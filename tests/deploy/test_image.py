"""The container's image is built, looked into and run. Takes some minutes and a network: `make image-check` runs it."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from release.moment import moment_of_source
from tests.servers.image import (
    COMPOSITION,
    Engine,
    build,
    build_base,
    composed,
    configuration,
    mounted,
    run_base,
)
from tests.servers.processes import free_port
from tests.servers.service import Prepared, answers, ask, prepare_home
from tests.servers.temporal import temporal

from mover import __version__

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.promise("isolation", "supply-chain"),
    pytest.mark.skipif(
        "IMAGE_CHECK" not in os.environ, reason="takes minutes and a network; see make image-check"
    ),
]

UID = 64_321
PATIENCE_S = 120


@dataclass(frozen=True)
class Image:
    """One that was built, and what builds and runs it."""

    engine: Engine
    name: str
    bases: dict[str, str]
    moment: dt.datetime


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    engine = Engine(tmp_path_factory.mktemp("image"))
    bases = {"BUILD_BASE": build_base(engine), "RUN_BASE": run_base(engine)}
    moment = moment_of_source()
    yield Image(engine, build(engine, "mover", bases, moment), bases, moment)
    engine.run("rm", "--all", "--force", "--time", "5")
    engine.build("rmi", "--all", "--force")


@pytest.fixture(scope="module")
def files(image: Image) -> Iterator[Path]:
    with mounted(image.engine, image.name) as root:
        yield root


def test_who_it_runs_as_and_what(image: Image):
    config = configuration(image.engine, image.name)["config"]
    assert (config["User"], config["WorkingDir"], config["StopSignal"]) == ("64321:64321", "/", "SIGTERM")
    assert [*config["Entrypoint"], *config["Cmd"]] == ["/opt/mover/bin/python", "-m", "mover", "serve"]
    assert list(config["ExposedPorts"]) == ["8443/tcp"]
    assert config["Labels"]["org.opencontainers.image.title"] == "Mover"
    environment = dict(entry.split("=", 1) for entry in config["Env"])
    assert environment["PYTHONSAFEPATH"] == "1"


def test_nothing_in_it_belongs_to_its_user_but_an_empty_folder(files: Path):
    owned, writable, setting_id = [], [], []
    for path in files.rglob("*"):
        status = path.lstat()
        inside = "/" + str(path.relative_to(files))
        if UID in {status.st_uid, status.st_gid}:
            owned.append((inside, stat.S_IMODE(status.st_mode)))
        if status.st_mode & stat.S_IWOTH and not stat.S_ISLNK(status.st_mode):
            writable.append(inside)
        if stat.S_ISREG(status.st_mode) and status.st_mode & (stat.S_ISUID | stat.S_ISGID):
            setting_id.append(inside)
    assert owned == [("/var/lib/mover", 0o700)]
    assert list((files / "var/lib/mover").iterdir()) == []
    assert set(writable) <= {"/tmp", "/var/tmp", "/run/lock", "/var/lock"}  # and the root is read-only
    assert setting_id == []


def test_no_shell_no_package_manager_no_compiler_no_pip(files: Path):
    names = {path.name for path in files.rglob("*") if path.is_file() or path.is_symlink()}
    for tool in (
        "sh",
        "bash",
        "dash",
        "busybox",
        "apt",
        "apt-get",
        "dpkg",
        "gcc",
        "cc",
        "ld",
        "pip",
        "pip3",
        "perl",
    ):
        assert tool not in names
    libraries = files / "opt/mover/lib/python3.11/site-packages"
    assert not [
        path.name for path in libraries.iterdir() if path.name.startswith(("pip", "setuptools", "wheel"))
    ]
    programs = {path.name for path in (files / "opt/mover/bin").iterdir()}
    assert programs == {"mover", "temporal", "python", "python3", "python3.11"}
    assert (libraries / f"mover-{__version__}.dist-info").is_dir()


def test_all_is_compiled_and_stays_valid_whatever_times_its_files_have(files: Path):
    for place in ("opt/mover/lib/python3.11/site-packages/mover", "usr/lib/python3.11/asyncio"):
        for source in (files / place).glob("*.py"):
            compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-311.pyc"
            assert compiled.read_bytes()[4:8] == b"\x01\0\0\0", source  # by hash, unchecked (PEP 552)


def test_whoever_builds_it_again_gets_the_same(image: Image):
    again = build(image.engine, "again", image.bases, image.moment)
    layers = [configuration(image.engine, name)["rootfs"]["diff_ids"] for name in (image.name, again)]
    assert layers[0] == layers[1]


@dataclass(frozen=True)
class Running:
    """`mover serve` in a container of the composition's."""

    image: Image
    container: str
    port: int
    prepared: Prepared
    files: Path
    settings: dict[str, str]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        return ask(self.prepared, self.port, self.prepared.home / "tls" / "ca.pem", method, path, body)

    def inside(self, *command: str) -> str:
        return self.image.engine.run("exec", self.container, *command)

    def logs(self) -> str:
        return self.image.engine.run("logs", self.container)


def wait_until(condition: Callable[[], bool], said: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, said()[-4000:]
        time.sleep(0.2)


def started(image: Image, options: list[str], part: str) -> str:
    """Start a container; returns its id."""
    return image.engine.run("run", "--detach", *options, image.name, part).strip().splitlines()[-1]


def volume(image: Image) -> Path:
    return Path(image.engine.run("volume", "inspect", "--format", "{{.Mountpoint}}", "state").strip())


@pytest.fixture(scope="module")
def settings_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The composition's secret, of the mode that it asks for."""
    file = tmp_path_factory.mktemp("secrets") / "settings.toml"
    file.write_text('local_folders = ["/srv/files"]\n')
    os.chown(file, 0, UID)
    file.chmod(0o440)
    return file


@pytest.fixture(scope="module")
def serving(image: Image, settings_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("files")
    os.chown(folder, UID, UID)
    port = free_port()
    replaced = {
        "MOVER_LISTEN": f"localhost:{port}",
        "MOVER_PUBLIC_URL": f"https://localhost:{port}",
        "MOVER_LOCK_MEMORY": "automatic",
    }
    options = composed(replaced, settings_file, ("--volume", f"{folder}:/srv/files"))
    assert (
        image.engine.run("run", "--rm", *options, image.name, "--version").strip() == f"mover {__version__}"
    )
    state = volume(image)
    assert (state.stat().st_uid, stat.S_IMODE(state.stat().st_mode)) == (UID, 0o700)
    prepared = asyncio.run(prepare_home(state))
    for path in state.rglob("*"):
        os.chown(path, UID, UID)
    running = Running(image, started(image, options, "serve"), port, prepared, folder, replaced)
    wait_until(functools.partial(answers, port, state / "tls" / "ca.pem"), running.logs)
    return running


STATUS = """
import os
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) != os.getpid():
        print(open(f"/proc/{pid}/status").read())
"""
FORBIDDEN = """
import ctypes, os, socket
def tries(what, deed):
    try:
        deed()
    except OSError:
        return
    print(what)
tries("write to the system", lambda: open("/etc/mover-was-here", "w"))
tries("write beside the program", lambda: open("/opt/mover/was-here", "w"))
tries("become root", lambda: os.setuid(0))
tries("sniff", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
tries("own a file for root", lambda: os.chown("/tmp", 0, 0))
def runs():
    with open(place + "/program", "w") as file:
        file.write("#!/opt/mover/bin/python\\n")
    os.chmod(place + "/program", 0o700)
    if os.fork() == 0:
        try:
            os.execv(place + "/program", ["program"])
        except OSError:
            os._exit(1)
    if os.wait()[1]:
        raise OSError
for place in ("/tmp", "/var/lib/mover"):
    tries("run what it wrote in " + place, runs)
def mounts():
    if ctypes.CDLL(None).mount(b"none", b"/tmp", b"tmpfs", 0, None):
        raise OSError
tries("mount", mounts)
print("done")
"""


def test_its_processes_have_no_rights(serving: Running):
    blocks = serving.inside("/opt/mover/bin/python", "-c", STATUS).strip().split("\n\n")
    names = [block.splitlines()[0] for block in blocks]
    assert len(blocks) >= 4, names  # serve, API, runner, Temporal
    for block in blocks:
        status = dict(line.split(":", 1) for line in block.splitlines())
        assert set(status["Uid"].split()) == {str(UID)}
        assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2")
        for kind in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
            assert int(status[kind], 16) == 0, (names, kind)


def test_what_is_forbidden_cannot_be_done(serving: Running):
    assert serving.inside("/opt/mover/bin/python", "-c", FORBIDDEN) == "done\n"


def test_its_health_is_checked(serving: Running):
    (service,) = yaml.safe_load(COMPOSITION.read_text())["services"].values()
    kind, *command = service["healthcheck"]["test"]
    assert kind == "CMD"
    serving.inside(*(part.replace("8443", str(serving.port)) for part in command))


def move(running: Running, name: str) -> None:
    """Move some files through the API, and compare both ends."""
    folders = {side: running.files / f"{name}-{side}" for side in ("from", "to")}
    for folder in folders.values():
        folder.mkdir()
    written = {f"file {number}.bin": os.urandom(300_000) for number in range(5)}
    for file, content in written.items():
        (folders["from"] / file).write_bytes(content)
    for path in running.files.rglob("*"):
        os.chown(path, UID, UID)
    sides = {}
    for side, long in (("from", "source"), ("to", "destination")):
        place = {"path": f"/srv/files/{name}-{side}"}
        new = {"name": f"{name}-{side}", "service": "local", "configuration": place}
        sides[f"{long}_connection_id"] = running.ask("POST", "/connections", new)["id"]
    migration = running.ask("POST", "/migrations", {"name": name, **sides})["id"]
    pair = {"source_path": "/", "destination_path": "/"}
    running.ask("POST", f"/migrations/{migration}/pairs", {"pairs": [pair]})
    running.ask("POST", f"/migrations/{migration}/start", {"pairs": {"all": True}})

    def ended() -> bool:
        runs = running.ask("GET", f"/migrations/{migration}/runs")["items"]
        return bool(runs) and all(run["state"] == "ended" for run in runs)

    wait_until(ended, running.logs)
    assert {path.name: path.read_bytes() for path in folders["to"].iterdir()} == written


def end(running: Running) -> None:
    """End the container as an operator does, and see that all in it has ended in order."""
    running.image.engine.run("stop", running.container)
    code = running.image.engine.run("inspect", "--format", "{{.State.ExitCode}}", running.container)
    assert code.strip() == "0"
    assert "Traceback" not in running.logs()


def test_it_moves_files_and_ends_when_it_is_told(serving: Running):
    move(serving, "together")
    end(serving)


def test_api_and_runner_are_containers_of_their_own(
    image: Image, serving: Running, settings_file: Path, tmp_path: Path
):
    image.engine.run("stop", serving.container)
    with temporal(tmp_path) as server:
        replaced = {**serving.settings, "MOVER_TEMPORAL_ADDRESS": server.address}
        options = composed(replaced, settings_file, ("--volume", f"{serving.files}:/srv/files"))
        parts = [replace(serving, container=started(image, options, part)) for part in ("api", "runner")]
        ca_file = serving.prepared.home / "tls" / "ca.pem"
        wait_until(functools.partial(answers, serving.port, ca_file), parts[0].logs)
        move(parts[0], "apart")
        for part in parts:
            end(part)
