"""Runs a command as a unit of systemd would be run, as far as that can be done without systemd as the first process.

`python -m tests.servers.confined PLAN.json`, as root. What of the unit is done: user, capabilities, new privileges, limits,
umask, system calls, address families, namespaces, write xor execute, a root file system that is read-only but for some folders,
empty homes, /tmp and /dev of its own, /proc without others' processes. What is not: what takes the kernel's control groups and
BPF (MemorySwapMax, IPAddressDeny, SocketBindDeny), and PrivateUsers.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.servers import seccomp
from tests.servers.processes import tool
from tests.servers.units import Unit, allowed_calls

_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_KEEPCAPS = 24, 38, 8
_CAPABILITIES = 64
_CAP_SYS_RESOURCE = 24
_DEVICES = ("null", "zero", "full", "random", "urandom")


@dataclass(frozen=True)
class Plan:
    """What is run and in what.

    Attributes:
        command: Absolute paths, as seen inside.
        environment: All of it.
        uid: Of a user and group that own nothing else.
        root: An empty folder that the view is made in.
        writable: The folders that can be written: where each lies, by where it is seen.
        calls: System calls that are allowed.
        families: Of sockets.
        limits: Of resources, by their name without `RLIMIT_`; -1 is infinity.
        processes_only: /proc has nothing but processes.
        machine: Whether all of this machine is seen, read-only; else `seen` alone.
        seen: What is there besides, read-only: where it lies, by where it is seen.
    """

    command: tuple[str, ...]
    environment: dict[str, str]
    uid: int
    root: str
    writable: dict[str, str]
    calls: tuple[str, ...]
    families: tuple[str, ...]
    limits: dict[str, int]
    processes_only: bool
    machine: bool = True
    seen: dict[str, str] = field(default_factory=dict)


def confined(plan: Plan, file: Path) -> list[str]:
    """The command that runs a plan; it ends with SIGTERM to the child, or all at once with SIGKILL."""
    file.write_text(json.dumps(asdict(plan)))
    namespaces = [
        "--mount",
        "--ipc",
        "--uts",
        "--pid",
        "--fork",
        "--kill-child=KILL",
        "--propagation",
        "private",
    ]
    return [tool("unshare"), *namespaces, "--", sys.executable, "-m", "tests.servers.confined", str(file)]


def plan_of(
    unit: Unit, command: tuple[str, ...], environment: dict[str, str], *, uid: int, root: Path, state: Path
) -> Plan:
    """The plan of a unit whose settings can be done here; asserts that they are set."""
    for setting in (
        *("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "MemoryDenyWriteExecute"),
        *("RestrictNamespaces", "RestrictSUIDSGID"),
    ):
        assert unit.is_on(setting), setting
    assert (unit.last("CapabilityBoundingSet"), unit.last("ProtectSystem")) == ("", "strict")
    assert unit.last("ProtectProc") == "invisible"
    limits = {
        name.removeprefix("Limit"): -1 if values[-1] == "infinity" else int(values[-1])
        for name, values in unit.service.items()
        if name.startswith("Limit")
    }
    if not can_lock_memory():
        limits.pop("MEMLOCK", None)
        environment = {"MOVER_LOCK_MEMORY": "automatic", **environment}
    given = dict(word.split("=", 1) for word in unit.words("Environment") if "%" not in word)
    return Plan(
        command=command,
        environment={**given, **environment},
        uid=uid,
        root=str(root),
        writable={f"/var/lib/{unit.last('StateDirectory')}": str(state)},
        calls=tuple(sorted(allowed_calls(unit))),
        families=unit.words("RestrictAddressFamilies"),
        limits=limits,
        processes_only=unit.last("ProcSubset") == "pid",
    )


def can_lock_memory() -> bool:
    """Whether this process may give another one the right to lock all its memory; in some containers root may not."""
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] == resource.RLIM_INFINITY:
        return True
    lines = Path("/proc/self/status").read_text().splitlines()
    effective = next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))
    return bool(effective >> _CAP_SYS_RESOURCE & 1)


def main(file: str) -> None:
    """Become the command; does not return."""
    plan = Plan(**json.loads(Path(file).read_text()))
    _make_view(plan)
    seccomp.load_library()  # inside it may be missing
    os.chroot(plan.root)
    os.chdir("/")
    for name, limit in plan.limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        highest = resource.getrlimit(kind)[1]
        limit = limit if can_lock_memory() or highest == -1 else min(limit, highest)  # noqa: PLW2901 - what can be had
        resource.setrlimit(kind, (limit, limit))
    os.umask(0o077)
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(_CAPABILITIES):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(plan.uid, plan.uid, plan.uid)
    os.setresuid(plan.uid, plan.uid, plan.uid)
    assert libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    seccomp.no_other_families(plan.families)
    seccomp.nothing_writable_is_executed()
    seccomp.no_namespaces()
    seccomp.no_set_id_files()
    seccomp.only([*plan.calls, "seccomp"])
    os.execve(plan.command[0], list(plan.command), plan.environment)  # noqa: S606 - the point of it


def _make_view(plan: Plan) -> None:
    root = Path(plan.root)
    if plan.machine:
        _mount("--rbind", "/", plan.root)
        for hidden in ("root", "home", "run", "opt", "srv", "var/lib"):
            _empty(root / hidden, "mode=755")
    else:
        _empty(root, "mode=755")
    for temporary in ("tmp", "var/tmp"):
        _empty(root / temporary, "mode=1777,noexec,nosuid,nodev")
    for seen, lies in plan.seen.items():
        _bind(Path(lies), root / seen.lstrip("/"))
    _devices(root / "dev")
    subset = ",subset=pid" if plan.processes_only else ""
    _empty(root / "proc", "hidepid=invisible" + subset, kind="proc")
    kept = {root / inside.lstrip("/"): outside for inside, outside in plan.writable.items()}
    for inside, outside in kept.items():
        _bind(Path(outside), inside)
    _read_only(root, writable=(root / "tmp", root / "var/tmp", root / "dev", root / "proc", *kept))
    for inside in kept:
        _mount("-o", "remount,bind,rw,noexec,nosuid,nodev", str(inside))


def _read_only(root: Path, *, writable: tuple[Path, ...]) -> None:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    for place in {line.split()[4].encode().decode("unicode_escape") for line in lines}:
        path = Path(place)
        if path.is_relative_to(root) and not any(path.is_relative_to(each) for each in writable):
            _mount("-o", "remount,bind,ro", place)


def _devices(place: Path) -> None:
    _empty(place, "mode=755,noexec")
    for name in _DEVICES:  # this process still sees the machine's own
        (place / name).touch()
        _mount("--bind", f"/dev/{name}", str(place / name))
    _empty(place / "shm", "mode=1777,noexec")
    place.chmod(0o755)


def _bind(outside: Path, inside: Path) -> None:
    if outside.is_symlink():
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.symlink_to(outside.readlink())
        return
    if outside.is_dir():
        inside.mkdir(parents=True, exist_ok=True)
    else:
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.touch()
    _mount("--bind", str(outside), str(inside))


def _empty(place: Path, options: str, *, kind: str = "tmpfs") -> None:
    if not place.is_dir():
        place.mkdir(parents=True)
    _mount("-t", kind, "-o", options, kind, str(place))


def _mount(*arguments: str) -> None:
    subprocess.run([tool("mount"), *arguments], check=True)


if __name__ == "__main__":
    main(sys.argv[1])
