"""An organisation with two connections, and short ways to do what its people and runners do."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from tests.database_url import Kind, fresh, in_use

from mover.accounts.actor import Actor, ActorKind, Permission, Role
from mover.accounts.audit_log import AuditLog
from mover.accounts.tables import memberships, organisations, people
from mover.connections.tables import connections
from mover.database.database import Database
from mover.ledger.states import RunMode
from mover.migrations.given.handing import Handing
from mover.migrations.imports import Imports
from mover.migrations.migrations import Migrations
from mover.migrations.pairs import Pairs
from mover.migrations.records import Counts, Migration, NewMigration, NewPair, Pair, PairRun, StartResult
from mover.migrations.runs import Runs
from mover.migrations.selection import Selection
from mover.migrations.work import Limits, Work
from mover.vault.providers import EnvironmentKeyProvider
from mover.vault.secret import Secret
from mover.vault.vault import Vault

S = 1_000_000_000
NOON = 1_700_000_000 * S
QUEUE = "default"


@dataclass
class Clock:
    """Stands still until it is told."""

    ns: int = NOON

    def __call__(self) -> int:
        return self.ns

    def advance(self, seconds: float) -> None:
        self.ns += int(seconds * S)


@dataclass
class Office:
    """One database with all services on it."""

    database: Database
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.vault = Vault(self.database, EnvironmentKeyProvider(Secret("11" * 32)))
        self.auditor = AuditLog(self.database)
        self.migrations = Migrations(self.database, self.auditor, now_ns=self.clock)
        self.pairs = Pairs(self.database, self.auditor, now_ns=self.clock)
        self.imports = Imports(self.database, self.auditor, now_ns=self.clock)
        self.runs = Runs(self.database, self.auditor, Handing(self.vault), now_ns=self.clock)
        self.work = Work(self.database, now_ns=self.clock)

    async def organisation(self, name: str) -> Actor:
        """Add an organisation with an owner and the connections `<name>-source` and `<name>-target`; returns the owner."""

        def work(connection: Any) -> None:
            connection.execute(
                insert(organisations).values(
                    id=name, name=name, first=None, second_factor_required=False, created_ns=0
                )
            )
            connection.execute(
                insert(people).values(
                    id=f"{name}-owner", email=f"owner@{name}.test", name=f"Owner of {name}", created_ns=0
                )
            )
            connection.execute(
                insert(memberships).values(
                    organisation_id=name, person_id=f"{name}-owner", role="owner", created_ns=0
                )
            )
            for side in ("source", "target"):
                connection.execute(
                    insert(connections).values(
                        id=f"{name}-{side}",
                        person=f"organisation:{name}",
                        name=side,
                        service="sftp",
                        config={},
                        created_ns=0,
                    )
                )

        await self.database.write(work)
        return actor(name)

    async def migration(self, who: Actor, pairs: int = 0, **values: Any) -> Migration:
        """Add a migration with pairs `/s0 -> /d0`, ..."""
        name = who.organisation_id
        new = NewMigration(
            **{
                "name": "move",
                "source_connection_id": f"{name}-source",
                "destination_connection_id": f"{name}-target",
                **values,
            }
        )
        made = await self.migrations.create(who, new)
        await self.pairs.add(
            who,
            made.id,
            [NewPair(source_path=f"/s{number}", destination_path=f"/d{number}") for number in range(pairs)],
        )
        return made

    async def start(
        self, who: Actor, migration: Migration, mode: RunMode = RunMode.COPY, **chosen: Any
    ) -> StartResult:
        """Start all pairs of a migration."""
        return await self.runs.start(who, Selection.matching(migration.id), mode, **chosen)

    async def take(self, free: int = 1, runner: str = "r1", queue: str = QUEUE) -> list[PairRun]:
        """Take runs as a runner."""
        return await self.work.take(queue, runner, Limits(free=free))

    async def finish(
        self, run: PairRun, code: int, runner: str = "r1", counts: Counts | None = None
    ) -> PairRun | None:
        """End a run as a runner that has done nothing else."""
        return await self.work.end(run.id, runner, code, counts=counts or Counts())

    async def only_pair(self, who: Actor, migration: Migration) -> Pair:
        """The first pair of a migration."""
        return (await self.pairs.page(who, migration.id)).items[0]

    async def rows(self, table: Any, *conditions: Any) -> list[Any]:
        """Rows of a table, as they are."""
        query = select(table).where(*conditions).order_by(*table.primary_key.columns)
        return await self.database.read(lambda connection: list(connection.execute(query)))


def actor(organisation: str, role: Role = Role.OWNER, *, kind: ActorKind = ActorKind.PERSON) -> Actor:
    """Somebody of an organisation."""
    return Actor(organisation, kind, f"{organisation}-{role}", f"{role} of {organisation}", role.permissions)


def may_only(organisation: str, *permissions: Permission) -> Actor:
    """Somebody with some permissions."""
    return Actor(organisation, ActorKind.API_KEY, "key", "key", frozenset(permissions))


async def content(data: bytes, piece: int = 7) -> AsyncIterator[bytes]:
    """A file as it arrives: in pieces that know nothing of lines."""
    for start in range(0, len(data), piece):
        yield data[start : start + piece]


async def made_template(folder: Path) -> Path:
    """A file with the schema in it, to be copied: making one takes longer than most tests."""
    path = folder / "template.db"
    database = await Database.open(f"sqlite:///{path}")
    await database.close()
    return path


@asynccontextmanager
async def opened(template: Path) -> AsyncIterator[Database]:
    """A database of a test's own; if it is a file, in memory where there is such a folder: a commit need not wait for a disk here."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(
        prefix="mover-tests-", dir=memory if memory.is_dir() else None
    ) as folder:
        if in_use() is Kind.SQLITE:
            shutil.copyfile(template, Path(folder) / "mover.db")
        database = await Database.open(fresh(Path(folder)))
        try:
            yield database
        finally:
            await database.close()
