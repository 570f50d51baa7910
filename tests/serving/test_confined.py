"""Mover from its wheel, run as its units and its container run it: no root, nothing writable, few system calls. It works."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.servers.confined import Plan, can_lock_memory, confined, plan_of
from tests.servers.installed import Installed, interpreter
from tests.servers.jail import can_jail
from tests.servers.processes import free_port, running
from tests.servers.service import Prepared, answers, ask, prepare_home
from tests.servers.units import read_unit

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.promise("isolation"),
    pytest.mark.skipif(
        not can_jail() or not str(interpreter()).startswith("/usr/"),
        reason="needs root to make the view, and a Python that others can run",
    ),
]

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
UID = 64_321
PATIENCE_S = 90
PYTHON = "/opt/mover/bin/python"


@dataclass
class Confined:
    """A command of Mover that runs so."""

    port: int
    state: Path
    prepared: Prepared
    log: Path
    process: subprocess.Popen[bytes]

    def first(self) -> int:
        """The number of the confined process itself, seen from outside."""
        (child,) = children(self.process.pid)
        return child

    def all(self) -> list[int]:
        """It and all that it has started."""
        found = [self.first()]
        for pid in found:
            found += children(pid)
        return found

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        return ask(self.prepared, self.port, self.state / "tls" / "ca.pem", method, path, body)


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


def owned(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, UID, UID, follow_symlinks=False)


def planned(
    name: str, arguments: Sequence[str], installed: Installed, folder: Path, **environment: str
) -> Plan:
    """How a unit of ours runs `mover ARGUMENTS`; its settings are given by the environment."""
    unit = read_unit(UNITS / name)
    state = folder / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    (folder / "root").mkdir(exist_ok=True)
    inside = f"/var/lib/{unit.last('StateDirectory')}"
    variables = {
        "MOVER_HOME": inside,
        "HOME": inside,
        "LANG": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
        **environment,
    }
    plan = plan_of(
        unit, (PYTHON, "-m", "mover", *arguments), variables, uid=UID, root=folder / "root", state=state
    )
    return replace(plan, seen={"/opt/mover": str(installed.environment)})


@contextlib.contextmanager
def running_confined(plan: Plan, folder: Path, port: int) -> Iterator[Confined]:
    state = Path(next(iter(plan.writable.values())))
    prepared = asyncio.run(prepare_home(state))
    owned(state)
    log = folder / "log"
    ca_file = state / "tls" / "ca.pem"
    with running(
        confined(plan, folder / "plan.json"),
        log=log,
        ready=lambda: answers(port, ca_file),
        within_s=90,
        environment={"PYTHONPATH": os.pathsep.join(("src", "."))},
        end_with=signal.SIGKILL,
    ) as process:
        yield Confined(port, state, prepared, log, process)


@pytest.fixture(scope="module")
def everything(mover_installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Confined]:
    """`mover serve` as mover.service runs it."""
    folder = tmp_path_factory.mktemp("unit")
    port = free_port()
    plan = planned(
        "mover.service",
        ("serve",),
        mover_installed,
        folder,
        MOVER_LISTEN=f"localhost:{port}",
        MOVER_LOCAL_FOLDERS="/srv/files",
    )
    # As ReadWritePaths=/srv/files of a drop-in would have it.
    files = folder / "files"
    for name in ("from", "to"):
        (files / name).mkdir(parents=True)
    owned(files)
    plan = replace(plan, writable={**plan.writable, "/srv/files": str(files)})
    with running_confined(plan, folder, port) as running_one:
        yield running_one


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_each_of_its_processes_is_confined_and_keeps_its_keys_in_memory(everything: Confined):
    pids = everything.all()
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0") for pid in pids]
    assert len(pids) == 4
    for pid, command in zip(pids, commands, strict=True):
        status = status_of(pid)
        assert status["Uid"].split() == [str(UID)] * 4
        assert status["Groups"] == ""
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        assert int(status["Seccomp_filters"]) >= 5
        for kind in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
            assert int(status[kind], 16) == 0
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert next(line.split()[4:6] for line in limits.splitlines() if "core file" in line) == ["0", "0"]
        if "mover" in command and can_lock_memory():  # Temporal's server holds ciphertext only
            assert int(status["VmLck"].split()[0]) > 0.9 * int(status["VmRSS"].split()[0])


def test_it_moves_files(everything: Confined):
    files = everything.state.with_name("files")
    source, destination = files / "from", files / "to"
    for number in range(5):
        (source / f"file {number}.bin").write_bytes(os.urandom(300_000))
    owned(source)
    ids = [
        everything.ask(
            "POST",
            "/connections",
            {"name": name, "service": "local", "configuration": {"path": f"/srv/files/{name}"}},
        )["id"]
        for name in ("from", "to")
    ]
    migration = everything.ask(
        "POST",
        "/migrations",
        {"name": "M", "source_connection_id": ids[0], "destination_connection_id": ids[1]},
    )["id"]
    everything.ask(
        "POST", f"/migrations/{migration}/pairs", {"pairs": [{"source_path": "/", "destination_path": "/"}]}
    )
    everything.ask("POST", f"/migrations/{migration}/start", {"pairs": {"all": True}})
    runs: list[dict[str, Any]] = []
    deadline = time.monotonic() + PATIENCE_S
    while not runs or any(run["state"] != "ended" for run in runs):
        runs = everything.ask("GET", f"/migrations/{migration}/runs")["items"]
        assert everything.process.poll() is None
        assert time.monotonic() < deadline, everything.log.read_text()[-3000:]
    copied = {path.name: path.read_bytes() for path in destination.iterdir()}
    assert copied == {path.name: path.read_bytes() for path in source.iterdir()}, runs


FORBIDDEN = {
    "write to the system": "open('/etc/mover-was-here', 'w')",
    "write beside the program": "open('/opt/mover/was-here', 'w')",
    "look into homes": "os.listdir('/root')[0]",
    "see other processes": "open('/proc/1/environ').read() if os.getpid() != 1 else os.kill(0, 0) or open('/proc/2/status')",
    "become root": "os.setuid(0)",
    "make a namespace": "libc_does('unshare', 0x10000000)",
    "mount": "libc_does('mount', b'none', b'/tmp', b'tmpfs', 0, None)",
    "trace": "libc_does('ptrace', 0, 0, 0, 0)",
    "load a module": "libc_does('syscall', 175, 0, 0, 0)",
    "write to memory that is executed": "mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)",
    "speak to the kernel's tables": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "sniff": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "set a user's bit": "(open(home + '/x', 'w').close(), os.chmod(home + '/x', 0o4700))",
    "run what it wrote": "(open(home + '/p', 'w').write('#!/bin/true'), os.chmod(home + '/p', 0o700), os.execv(home + '/p', ['p']))",
    "dump its memory": "(resource.setrlimit(resource.RLIMIT_CORE, (1, 1)))",
    "run sooner than others": "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
    "change the clock": "time.clock_settime(time.CLOCK_REALTIME, 0)",
    "open a device": "os.open('/dev/sda', os.O_RDONLY) if os.path.exists('/dev/sda') else os.open('/dev/kmsg', os.O_RDONLY)",
}

PROBE = """
import ctypes, json, mmap, os, resource, socket, sys, time
home = os.environ['MOVER_HOME']
libc = ctypes.CDLL(None, use_errno=True)
def libc_does(name, *arguments):
    if getattr(libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)
