"""Processes that ask the ledger for the same thing at the same time."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator

import pytest
from tests.database_url import on_both
from tests.transfer.uploading import upload_keys

from mover.database.database import Database
from mover.entries import Entry, EntryKind
from mover.ledger.ledger import Ledger
from mover.ledger.records import NewItem, PairKey
from mover.ledger.states import Action, ItemState, RunMode

pytestmark = [*on_both, pytest.mark.slow]

PAIRS = 15
ITEMS = 120

RACING = f"""
import asyncio, json, sys
from mover.database.database import Database
from mover.ledger.ledger import Ledger, RunLedger
from mover.ledger.records import PairKey

async def main():
    database = await Database.open(sys.argv[1])
    ledger = Ledger(database)
    print("ready", flush=True)
    sys.stdin.readline()
    pairs = [await ledger.pair(PairKey("a", f"/{{n}}", "b", "/")) for n in range({PAIRS})]
    run = await ledger.run(int(sys.argv[2]))
    under_way = RunLedger(database, pairs[0], run, 0, upload_keys=None, now_ns=lambda: 0)
    claimed = []
    while items := await under_way.claim(large=False, limit=7):
        claimed += [item.id for item in items]
    print(json.dumps([[[pair.id, pair.token] for pair in pairs], claimed]))
    await database.close()

asyncio.run(main())
"""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


def planned(number: int) -> NewItem:
    entry = Entry(name=f"f{number}", kind=EntryKind.FILE, size=1)
    return NewItem(
        source_key=f"/f{number}",
        entry=entry,
        destination_name=entry.name,
        destination_key=entry.name,
        state=ItemState.PLANNED,
        action=Action.COPY,
    )


async def test_a_pair_is_added_once_and_an_item_claimed_once(database: Database, database_url: str) -> None:
    ledger = Ledger(database)
    run = await ledger.start(
        await ledger.pair(PairKey("x", "/", "y", "/")),
        mode=RunMode.COPY,
        dry_run=False,
        source_label="x",
        destination_label="y",
        fingerprint="",
        options={},
        upload_keys=upload_keys(database),
    )
    await run.add_root(source_id=None, destination_exists=True)
    (root,) = await run.pending_folders(1, after_id=0)
    await run.add_items(root, [planned(number) for number in range(ITEMS)], None)
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", RACING, database_url, str(run.run.id), stdin=-1, stdout=-1
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"

    ended = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    told = [json.loads(out) for out, _ in ended]

    pairs = [found for found, _ in told]
    claimed = [item for _, items in told for item in items]
    assert all(found == pairs[0] for found in pairs)
    assert len({pair for pair, _ in pairs[0]}) == PAIRS
    assert len(claimed) == ITEMS
    assert len(set(claimed)) == ITEMS
