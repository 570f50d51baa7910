from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from tests.contract.services import configured
from tests.memory.contents import Pattern
from tests.memory.service import MemoryService
from tests.transfer.workbench import workbench

from mover.connectors.contract import Connector
from mover.errors import Unreachable
from mover.ledger.states import Code

SIZE = 100 << 20


class LocalFolder:
    """A folder of this machine in the place of an in-memory service."""

    def __init__(self, path: Path) -> None:
        self.make = configured("local", {"path": str(path)})

    def connector(self) -> Connector:
        return self.make()


@pytest.mark.slow
async def test_a_large_file_goes_on_where_it_was_in_a_local_folder(tmp_path: Path) -> None:
    folder = tmp_path / "destination"
    folder.mkdir()
    source = MemoryService()
    source.add_file("/big", Pattern(SIZE))
    source.faults.add("read", "/big", skip=30, times=None, error=Unreachable("reset"))
    async with workbench(tmp_path, source, cast("MemoryService", LocalFolder(folder))) as bench:
        first = await bench.run()
        source.faults.clear()
        received_before = bench.progress.bytes_received

        second = await bench.run()

        assert first.totals.files_moved == 0
        assert second.code is Code.SUCCESS
        assert received_before > SIZE // 4
        assert bench.progress.bytes_received < SIZE - received_before // 2
        assert (folder / "big").stat().st_size == SIZE
        assert list(folder.iterdir()) == [folder / "big"]