done = []
for what, deed in json.loads(sys.argv[1]).items():
    try:
        exec(deed)
    except (OSError, ValueError, IndexError):  # an empty folder instead of homes
        continue
    done.append(what)
open(home + '/still works', 'w').close()
print(json.dumps(done))
"""


@pytest.mark.parametrize("name", sorted(path.name for path in UNITS.glob("*.service")))
def test_what_a_unit_forbids_cannot_be_done_in_it(mover_installed: Installed, tmp_path, name):
    plan = planned(name, (), mover_installed, tmp_path)
    plan = replace(plan, command=(PYTHON, "-c", PROBE, json.dumps(FORBIDDEN)))
    owned(tmp_path / "state")
    ended = subprocess.run(
        confined(plan, tmp_path / "plan.json"),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(("src", "."))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "[]\n"), ended.stderr
    assert (tmp_path / "state" / "still works").exists()


LIBRARIES = (
    *(
        "ld-linux-*.so.*",
        "libc.so.6",
        "libm.so.6",
        "libdl.so.2",
        "libpthread.so.0",
        "librt.so.1",
        "libutil.so.1",
    ),
    *(
        "libresolv.so.2",
        "libnss_files.so.2",
        "libnss_dns.so.2",
        "libcrypt.so.1",
        "libgcc_s.so.1",
        "libstdc++.so.6",
    ),
    *(
        "libz.so.1",
        "libssl.so.3",
        "libcrypto.so.3",
        "libffi.so.8",
        "libexpat.so.1",
        "libsqlite3.so.0",
        "libbz2.so.1.0",
    ),
    *("liblzma.so.5", "libuuid.so.1"),
)
"""What Debian's Python and the wheels need of the system; the base of the image has all of it."""


def container(installed: Installed) -> dict[str, str]:
    """What the container's image has, and no more: Python, its libraries, certificates, Mover. No shell."""
    libraries = next(Path("/usr/lib").glob("*-linux-gnu"))
    python = Path(os.path.realpath(interpreter()))
    seen = {
        "/opt/mover": str(installed.environment),
        str(python): str(python),
        "/usr/bin/python3": "/usr/bin/python3",
        f"/usr/lib/{python.name}": f"/usr/lib/{python.name}",
        "/etc/ssl/certs": "/etc/ssl/certs",
        "/etc/passwd": str(Path(__file__).parents[2] / "deploy" / "container" / "passwd"),
        "/etc/hosts": "/etc/hosts",
        "/lib": "/lib",
        "/lib64": "/lib64",
        "/usr/lib64": "/usr/lib64",
    }
    for pattern in LIBRARIES:
        seen |= {str(path): os.path.realpath(path) for path in libraries.glob(pattern)}
    return {inside: outside for inside, outside in seen.items() if Path(outside).exists()}


def test_the_api_runs_in_a_root_that_has_nothing_but_python_and_the_wheel(
    mover_installed: Installed, tmp_path
):
    port = free_port()
    plan = planned("mover-api.service", ("api",), mover_installed, tmp_path, MOVER_LISTEN=f"localhost:{port}")
    plan = replace(plan, machine=False, seen=container(mover_installed))
    with running_confined(plan, tmp_path, port) as api:
        root = Path(f"/proc/{api.first()}/root")
        assert not any(
            (root / place).exists() for place in ("bin/sh", "usr/bin/sh", "usr/bin/bash", "usr/sbin")
        )
        assert api.ask("GET", "/connections")["items"] == []
        os.kill(api.first(), signal.SIGTERM)
        assert api.process.wait(timeout=60) == 0
    said = api.log.read_text()
    assert "Traceback" not in said
    assert ("cannot be swapped" in said) is can_lock_memory()
