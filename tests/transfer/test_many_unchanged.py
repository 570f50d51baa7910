"""What a re-run over very many files costs where nothing changed, or one file did."""

from __future__ import annotations

import resource
from pathlib import Path

import msgspec
import pytest
from tests.database_url import fresh
from tests.memory.made_up import MadeUpConnector
from tests.transfer.uploading import upload_keys

from mover.connectors.contract import Change
from mover.connectors.paced import Paced
from mover.database.database import Database
from mover.ledger.ledger import Ledger
from mover.ledger.states import RunMode
from mover.staging import Staging
from mover.transfer.options import Options
from mover.transfer.progress import Progress
from mover.transfer.run import Engine, RunResult, run_pair
from mover.transfer.side import Side
from mover.transport.pacing import Pacer

FILES = 100_000
MIB = 1 << 20


@pytest.mark.slow
async def test_a_re_run_over_a_hundred_thousand_unchanged_files_takes_a_handful_of_calls(
    tmp_path: Path,
) -> None:
    source, destination = (MadeUpConnector(FILES, files_in_folder=1_000, change_feed=True) for _ in range(2))
    database = await Database.open(fresh(tmp_path / "ledger"))

    async def run() -> tuple[RunResult, int]:
        before = source.calls + destination.calls
        engine = Engine(ledger=Ledger(database), staging=staging, staging_memory_bytes=MIB)
        result = await run_pair(
            engine,
            _side("from", source),
            _side("to", destination),
            RunMode.COPY,
            Options(),
            Progress(),
            shown_options={},
            upload_keys=upload_keys(database),
        )
        return result, source.calls + destination.calls - before

    async with Staging(tmp_path / "staging", memory_bytes=MIB, disk_bytes=MIB) as staging:
        _, listing = await run()
        memory_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        nothing, few = await run()
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_kib
        file = await source.look_up("/folder-0000007/file-000007001.bin")
        source.changed.append(Change(file.id or "", msgspec.structs.replace(file, version="v2"), "d7"))
        one, some = await run()
    await database.close()

    assert listing > 400
    assert few < 10
    assert some < 20
    for result in (nothing, one):
        assert (result.totals.files_seen, result.totals.files_skipped) == (FILES, FILES)
        assert result.totals.folders_seen == 100
    assert grown_kib < 30 * 1024


def _side(name: str, connector: MadeUpConnector) -> Side:
    return Side(name, name, Paced(connector, Pacer(8, 32)), "/")
