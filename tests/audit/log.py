"""A log for tests: three chains, one of them cut, one redacted, one of a deleted organisation; and ways to spoil it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from sqlalchemy import Connection
from tests.database_url import as_administrator, fresh

from mover.audit.custody import DAY_NS, DELETED, Custodian
from mover.audit.keys import AuditKeys
from mover.audit.reading import parts
from mover.audit.recording import Recorder
from mover.audit.sealing import Sealer
from mover.audit.verifying import Copied, Report, verify
from mover.database.database import Database
from mover.database.locations import parsed
from mover.database.postgresql import PostgresqlStore
from mover.database.sqlite import SqliteStore
from mover.vault.providers import FileKeyProvider
from mover.vault.signing import read_public_key
from mover.vault.vault import Vault

START_NS = 1_700_000_000 * 1_000_000_000
A, B, GONE = "a" * 32, "b" * 32, "c" * 32
ANN, BEN = "ann@example.org", "ben@example.org"


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts."""

    organisation_id: str
    kind: str = "person"
    id: str = "f" * 32
    name: str = ANN


@dataclass
class Clock:
    ns: int = START_NS

    def __call__(self) -> int:
        return self.ns


@dataclass
class Log:
    """An open log."""

    database: Database
    vault: Vault
    clock: Clock

    @property
    def sealer(self) -> Sealer:
        return Sealer(self.database, self.vault, now_ns=self.clock)

    @property
    def custodian(self) -> Custodian:
        return Custodian(self.database, self.vault, now_ns=self.clock)

    @property
    def keys(self) -> AuditKeys:
        return AuditKeys(self.database, self.vault, Recorder(), now_ns=self.clock)

    async def record(self, who: Who, action: str, subject: str, **details: str) -> None:
        self.clock.ns += 1_000_000_000
        await self.database.write(
            lambda transaction: Recorder().record(
                transaction, who, action, subject, details, now_ns=self.clock.ns
            )
        )

    async def verify(self, expected: bytes | None = None, copies: tuple[Copied, ...] = ()) -> Report:
        return await self.database.read(lambda transaction: verify(parts(transaction), expected, copies))

    async def public_key(self) -> bytes:
        return read_public_key((await self.keys.all())[0].public_key)


async def open_log(folder: Path, url: str) -> Log:
    clock = Clock()
    database = await Database.open(url)
    vault = Vault(database, FileKeyProvider(folder / "global.key"))
    return Log(database, vault, clock)


async def fill(log: Log) -> None:
    """Everything that can be in a log."""
    for number in range(4):
        await log.record(Who(organisation_id=A), "migration.created", f"migration old {number}")
    await log.sealer.seal_due()
    log.clock.ns += 50 * DAY_NS
    await log.record(Who(organisation_id=A), "person.joined", f"person {BEN}", role="viewer")
    await log.record(Who(organisation_id=A, id="e" * 32, name=BEN), "session.signed_in", f"person {BEN}")
    await log.record(Who(organisation_id=""), "session.sign_in_failed", "somebody")
    for number in range(3):
        await log.record(Who(organisation_id=B), "map.created", f"map {number}", rows=str(number))
    await log.record(Who(organisation_id=GONE), "map.created", "map of theirs")
    await log.record(Who(organisation_id=GONE), DELETED, "organisation Gone")
    await log.sealer.seal_due()
    await log.custodian.bury(GONE)
    await log.keys.rotate()
    await log.database.write(lambda c: log.custodian.will_forget(c, "e" * 32, [BEN]))
    await log.custodian.forget_due()
    await log.custodian.remove_old(days=40, days_of_nobody=40)
    await log.record(Who(organisation_id=A), "map.deleted", "map of Ann")
    await log.record(Who(organisation_id=B), "map.deleted", "map 1")
    await log.sealer.seal_due()


@dataclass(frozen=True)
class Made:
    """A log that lasts, to be spoilt again and again: nothing of that is ever committed."""

    store: SqliteStore | PostgresqlStore
    key: bytes

    def spoilt(
        self,
        spoil: Callable[[Connection], object],
        copies: tuple[Copied, ...] = (),
        *,
        key: bytes | None = None,
    ) -> Report:
        """What verifying finds after a change of the tables."""

        def work(connection: Connection) -> Report:
            spoil(connection)
            raise _Undone(verify(parts(connection), key or self.key, copies))

        try:
            self.store.write(work, threading.Event())
        except _Undone as undone:
            return undone.report
        raise AssertionError


class _Undone(Exception):
    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report


def make(folder: Path) -> Made:
    """Make one in the kind of database that is in use."""
    url = fresh(folder / "state", lasting=True)

    async def filled() -> bytes:
        log = await open_log(folder, url)
        try:
            await fill(log)
            return await log.public_key()
        finally:
            await log.database.close()

    key = asyncio.run(filled())
    location = parsed(as_administrator(url))  # as a thief who has the whole server
    if location.get_backend_name() == "sqlite":
        return Made(SqliteStore(location), key)
    return Made(PostgresqlStore(location, connections=2), key)
