"""An organisation with more in it than the staff may see."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select, update
from tests.api.installation import Running

from mover.accounts.actor import Role
from mover.audit.tables import audit_events
from mover.ledger.tables import folders, items, pairs, runs
from mover.migrations.tables import migration_pairs, migrations, pair_runs

CANARIES = (
    "canary-password",
    "OPTION-CANARY",
    "NOTE-CANARY",
    "MESSAGE-CANARY",
    "TAG-CANARY",
    "ann@new.example",
)


def places(mover: Running, samples: dict[str, str]) -> dict[str, str]:
    """What parameters of addresses stand for; everything is the owner's organisation's."""
    return {
        **samples,
        "organisation_id": mover.owner.organisation_id,
        "person_id": mover.installation.callers[Role.VIEWER].person_id,
        "request_id": "0" * 32,
        "staff_key_id": "0" * 32,
    }


async def log(mover: Running, organisation_id: str) -> list[Any]:
    query = (
        select(audit_events)
        .where(audit_events.c.organisation_id == organisation_id, audit_events.c.actor_kind == "staff")
        .order_by(audit_events.c.id)
    )
    return await mover.services.database.read(lambda c: list(c.execute(query)))


async def furnish(mover: Running, samples: dict[str, str]) -> None:
    """Put canaries where no page may find them without an exception, and an item into a run."""
    pair_id = int(samples["pair_id"])

    def fill(c: Any) -> None:
        options = json.dumps({"exclude": ["OPTION-CANARY"]})
        c.execute(
            update(migrations).values(options=options, note="NOTE-CANARY", user_map_id=samples["map_id"])
        )
        said = {"notes": "NOTE-CANARY", "message": "MESSAGE-CANARY", "tags": '["TAG-CANARY"]'}
        c.execute(update(migration_pairs).values(options=options, **said))
        ledger_pair = c.execute(
            pairs.insert().values(
                token="t", source="file", source_path="/a", destination="file", destination_path="/b"
            )
        ).inserted_primary_key[0]
        run = c.execute(
            runs.insert().values(
                pair_id=ledger_pair,
                mode="copy",
                dry_run=False,
                source_label="a",
                destination_label="b",
                fingerprint="f",
                options="{}",
                code=201,
                finished=True,
                scanned=True,
                started_ns=1,
                active_ns=1,
            )
        ).inserted_primary_key[0]
        folder = c.execute(
            folders.insert().values(
                run_id=run, path="/", destination_path="/", destination_exists=True, state="listed"
            )
        ).inserted_primary_key[0]
        for number in range(120):
            c.execute(
                items.insert().values(
                    run_id=run,
                    folder_id=folder,
                    source_key=f"id:{number}",
                    name=f"plan {number}.pdf",
                    kind="file",
                    size=1000 + number,
                    destination_name=f"plan {number}.pdf",
                    destination_key=f"plan {number}.pdf",
                    state="failed" if number == 7 else "copied",
                    action="copy",
                    large=False,
                    reason="locked" if number == 7 else None,
                    message="MESSAGE-CANARY" if number == 7 else "",
                    content_hash="sha256:CANARY",
                    verification="hash",
                )
            )
        c.execute(
            update(pair_runs)
            .where(pair_runs.c.pair_id == pair_id)
            .values(ledger_run_id=run, message="MESSAGE-CANARY", options=options)
        )

    await mover.services.database.write(fill)
    await mover.services.maps.put_row(
        mover.owner.session.signed_in.actor, samples["map_id"], "ann@old.example", "ann@new.example"
    )
