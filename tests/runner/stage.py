"""An organisation with local folders to move between, and the rows that the service would have written."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from sqlalchemy import BigInteger, Boolean, Integer, Table, insert, select, update

from mover.accounts.tables import organisations
from mover.migrations.tables import migration_pairs, migration_runs, migrations, pair_runs
from mover.workplace.workplace import Workplace


def filled(table: Table, **values: Any) -> dict[str, Any]:
    """A whole row: what is not given, and must not be NULL, is zero or empty."""
    row = dict(values)
    for column in table.columns:
        if column.name in row or column.nullable or column.primary_key or column.server_default is not None:
            continue
        row[column.name] = 0 if isinstance(column.type, (BigInteger, Integer, Boolean)) else ""
    return row


@dataclass
class Organisation:
    """One organisation with a migration between two connections to local folders."""

    place: Workplace
    id: str
    migration_id: str
    source: Path
    destination: Path
    source_id: str
    destination_id: str

    @classmethod
    async def make(cls, place: Workplace, folder: Path, *, pairs_at_once: int = 50) -> Organisation:
        """Make it, with folders of its own."""
        id_, migration_id = token_hex(16), token_hex(16)
        source, destination = folder / id_[:6] / "source", folder / id_[:6] / "destination"
        source.mkdir(parents=True)
        destination.mkdir()
        await place.database.write(
            lambda c: c.execute(insert(organisations), filled(organisations, id=id_, name=f"Org {id_[:6]}"))
        )
        connections = place.for_organisation(id_).connections
        one = await connections.add("source", "local", {"path": str(source)})
        two = await connections.add("destination", "local", {"path": str(destination)})
        row = filled(
            migrations,
            id=migration_id,
            organisation_id=id_,
            name="Migration",
            source_connection_id=one.id,
            destination_connection_id=two.id,
            options="{}",
            mail="never",
            mail_to="[]",
            queue="default",
            pairs_at_once=pairs_at_once,
            pairs_now=pairs_at_once,
            created_ns=time.time_ns(),
        )
        await place.database.write(lambda c: c.execute(insert(migrations), row))
        return cls(place, id_, migration_id, source, destination, one.id, two.id)

    async def start(
        self,
        *paths: str,
        queue: str = "default",
        mode: str = "copy",
        options: str = "{}",
        to: str | None = None,
    ) -> list[int]:
        """Queue a run of a pair for each path, from it to the same path, or to another; returns the runs' ids."""
        now = time.time_ns()
        started = token_hex(16)

        def work(connection: Any) -> list[int]:
            runs = filled(
                migration_runs,
                id=started,
                organisation_id=self.id,
                migration_id=self.migration_id,
                mode=mode,
                trigger="by_hand",
                pairs=len(paths),
                open_pairs=len(paths),
                started_ns=now,
            )
            connection.execute(insert(migration_runs), runs)
            made = []
            for path in paths:
                pair = filled(
                    migration_pairs,
                    organisation_id=self.id,
                    migration_id=self.migration_id,
                    source_connection_id=self.source_id,
                    source_path=path,
                    destination_connection_id=self.destination_id,
                    destination_path=to or path,
                    tags="[]",
                    options=options,
                    queue=queue,
                    status="queued",
                    code=600,
                    open_run=started,
                )
                (pair_id,) = connection.execute(insert(migration_pairs), pair).inserted_primary_key
                run = filled(
                    pair_runs,
                    organisation_id=self.id,
                    migration_id=self.migration_id,
                    migration_run_id=started,
                    pair_id=pair_id,
                    mode=mode,
                    trigger="by_hand",
                    attempt=1,
                    state="queued",
                    wish="run",
                    code=600,
                    queue=queue,
                    queued_ns=now,
                    sample_step=1,
                )
                (run_id,) = connection.execute(insert(pair_runs), run).inserted_primary_key
                connection.execute(
                    update(migration_pairs).where(migration_pairs.c.id == pair_id).values(last_run_id=run_id)
                )
                made.append(run_id)
            return made

        return await self.place.database.write(work)

    async def run(self, run_id: int) -> dict[str, Any]:
        """A run as it stands."""
        return await self.place.database.read(
            lambda c: dict(c.execute(select(pair_runs).where(pair_runs.c.id == run_id)).mappings().one())
        )

    async def wish(self, run_id: int, wish: str, **also: Any) -> None:
        """Wish something of a run."""
        await self.place.database.write(
            lambda c: c.execute(update(pair_runs).where(pair_runs.c.id == run_id).values(wish=wish, **also))
        )
