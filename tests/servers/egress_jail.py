"""A runner's machine that reaches an egress proxy, Temporal, and nothing else, as deploy/ sets it up, with its files as they are."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.command import Mover
from tests.servers.beyond import beyond
from tests.servers.jail import Account
from tests.servers.network import Machine, network
from tests.servers.processes import running, tool

from mover.database.database import Database
from mover.destinations.formats import Format, written
from mover.destinations.in_use import InUse, in_use
from mover.settings import Settings
from mover.vault.secret import Secret

DEPLOY = Path(__file__).parents[2] / "deploy"
PASSWORD = "proxy-pass"  # of `mover`, at both proxies
RUNNER, PROXY, TEMPORAL, STRANGER = "192.0.2.30", "192.0.2.10", "192.0.2.40", "192.0.2.66"
TEMPORAL_PORT = 7233
MOVER = Account("mover", PASSWORD, 30_001, Path("/nonexistent"))
SQUID_URL = f"http://{MOVER.name}:{PASSWORD}@{PROXY}:3128"
DANTE_URL = f"socks5h://{MOVER.name}:{PASSWORD}@{PROXY}:1080"
_WITHIN_S = 20.0
_ANY = "0.0.0.0"  # noqa: S104 - in a network of its own; Temporal's parts speak to each other at 127.0.0.1


@dataclass
class EgressJail:
    """The machines, and what runs on them.

    Attributes:
        folder: For what a Mover keeps.
        requests: squid's log: a line a tunnel.
        asked: dante's log.
    """

    folder: Path
    runner: Machine
    proxy: Machine
    temporal: Machine
    stranger: Machine
    variables: dict[str, str] = field(default_factory=dict)
    squid: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The operator's settings that the lists follow from, besides the connections."""
        return {
            "proxy": Secret(self.variables["MOVER_PROXY"]),
            "temporal_address": self.variables["MOVER_TEMPORAL_ADDRESS"],
            "allow_private_addresses": "127.0.0.0/8",
            "otlp_endpoint": self.variables.get("MOVER_OTLP_ENDPOINT"),
        }

    @property
    def requests(self) -> Path:
        return self.proxy.log / "squid" / "mover.log"

    @property
    def asked(self) -> Path:
        return self.proxy.log / "danted.log"

    def inside(self) -> list[str]:
        """What a command is started through so that it runs on the runner's machine, as the user `mover`.

        It may read whatever is root's on this disk, since Mover itself may lie there; no other capability is left to it.
        """
        capabilities = "+dac_override,+dac_read_search"
        user = [
            "--reuid",
            MOVER.name,
            "--regid",
            MOVER.name,
            "--clear-groups",
            "--no-new-privs",
            "--pdeathsig",
            "KILL",
        ]
        words = [tool("setpriv"), *user, "--inh-caps", capabilities, "--ambient-caps", capabilities, "--"]
        return self.runner.command(*words)

    def mover(self, **variables: str) -> Mover:
        """The command on the runner's machine, whose user gets all that is kept."""
        made = Mover(self.folder, inside=self.inside(), **{**self.variables, **variables})
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, MOVER.uid, MOVER.uid)
        return made

    def operator(self, **variables: str) -> Mover:
        """The command as an operator runs it who looks after firewall and proxy."""
        return Mover(self.folder, **{**self.variables, **variables})

    def open_ways(self, **settings: Any) -> None:
        """Make the lists anew from the connections in use, and load them: what an operator does when these change."""
        chosen = Settings(home=self.operator().home, **{**self.settings, **settings})
        found = asyncio.run(_found(chosen))
        etc = self.proxy.etc
        (self.runner.etc / "mover" / "ways.nft").write_text(written(Format.NFTABLES, found, _no_names))
        (etc / "squid" / "mover" / "allow-list.conf").write_text(written(Format.SQUID, found, _no_names))
        head = (DEPLOY / "dante" / "danted.conf").read_text()
        (etc / "danted.conf").write_text(head + written(Format.DANTE, found, _no_names))
        self.runner.load(DEPLOY / "nftables" / "runner.nft")
        if self.squid is not None:
            self._hup(self.squid, self.proxy.log / "squid" / "cache.log", "Accepting HTTP Socket connections")

    def refused(self) -> Mapping[str, int]:
        """What the runner's firewall has refused since its rules were loaded."""
        return self.runner.counted()

    @contextlib.contextmanager
    def with_dante(self) -> Iterator[None]:
        """Run dante with the list as it stands."""
        self.asked.touch()
        self.asked.chmod(0o666)
        command = self.proxy.command(*_watched(tool("danted"), "-p", "/run/danted.pid"))
        before = len(self.proxy.listening())
        with running(
            command,
            log=self.proxy.log / "dante.out",
            ready=lambda: len(self.proxy.listening()) > before,
            end_with=signal.SIGKILL,
        ):
            yield

    def _hup(self, process: subprocess.Popen[bytes], log: Path, word: str) -> None:
        before = log.read_text().count(word)
        (shell,) = _children(process.pid)
        for squid in _children(shell):
            os.kill(squid, signal.SIGHUP)
        deadline = time.monotonic() + _WITHIN_S
        while log.read_text().count(word) == before:
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.01)


