"""A PostgreSQL and a standby of it that can take its place: what an operator with two servers has."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.postgresql import (
    SERVERS_USER,
    USERNAME,
    PostgresqlServer,
    as_servers_user,
    postgresql,
    program,
    server_folder,
)
from tests.servers.processes import LOOPBACK

_STANDBY = "second"
_REPLICATING = {
    "wal_level": "replica",
    "max_wal_senders": "5",
    "max_replication_slots": "5",
}


@dataclass
class Replicated:
    """Two servers, of which the second follows the first.

    Attributes:
        first: The primary, until it is killed.
        second: The standby, until it is promoted.
    """

    first: PostgresqlServer
    second: PostgresqlServer
    _folder_of_second: Path
    _second: contextlib.ExitStack

    def url(self, database: str = "postgres") -> str:
        """Where the database is, whichever of the two is the primary: as operators give it."""
        places = f"{LOOPBACK}:{self.first.port},{LOOPBACK}:{self.second.port}"
        return f"postgresql://{USERNAME}@{places}/{database}?target_session_attrs=read-write"

    def kill_first(self) -> None:
        """Kill every process of the primary, without a last word of any, as when its machine loses power."""
        os.kill(self.first.pid, signal.SIGSTOP)  # it starts nobody meanwhile
        children = Path(f"/proc/{self.first.pid}/task/{self.first.pid}/children").read_text()
        for pid in (*map(int, children.split()), self.first.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def cut_off_second(self) -> None:
        """Let the standby hear nothing more of the primary: it stays where it is."""
        self.second.execute("ALTER SYSTEM SET primary_conninfo = ''")
        self.second.execute("SELECT pg_reload_conf()")
        while self.second.execute("SELECT FROM pg_stat_wal_receiver"):
            pass

    def restart_second(self) -> None:
        """Start the standby anew; it reads again what it has of the primary's log."""
        self._second.close()
        self.second = self._second.enter_context(_start(self._folder_of_second, self.second.port))

    def promote_second(self) -> None:
        """Make the standby the primary; returns when it takes writes."""
        assert self.second.execute("SELECT pg_promote(true, 60)") == [(True,)]


@contextlib.contextmanager
def replicated(*, synchronous: bool) -> Iterator[Replicated]:
    """Run both for the time of a `with` block; enter it from the main thread.

    Args:
        synchronous: What is committed at the first is on the disk of the second as well before anybody is told.
    """
    with contextlib.ExitStack() as stack:
        folders = [stack.enter_context(server_folder()) for _ in range(2)]
        first = stack.enter_context(_start(folders[0]))
        _copy(first, folders[1] / "data")
        running = stack.enter_context(contextlib.ExitStack())
        second = running.enter_context(_start(folders[1]))
        if synchronous:
            first.execute(f"ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 ({_STANDBY})'")
            first.execute("SELECT pg_reload_conf()")
        wanted = "sync" if synchronous else "async"
        while first.execute("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'") != [
            (wanted,)
        ]:
            pass
        yield Replicated(first, second, folders[1], running)


def _start(folder: Path, port: int | None = None) -> contextlib.AbstractContextManager[PostgresqlServer]:
    return postgresql(folder, port=port, settings=_REPLICATING, end_with=signal.SIGQUIT)


def _copy(first: PostgresqlServer, data: Path) -> None:
    """Make the standby's folder as an operator does: pg_basebackup, with the log that is written meanwhile."""
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(data, SERVERS_USER)
    following = f"host={LOOPBACK} port={first.port} user={USERNAME} application_name={_STANDBY}"
    command = [
        *(*as_servers_user(), program("pg_basebackup"), "-D", str(data), "-d", following),
        *("--checkpoint=fast", "--wal-method=stream", "--no-sync", "--write-recovery-conf"),
    ]
    done = subprocess.run(
        command, capture_output=True, check=False, env={"PATH": os.defpath, "LANG": "C.UTF-8"}, cwd="/"
    )
    assert done.returncode == 0, done.stderr.decode()
