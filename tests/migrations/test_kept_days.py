"""Each organisation's runs go after its own number of days."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import insert, update
from tests.migrations.office import Office

from mover.accounts.tables import organisations
from mover.migrations.retention import Retention
from mover.migrations.tables import migration_runs
from mover.notices.tables import run_mails
from mover.runner.housekeeping import Housekeeper
from mover.settings import Settings
from mover.transport.egress import Egress
from mover.vault.providers import FileKeyProvider
from mover.vault.vault import Vault

_DAY_NS = 86_400 * 10**9


async def test_housekeeping_keeps_what_each_organisation_decided(office: Office, tmp_path: Path) -> None:
    now = office.clock()
    for name, days in (("acme", 5), ("brick", 40), ("clay", None)):
        who = await office.organisation(name)
        made = await office.migration(who)

        def fill(connection: Any, name=name, days=days, made=made) -> None:
            if days is not None:
                connection.execute(
                    update(organisations).where(organisations.c.id == name).values(kept_days=days)
                )
            for age in (4, 6, 39, 41, 89, 91):
                connection.execute(
                    insert(migration_runs).values(
                        id=f"{name}-{age}",
                        organisation_id=name,
                        migration_id=made.id,
                        mode="copy",
                        trigger="by_hand",
                        started_by="",
                        pairs=0,
                        open_pairs=0,
                        started_ns=0,
                        ended_ns=now - age * _DAY_NS,
                    )
                )
                connection.execute(
                    insert(run_mails).values(
                        organisation_id=name,
                        person_id="",
                        subject=str(age),
                        paragraphs="[]",
                        state="delivered",
                        attempts=1,
                        message="",
                        created_ns=now - age * _DAY_NS,
                        due_ns=0,
                        claimed_until_ns=0,
                    )
                )

        await office.database.write(fill)
    place: Any = SimpleNamespace(
        database=office.database,
        vault=Vault(office.database, FileKeyProvider(tmp_path / "key")),
        egress=Egress(),
        settings=Settings(home=tmp_path / "none"),
    )
    beats: list[int] = []
    housekeeper = Housekeeper(place, Retention(office.database, now_ns=office.clock), now_ns=office.clock)

    swept = await housekeeper.tidy_up(lambda: beats.append(1))

    left = {row.id for row in await office.rows(migration_runs)}
    assert left == {
        "acme-4",
        *(f"brick-{age}" for age in (4, 6, 39)),
        *(f"clay-{age}" for age in (4, 6, 39, 41, 89)),
    }
    # Mail that waited is nobody's setting.
    assert {row.subject for row in await office.rows(run_mails)} == {"4", "6", "39", "41", "89"}
    assert swept.rows == 5 + 3 + 1 + 3
    assert len(beats) >= 3
    assert (await housekeeper.tidy_up(lambda: None)).rows == 0
