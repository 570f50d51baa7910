"""Machines of a test's own: network namespaces joined by a switch, which know of no other network.

Each has its address, its firewall and its ports, so that files of `deploy/` can be loaded as they are. Nothing of it is seen
outside, and all of it ends with the process that made it. Only root can make them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.jail import Account, add_accounts, private_view
from tests.servers.processes import running, tool

_HOLD = "ip link set lo up; touch {ready}; exec sleep infinity"
_COUNTER = re.compile(r"counter (\w+) \{\s*packets (\d+)")
_LISTENS = "0A"  # TCP_LISTEN
_TAKES_DATAGRAMS = "07"

_ENTER = """
set -e
mount --bind "$1/etc" /etc
mount --bind "$1/log" /var/log
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/sshd
shift
exec "$@"
"""


@dataclass(frozen=True)
class Machine:
    """One namespace, with a view of the disk in which `/etc` and `/var/log` are its own.

    Attributes:
        holder: The process that keeps it alive.
        address: Its address, as other machines know it.
        folder: Holds `etc` and `log`.
    """

    name: str
    holder: int
    address: str
    folder: Path

    @property
    def etc(self) -> Path:
        """Its `/etc`."""
        return self.folder / "etc"

    @property
    def log(self) -> Path:
        """Its `/var/log`."""
        return self.folder / "log"

    def command(self, *words: str | Path) -> list[str]:
        """Return the command that runs a command there. What it starts ends with it, if that is by SIGKILL."""
        return self.network_only(*private_view(_ENTER, self.folder, words))

    def network_only(self, *words: str | Path) -> list[str]:
        """Return the command that runs a command with its network, and with everybody's view of the disk."""
        return [tool("nsenter"), f"--net=/proc/{self.holder}/ns/net", "--", *map(str, words)]

    def run(self, *words: str | Path) -> str:
        """Run a command there, which must succeed, and return what it prints."""
        done = self.tried(*words)
        assert done.returncode == 0, f"{words} on {self.name}: {done.stdout}{done.stderr}"
        return done.stdout

    def tried(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command there, come what may."""
        return subprocess.run(
            self.command(*words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.defpath + ":/usr/sbin:/sbin", "LANG": "C.UTF-8"},
        )

    def load(self, rules: Path) -> None:
        """Load rules of nftables."""
        self.run(tool("nft"), "-f", rules)

    def counted(self) -> Mapping[str, int]:
        """Packets of each named counter of its firewall."""
        return {
            name: int(packets)
            for name, packets in _COUNTER.findall(self.run(tool("nft"), "list", "counters"))
        }

    def listening(self) -> list[str]:
        """All sockets there that listen, or take datagrams: lines of the kernel's tables."""
        found = []
        for table, state in (
            ("tcp", _LISTENS),
            ("tcp6", _LISTENS),
            ("udp", _TAKES_DATAGRAMS),
            ("udp6", _TAKES_DATAGRAMS),
        ):
            lines = Path(f"/proc/{self.holder}/net/{table}").read_text().splitlines()[1:]
            found += [f"{table} {line}" for line in lines if line.split()[3] == state]
        return found

    def reaches(self, address: str, port: int, *, user: int = 0, within_s: float = 0.5) -> str:
        """Try to connect from there; returns `yes`, or what went wrong."""
        done = subprocess.run(
            self.network_only(
                *(tool("setpriv"), "--reuid", str(user), "--regid", str(user), "--clear-groups", "--"),
                *(sys.executable, "-I", "-S", "-c", _CONNECT, address, str(port), str(within_s)),
            ),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()


_CONNECT = """
import socket, sys
with socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET) as probe:
    probe.settimeout(float(sys.argv[3]))
    try:
        probe.connect((sys.argv[1], int(sys.argv[2])))
        print("yes")
    except OSError as error:
        print(type(error).__name__)
"""


@dataclass
class Network:
    """A switch, and the machines at it."""

    folder: Path
    _switch: Machine
    _stack: contextlib.ExitStack

    def machine(self, name: str, address: str, accounts: Sequence[Account] = ()) -> Machine:
        """Add a machine with an address of 192.0.2.0/24, at `eth0`; its `/etc` is a copy with more accounts."""
        folder = self.folder / name
        (folder / "log").mkdir(parents=True)
        shutil.copytree("/etc", folder / "etc", symlinks=True)
        add_accounts(folder / "etc", accounts)
        (folder / "etc" / "resolv.conf").write_text("nameserver 192.0.2.53\noptions timeout:1 attempts:1\n")
        machine = Machine(name, _held(self._stack, folder), address, folder)
        ip, port = tool("ip"), f"to-{name}"[:15]
        join = [ip, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(machine.holder)]
        _set_up(self._switch, join, [ip, "link", "set", port, "master", "switch", "up"])
        _set_up(
            machine,
            [ip, "address", "add", f"{address}/24", "dev", "eth0"],
            [ip, "link", "set", "eth0", "up"],
        )
        return machine


@contextlib.contextmanager
def network(folder: Path) -> Iterator[Network]:
    """Make a switch for the time of a `with` block."""
    with contextlib.ExitStack() as stack:
        (folder / "switch").mkdir(parents=True)
        switch = Machine("switch", _held(stack, folder / "switch"), "", folder / "switch")
        ip = tool("ip")
        _set_up(switch, [ip, "link", "add", "switch", "type", "bridge"], [ip, "link", "set", "switch", "up"])
        yield Network(folder, switch, stack)


def _set_up(machine: Machine, *commands: Sequence[str]) -> None:
    for words in commands:
        subprocess.run(machine.network_only(*words), check=True)


def _held(stack: contextlib.ExitStack, folder: Path) -> int:
    ready = folder / "ready"
    command = [tool("unshare"), "--net", "--", "sh", "-ec", _HOLD.format(ready=ready)]
    return stack.enter_context(running(command, log=folder / "holder.log", ready=ready.exists)).pid
