"""A PostgreSQL as operators are told to run it: TLS only, and a role with a certificate for each process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from tests.servers.certificates import client_certificate
from tests.servers.postgresql import PostgresqlServer, postgresql, server_folder

from mover.database.roles.words import Role
from mover.database.upgrading import set_up_roles, upgrade

NAME = "mover"
_RULES = Path(__file__).parents[2] / "deploy" / "postgresql" / "roles" / "pg_hba.conf"


@dataclass(frozen=True)
class SeparatedServer:
    """A server with the roles, and a database that the owner has made the schema of.

    Attributes:
        folder: With certificates: `tls/ca.pem`, and one for each role.
    """

    server: PostgresqlServer
    folder: Path
    name: str = NAME

    def another(self, name: str) -> SeparatedServer:
        """Make one more database, by the other way: `mover db roles --apply` by an administrator."""
        self.server.execute(f"CREATE DATABASE {name}")
        made = replace(self, name=name)
        asyncio.run(set_up_roles(self.server.url(name)))
        asyncio.run(upgrade(made.url(Role.OWNER)))
        return made

    def url(self, role: Role, **changed: str) -> str:
        """Where a role signs in, for Mover."""
        host = changed.pop("host", "localhost")
        options = {
            "sslmode": "verify-full",
            "sslrootcert": str(self.folder / "tls" / "ca.pem"),
            "sslcert": str(self.folder / "tls" / f"{role}.pem"),
            "sslkey": str(self.folder / "tls" / f"{role}-key.pem"),
            **changed,
        }
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items() if value)
        return f"postgresql://{role}@{host}:{self.server.port}/{self.name}?{query}"

    def connect(self, role: Role) -> psycopg.Connection[Any]:
        """Sign in as a role; each statement is a transaction."""
        return psycopg.connect(self.url(role), autocommit=True)

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Execute a statement as the server's administrator."""
        return self.server.execute(statement, self.name)


@contextlib.contextmanager
def separated_server() -> Iterator[SeparatedServer]:
    """Run it, with nothing in it as yet but the database, which the owner's role does not own."""
    with (
        server_folder() as folder,
        postgresql(folder, tls=True, rules=_RULES.read_text().splitlines()) as server,
    ):
        for role in Role:
            client_certificate(folder / "tls", role.value)
        server.execute(f"CREATE DATABASE {NAME}")
        yield SeparatedServer(server, folder)
