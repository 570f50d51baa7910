"""MariaDB, over TLS and without."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pymysql
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.processes import LOOPBACK, accepts_connections, free_port, running, tool

USERNAME = "alice"
PASSWORD = "s3cret pass: 'ä' 日本"


@dataclass(frozen=True, kw_only=True)
class MariaDbServer:
    """A running MariaDB.

    Attributes:
        certificates: The authority that signed the server, and a client certificate of it; the server offers TLS.
        data: Its data folder.
        log: What the server prints.
    """

    host: str
    port: int
    username: str
    password: str
    certificates: Certificates
    data: Path
    log: Path

    @property
    def ca_file(self) -> Path:
        """The authority's certificate."""
        return self.certificates.ca_file

    def connect(self, database: str | None = None) -> pymysql.Connection:
        """Return a connection of a test's own, which commits each statement."""
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.username,
            password=self.password.encode(),
            database=database,
            autocommit=True,
            ssl_ca=str(self.ca_file),
            charset="utf8mb4",
        )

    def execute(self, *statements: str, database: str | None = None) -> list[tuple]:
        """Execute statements, and return the rows of the last one."""
        with self.connect(database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def client(self, program: str = "mariadb") -> list[str]:
        """Return the command of a client of MariaDB's own; `environment` has its password."""
        return [
            tool(program),
            "--no-defaults",
            f"--host={self.host}",
            f"--port={self.port}",
            f"--user={self.username}",
            f"--ssl-ca={self.ca_file}",
            "--default-character-set=utf8mb4",
        ]

    @property
    def environment(self) -> dict[str, str]:
        """What `client` needs."""
        return {"PATH": os.defpath, "LANG": "C.UTF-8", "MYSQL_PWD": self.password}

    def load(self, database: str, sql: bytes) -> None:
        """Load SQL with the `mariadb` client."""
        command = [*self.client(), database]
        done = subprocess.run(command, input=sql, env=self.environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()


@contextlib.contextmanager
def mariadb(
    folder: Path, *, port: int | None = None, settings: str = "", end_with_kill: bool = False
) -> Iterator[MariaDbServer]:
    """Run mariadbd; started again on the same folder it has the same data.

    Args:
        folder: Throwaway folder for all that it needs.
        port: To listen on; by default any free one.
        settings: More lines for its configuration.
        end_with_kill: It does not get to end in good order.
    """
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    certificates = make_certificates(folder / "tls")
    data = folder / "data"
    as_root = ["--user=root"] if os.geteuid() == 0 else []  # its own user could not enter a test's folder
    if not (data / "mysql").is_dir():
        data.mkdir(exist_ok=True)
        install = ["--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
        made = [tool("mariadb-install-db"), *install, "--skip-test-db", "--skip-log-bin", *as_root]
        subprocess.run(made, check=True, capture_output=True)
    quoted = PASSWORD.replace("'", "''")
    (folder / "init.sql").write_text(
        f"CREATE USER IF NOT EXISTS '{USERNAME}'@'%' IDENTIFIED BY '{quoted}';\n"
        f"GRANT ALL ON *.* TO '{USERNAME}'@'%' WITH GRANT OPTION;\n"
    )
    (folder / "my.cnf").write_text(
        f"""
[mariadbd]
datadir={data}
socket=
port={port}
bind-address={LOOPBACK}
pid-file={data}/pid
tmpdir={data}
init-file={folder}/init.sql
skip-name-resolve
performance-schema=off
innodb-buffer-pool-size=64M
innodb-log-file-size=16M
innodb-flush-log-at-trx-commit=2
innodb-doublewrite=0
character-set-server=utf8mb4
ssl-ca={certificates.ca_file}
ssl-cert={certificates.certificate}
ssl-key={certificates.key}
{settings}
"""
    )
    log = folder / "log"
    command = [tool("mariadbd"), f"--defaults-file={folder / 'my.cnf'}", *as_root]
    end_with = signal.SIGKILL if end_with_kill else signal.SIGTERM
    with running(command, log=log, ready=lambda: accepts_connections(port), end_with=end_with):
        yield MariaDbServer(
            host=LOOPBACK,
            port=port,
            username=USERNAME,
            password=PASSWORD,
            certificates=certificates,
            data=data,
            log=log,
        )
