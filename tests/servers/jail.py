"""A private view of the machine for servers that need users of their own or fixed places.

In it `/srv` is the server's own folder, `/run` is empty, and the accounts in `/etc/passwd` are the machine's plus
throwaway ones, while the machine itself sees nothing of that. All processes in it end together with the first one.
Only root can make such a view (Linux namespaces).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.processes import tool

INSIDE = Path("/srv")
_KNOWN = ("passwd", "group", "shadow")

_ENTER = """
set -e
mount --bind "$1" /srv
mount -t tmpfs -o mode=755 tmpfs /run
for name in passwd group shadow; do mount --bind "/srv/etc/$name" "/etc/$name"; done
shift
exec "$@"
"""


@dataclass(frozen=True)
class Account:
    """A throwaway account of a jail. `home` is a place inside."""

    name: str
    password: str
    uid: int
    home: Path


def can_jail() -> bool:
    """Tell whether this process may make jails."""
    return os.geteuid() == 0


def prepare(folder: Path, accounts: Sequence[Account] = ()) -> None:
    """Make `folder` the inside of a jail that knows these accounts; a folder that was one before keeps the rest."""
    (folder / "etc").mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    for name in _KNOWN:
        shutil.copyfile(Path("/etc", name), folder / "etc" / name)
    add_accounts(folder / "etc", accounts)


def add_accounts(etc: Path, accounts: Sequence[Account]) -> None:
    """Write accounts into the files of an `/etc`."""
    lines = dict.fromkeys(_KNOWN, "")
    for account in accounts:
        crypted = _crypt(account.password)
        lines["passwd"] += f"{account.name}:x:{account.uid}:{account.uid}::{account.home}:/bin/sh\n"
        lines["group"] += f"{account.name}:x:{account.uid}:\n"
        lines["shadow"] += f"{account.name}:{crypted}:19000:0:99999:7:::\n"
    for name, added in lines.items():
        file = etc / name
        file.write_text(file.read_text() + added)
        file.chmod(0o640 if name == "shadow" else 0o644)


def jailed(folder: Path, command: Sequence[str | Path]) -> list[str]:
    """Return the command that runs `command` in the jail made of `folder`. End it with SIGKILL: it passes nothing on."""
    return private_view(_ENTER, folder, command)


def private_view(enter: str, folder: Path, command: Sequence[str | Path]) -> list[str]:
    """Return the command that runs `command` with its own mounts and processes, after the script `enter` (`$1`: the folder)."""
    namespaces = [
        "--mount",
        "--pid",
        "--fork",
        "--kill-child=KILL",
        "--mount-proc",
        "--propagation",
        "private",
    ]
    return [tool("unshare"), *namespaces, "--", "sh", "-c", enter, "private", str(folder), *map(str, command)]


def _crypt(password: str) -> str:
    done = subprocess.run(
        [tool("openssl"), "passwd", "-6", "-stdin"], input=password.encode(), capture_output=True, check=True
    )
    return done.stdout.decode().strip()