async def _found(settings: Settings) -> InUse:
    database = await Database.open(settings.database_url)
    try:
        return await database.read(lambda transaction: in_use(transaction, settings))
    finally:
        await database.close()


def _no_names(name: str) -> list[str]:
    raise AssertionError(f"{name} was looked up")


@contextlib.contextmanager
def egress_jail(folder: Path, ports: Mapping[int, int], hosts: Mapping[str, str]) -> Iterator[EgressJail]:
    """Make it for the time of a `with` block, with squid and Temporal.

    Args:
        folder: Throwaway.
        ports: Those of the proxy's loopback address that are others on this machine.
        hosts: Names that the proxy knows, and their addresses.
    """
    with contextlib.ExitStack() as stack:
        joined = stack.enter_context(network(folder / "network"))
        runner = joined.machine("runner", RUNNER, [MOVER])
        proxy = joined.machine("proxy", PROXY, [MOVER])
        temporal = joined.machine("temporal", TEMPORAL)
        stranger = joined.machine("stranger", STRANGER)
        (runner.etc / "mover").mkdir()
        jail = EgressJail(folder / "mover", runner, proxy, temporal, stranger)
        jail.folder.mkdir()
        jail.variables = {
            "MOVER_PROXY": SQUID_URL,
            "MOVER_TEMPORAL_ADDRESS": f"{TEMPORAL}:{TEMPORAL_PORT}",
        }
        with (proxy.etc / "hosts").open("a") as known:
            known.writelines(f"{address} {name}\n" for name, address in hosts.items())
        stack.enter_context(beyond(proxy, ports))
        _prepare_squid(proxy)
        jail.open_ways()
        jail.squid = stack.enter_context(_squid(proxy))
        stack.enter_context(_temporal(temporal))
        yield jail


def _watched(*words: str) -> list[str]:
    """Run a program that gives up root below a shell that does not: what gives it up is no longer told of its parent's end."""
    return ["sh", "-c", '"$@"; exit $?', "watch", *words]


def _children(process_id: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()]


def _prepare_squid(machine: Machine) -> None:
    squid = machine.etc / "squid"
    shutil.copy(DEPLOY / "squid" / "squid.conf", squid / "squid.conf")
    (squid / "mover").mkdir()
    crypted = subprocess.run(
        [tool("openssl"), "passwd", "-apr1", "-stdin"],
        input=PASSWORD.encode(),
        capture_output=True,
        check=True,
    )
    (squid / "mover" / "users").write_text(f"{MOVER.name}:{crypted.stdout.decode().strip()}\n")
    (machine.log / "squid").mkdir()
    shutil.chown(machine.log / "squid", "proxy", "proxy")


@contextlib.contextmanager
def _squid(machine: Machine) -> Iterator[subprocess.Popen[bytes]]:
    log = machine.log / "squid" / "cache.log"
    command = machine.command(*_watched(tool("squid"), "-N"))
    with running(
        command,
        log=machine.log / "squid.out",
        ready=lambda: log.exists() and "Accepting HTTP Socket connections" in log.read_text(),
        end_with=signal.SIGKILL,
    ) as process:
        yield process


@contextlib.contextmanager
def _temporal(machine: Machine) -> Iterator[None]:
    words = ["server", "start-dev", "--headless", "--ip", _ANY, "--port", str(TEMPORAL_PORT)]
    command = machine.network_only(tool("temporal"), *words, "--log-level", "error")
    with running(
        command,
        log=machine.log / "temporal",
        ready=lambda: any(f":{TEMPORAL_PORT:04X} " in line for line in machine.listening()),
        environment={"HOME": str(machine.folder)},
        end_with=signal.SIGKILL,
    ):
        yield
