"""PostgreSQL with a database that sorts text as people do, and cheap copies of Mover's schema."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.processes import LOOPBACK, accepts_connections, free_port, running, tool

USERNAME = "mover"
PASSWORD = "pg canary 'ä' %/@:?#"
GUARDED = "guarded"
TEMPLATE = "mover_template"
SERVERS_USER = "nobody"  # PostgreSQL refuses to run as root
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "log_min_messages": "warning",
}


@dataclass(frozen=True, kw_only=True)
class PostgresqlServer:
    """A running PostgreSQL.

    Attributes:
        data: Its data folder.
        log: What the server prints.
        pid: Of the postmaster.
        ca_file: The authority that signed its certificate, if it offers TLS.
    """

    port: int
    data: Path
    log: Path
    pid: int
    ca_file: Path | None = None

    def url(self, database: str, *, user: str = USERNAME, password: str = "ignored") -> str:  # noqa: S107
        """Where a database is, for Mover."""
        return f"postgresql://{user}:{quote(password, safe='')}@{LOOPBACK}:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """Return a connection of a test's own, which commits each statement."""
        return psycopg.connect(host=LOOPBACK, port=self.port, user=USERNAME, dbname=database, autocommit=True)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Execute one statement, and return its rows."""
        with self.connect(database) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    def create(self, template: str | None = None) -> str:
        """Make a database and return its name: a copy, or an empty one whose text sorts as people sort."""
        name = f"test_{secrets.token_hex(6)}"
        copied = f"TEMPLATE {template} STRATEGY FILE_COPY" if template else _SORTED_AS_PEOPLE_DO
        self.execute(f"CREATE DATABASE {name} {copied}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever has it open."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


_SORTED_AS_PEOPLE_DO = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'"


@contextlib.contextmanager
def server_folder() -> Iterator[Path]:
    """Make a folder for all that a server needs; it is removed in the end.

    Not among pytest's folders: the server's user, who is not root, could not get there. Nor in /dev/shm, which tests
    search for what should not be there.
    """
    made = Path(tempfile.mkdtemp(prefix="mover-postgresql-"))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def postgresql(
    folder: Path | None = None,
    *,
    port: int | None = None,
    settings: Mapping[str, str] | None = None,
    tls: bool = False,
    rules: Sequence[str] = (),
    end_with: signal.Signals = signal.SIGINT,
) -> Iterator[PostgresqlServer]:
    """Run PostgreSQL; started again on the same folder it has the same data.

    Role `mover` gets in without a password, role `guarded` with one; both may do everything.

    Args:
        folder: From `server_folder`; by default one of its own.
        port: To listen on; by default any free one.
        settings: More of its settings, by name.
        tls: It offers it, and takes certificates of clients that the same authority signed.
        rules: Lines of pg_hba.conf before its own.
        end_with: SIGINT ends it at once, but in order; SIGQUIT, as a crash would.
    """
    with contextlib.ExitStack() as stack:
        folder = folder or stack.enter_context(server_folder())
        data, log = folder / "data", folder / "log"
        if not data.is_dir():
            _initialise(data, rules)
        port = port or free_port()
        certificates = make_certificates(folder / "tls") if tls else None
        if certificates is not None:
            settings = {**_with_tls(certificates, data), **(settings or {})}
        options = {**_SETTINGS, "port": str(port), **(settings or {})}
        command: list[str | Path] = [
            *as_servers_user(),
            program("postgres"),
            "-D",
            data,
            *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
        ]
        process = stack.enter_context(
            running(command, log=log, ready=lambda: _answers(port), end_with=end_with)
        )
        yield PostgresqlServer(
            port=port,
            data=data,
            log=log,
            pid=process.pid,
            ca_file=certificates.ca_file if certificates else None,
        )


def _with_tls(certificates: Certificates, data: Path) -> Mapping[str, str]:
    """Put certificate and key where the server's user may read them, and nobody else the key."""
    for name, file in (
        ("server.crt", certificates.certificate),
        ("server.key", certificates.key),
        ("root.crt", certificates.ca_file),
    ):
        shutil.copyfile(file, data / name)
        if os.geteuid() == 0:
            shutil.chown(data / name, SERVERS_USER)
        (data / name).chmod(0o600)
    return {"ssl": "on", "ssl_ca_file": "root.crt"}


def _initialise(data: Path, rules: Sequence[str]) -> None:
    """Make the data folder, in which nothing needs to survive a power cut."""
    data.mkdir()
    if os.geteuid() == 0:
        shutil.chown(data, SERVERS_USER)
    initdb = [
        *as_servers_user(),
        program("initdb"),
        "-D",
        data,
        "-U",
        USERNAME,
        "--locale=C.UTF-8",
        "-E",
        "UTF8",
    ]
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8"}
    done = subprocess.run(
        list(map(str, [*initdb, "--no-sync", "--auth=trust"])),
        capture_output=True,
        check=False,
        env=environment,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr.decode()
    own = (f"host all {GUARDED} {LOOPBACK}/32 scram-sha-256", f"host all,replication all {LOOPBACK}/32 trust")
    (data / "pg_hba.conf").write_text("".join(f"{rule}\n" for rule in (*rules, *own)))


def _answers(port: int) -> bool:
    if not accepts_connections(port):
        return False
    try:
        psycopg.connect(host=LOOPBACK, port=port, user=USERNAME, dbname="postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def as_servers_user() -> list[str]:
    """What a command begins with that runs as the server's user: nobody, who owns its data, if this is root."""
    if os.geteuid() != 0:
        return []
    return [
        tool("setpriv"),
        f"--reuid={SERVERS_USER}",
        "--regid=nogroup",
        "--clear-groups",
        "--pdeathsig=KILL",
        "--",
    ]


def program(name: str) -> str:
    """A program of the server's: Debian keeps the server's programs out of the way, a folder for each version; the newest is taken."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(found[-1]) if found else tool(name)
