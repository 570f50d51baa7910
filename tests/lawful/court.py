"""Runs under way with bytes in staging, orders about them, and whoever opens what comes of it."""

from __future__ import annotations

import asyncio
import io
import json
import random
import tarfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import pyrage  # type: ignore[import-untyped] # no stubs are published
from sqlalchemy import func, insert, select
from tests.runner.stage import filled
from tests.staff.office import DAY_NS, StaffOffice
from tests.staging.streams import MIB, stream

from mover.accounts.audit_log import AuditLog
from mover.accounts.tables import organisations
from mover.connections.tables import connections
from mover.database.database import Database
from mover.lawful.answering import Answering
from mover.lawful.exporting import Exported, Exporter, Limits
from mover.lawful.orders import Orders
from mover.lawful.records import Answer, Order
from mover.lawful.tables import legal_answers, legal_collections, legal_parts, legal_pieces
from mover.ledger import tables as ledger
from mover.migrations.signing import SigningKeys
from mover.migrations.tables import migration_pairs, migration_runs, migrations, pair_runs
from mover.staff.records import Scope, StaffMember
from mover.staging import Label, Staging
from mover.staging.file import StagedFile

CASE = "4 Js 17/26"
REASON = "Order of the district court of 3 May about the files of one account"
NS = 1_000_000_000


def some_bytes(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


@dataclass(frozen=True, kw_only=True)
class UnderWay:
    """A run of a pair with one file, `/folder/NAME`."""

    organisation_id: str
    pair_id: int
    run_id: int
    source_id: str
    destination_id: str
    item_id: int
    label: Label
    path: str


@dataclass
class Station:
    """A runner's staging, and what answers for it."""

    name: str
    staging: Staging
    answering: Answering
    _files: list[StagedFile] = field(default_factory=list)

    async def hold(self, of: UnderWay, content: bytes, *, offset: int = 0) -> StagedFile:
        """Stage a part of a file."""
        file = self.staging.file(of.label)
        self._files.append(file)
        await file.receive(stream([content]), most=max(len(content), 1), offset=offset)
        return file

    async def hold_half(self, of: UnderWay, content: bytes) -> asyncio.Task[Any]:
        """Have a part on its way in, of which this much has come."""
        file = self.staging.file(of.label)
        self._files.append(file)

        async def coming() -> AsyncIterator[bytes]:
            yield content
            await asyncio.Event().wait()

        before = sum(shelf.look().size for shelf in self.staging.shelves)
        task = asyncio.create_task(file.receive(coming(), most=64 * MIB))
        async with asyncio.timeout(60):
            while sum(shelf.look().size for shelf in self.staging.shelves) < before + len(content):  # noqa: ASYNC110
                await asyncio.sleep(0)
        return task

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Answer again and again, as a runner does."""

        async def answer() -> None:
            while True:
                await self.answering.look()
                await asyncio.sleep(0.002)

        task = asyncio.create_task(answer())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@dataclass(frozen=True)
class Opened:
    """An archive as its recipient sees it."""

    files: dict[str, bytes]
    identity: Any

    @property
    def manifest(self) -> Any:
        return json.loads(self.files["manifest.json"])

    def lines(self, name: str) -> list[Any]:
        return [
            json.loads(line)
            for file, content in sorted(self.files.items())
            if file.startswith(f"metadata/{name}.")
            for line in content.splitlines()
        ]

    def contents(self) -> dict[tuple[str, int], bytes]:
        """What was held, by path and offset."""
        return {
            (part["path"], part["offset"]): pyrage.decrypt(
                self.files[part["sealed"]["file"]], [self.identity]
            )
            for part in self.manifest["parts"]
            if part["sealed"]
        }


def opened(file: Path, identity: Any) -> Opened:
    plain = pyrage.decrypt(file.read_bytes(), [identity])
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    return Opened(files, identity)


class Court:
    """All that is needed for orders and exports."""

    def __init__(self, office: StaffOffice, folder: Path) -> None:
        self.office = office
        self.folder = folder
        self.identity = pyrage.x25519.Identity.generate()
        self.orders = Orders(self.database, office.requests, now_ns=self.now_ns)
        self.exporter = self.another_exporter()
        self.output = folder / "export.tar.age"
        self._numbers = iter(range(1, 1000))

    @property
    def database(self) -> Database:
        return self.office.house.database

    @property
    def recipient(self) -> str:
        return str(self.identity.to_public())

    @property
    def organisation_id(self) -> str:
        return self.office.organisation_id

    def now_ns(self) -> int:
        return self.office.house.clock.ns

    def another_exporter(self) -> Exporter:
        signing = SigningKeys(
            self.database, self.office.house.vault, AuditLog(self.database), now_ns=self.now_ns
        )
        return Exporter(self.database, self.office.requests, signing, now_ns=self.now_ns, look_s=0.005)

    async def under_way(
        self,
        runner: str,
        *,
        organisation_id: str = "",
        person_id: str | None = None,
        added_by: str | None = None,
        name: str = "plan.docx",
        state: str = "running",
        started_ns: int | None = None,
        ended_ns: int | None = None,
        source_id: str = "",
    ) -> UnderWay:
        """A run of a pair with one file that is being sent."""
        owner = organisation_id or self.organisation_id
        migration_id, run_token = token_hex(16), token_hex(16)
        ids = (source_id or token_hex(16), token_hex(16))
        number = next(self._numbers)
        start = self.now_ns() - 60 * NS if started_ns is None else started_ns

        def work(c: Any) -> UnderWay:
            def add(table: Any, **values: Any) -> int:
                made = c.execute(insert(table), filled(table, **values)).inserted_primary_key
                return int(made[0]) if isinstance(made[0], int) else 0

            for id_ in ids[1:] if source_id else ids:
                add(
                    connections,
                    id=id_,
                    person=f"organisation:{owner}",
                    name=f"c{id_[:8]}",
                    service="local",
                    config={},
                    added_by=added_by,
                )
            add(
                migrations,
                id=migration_id,
                organisation_id=owner,
                name="Move",
                source_connection_id=ids[0],
                destination_connection_id=ids[1],
                created_by=person_id,
            )
            pair_id = add(
                migration_pairs,
                organisation_id=owner,
                migration_id=migration_id,
                source_connection_id=ids[0],
                source_path="/from",
                destination_connection_id=ids[1],
                destination_path="/to",
            )
            add(
                migration_runs,
                id=run_token,
                organisation_id=owner,
                migration_id=migration_id,
                started_ns=start,
            )
            ledger_pair = add(
                ledger.pairs,
                token=token_hex(4),
                source=ids[0],
                source_path=f"/from{number}",
                destination=ids[1],
                destination_path="/to",
            )
            ledger_run = add(
                ledger.runs,
                pair_id=ledger_pair,
                mode="copy",
                options="{}",
                started_ns=start,
                ended_ns=ended_ns,
            )
            folder = add(ledger.folders, run_id=ledger_run, path="/folder", destination_path="/folder")
            item = add(
                ledger.items,
                run_id=ledger_run,
                folder_id=folder,
                source_key=f"/folder/{name}",
                name=name,
                destination_name=name,
                kind="file",
                size=number,
                state="sending" if ended_ns is None else "copied",
                started_ns=start,
                ended_ns=ended_ns,
            )
            run_id = add(
                pair_runs,
                organisation_id=owner,
                migration_id=migration_id,
                migration_run_id=run_token,
                pair_id=pair_id,
                ledger_run_id=ledger_run,
                mode="copy",
                state=state,
                runner=runner if state != "ended" else "",
                queued_ns=start,
                started_ns=start,
                ended_ns=ended_ns,
            )
            return UnderWay(
                organisation_id=owner,
                pair_id=pair_id,
                run_id=run_id,
                source_id=ids[0],
                destination_id=ids[1],
                item_id=item,
                label=Label(ledger_run, item),
                path=f"/folder/{name}",
            )

        return await self.database.write(work)

    async def another_organisation(self) -> str:
        id_ = token_hex(16)
        await self.database.write(
            lambda c: c.execute(insert(organisations), filled(organisations, id=id_, name="Others"))
        )
        return id_

    @asynccontextmanager
    async def station(self, name: str, *, on_disk: bool = False) -> AsyncIterator[Station]:
        room = {"memory_bytes": 0, "disk_bytes": 0} | {"disk_bytes" if on_disk else "memory_bytes": 256 * MIB}
        async with Staging(
            self.folder / "staging",
            memory_bytes=room["memory_bytes"],
            disk_bytes=room["disk_bytes"],
            now_ns=self.now_ns,
        ) as staging:
            yield Station(
                name,
                staging,
                Answering(self.database, self.office.house.vault, staging, name, now_ns=self.now_ns),
            )

    async def ask(self, *, days: float = 1, recipients: Sequence[str] = (), **scope: Any) -> Order:
        return await self.orders.ask(
            self.office.sam,
            Scope(**{"organisation_id": self.organisation_id, **scope}),
            REASON,
            CASE,
            recipients or [self.recipient],
            self.now_ns() + int(days * DAY_NS),
        )

    async def approved(self, **scope: Any) -> Order:
        """An order that stands."""
        order = await self.ask(**scope)
        for one in (self.office.tess, self.office.uma):
            order = await self.orders.approve(one, order)
        return order

    async def export(
        self,
        order: Order,
        *stations: Station,
        by: StaffMember | None = None,
        output: Path | None = None,
        most_bytes: int = 1 << 40,
        patient: bool = False,
    ) -> Exported:
        """Export, with runners at work. The clock goes on only if nobody is `patient`: then the deadline passes."""

        def told(answers: list[Answer]) -> None:
            waiting = [one for one in answers if not one.state.is_final]
            if (
                waiting
                and not patient
                and all(one.runner not in {s.name for s in stations} for one in waiting)
            ):
                self.office.house.clock.at += 100

        async with asyncio.timeout(120), _all_at_work(stations):
            return await self.exporter.export(
                by or self.office.sam,
                order,
                output or self.output,
                Limits(wait_s=30, most_bytes=most_bytes),
                told=told,
            )

    def open(self, file: Path | None = None) -> Opened:
        return opened(file or self.output, self.identity)

    async def rows_left(self) -> int:
        """Of what runners handed over."""
        tables = (legal_collections, legal_answers, legal_parts, legal_pieces)

        def count(c: Any) -> int:
            return sum(c.scalar(select(func.count()).select_from(table)) for table in tables)

        return await self.database.read(count)


@asynccontextmanager
async def _all_at_work(stations: Sequence[Station]) -> AsyncIterator[None]:
    if not stations:
        yield
        return
    async with stations[0].at_work(), _all_at_work(stations[1:]):
        yield
