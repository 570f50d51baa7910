"""P5, P12: the addresses of uploads that broke off lie nowhere in the clear, and the uploads go on all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from simulators.faults import ENDLESS, Answer
from simulators.front import RunningFront
from tests.connectors.google.test_calls import Served
from tests.contract import google as people
from tests.contract.google import connects
from tests.e2e.searching import Needle, found_in_files
from tests.memory.service import MemoryService
from tests.transfer.uploading import vault_of
from tests.transfer.workbench import Workbench, workbench

from mover.errors import ServiceFault
from mover.ledger.states import ItemState
from mover.vault.secret import Secret
from mover.workplace.upload_keys import OWNER
from simulators.microsoft import Microsoft

pytestmark = [pytest.mark.promise("P5"), pytest.mark.promise("P12")]

MIB = 1 << 20
BROKEN = Answer(500)


def url_of(folder: Path) -> str:
    """SQLite: it is the file that a thief would have."""
    return f"sqlite:///{folder}/state/mover.db"


async def breaks_off_and_goes_on(
    bench: Workbench, tokens: Callable[[], list[str]], mend: Callable[[], object], **roots: Any
) -> None:
    """Run until the upload breaks off, look for its tokens in all files of the database, run to the end."""
    first = await bench.run(**roots)
    rights = tokens()
    (owner,) = await vault_of(bench.database).owners(OWNER)
    where = [bench.folder / "state"]

    assert set((await bench.files(first.run)).values()) == {ItemState.FAILED}
    assert rights
    assert found_in_files(where, [Needle.of("token", right) for right in rights]) == []
    assert found_in_files(where, [Needle.of("owner", owner[1])]) != []  # the search sees what is there

    mend()
    second = await bench.run(**roots)
    assert set((await bench.files(second.run)).values()) == {ItemState.COPIED}
    assert set(tokens()) <= set(rights)  # it went on with what it had begun
    assert await vault_of(bench.database).owners(OWNER) == []
    assert found_in_files(where, [Needle.of("token", right) for right in rights]) == []


async def test_of_an_upload_in_parts(tmp_path: Path) -> None:
    async with workbench(tmp_path, url=url_of(tmp_path)) as bench:
        bench.source.add_file("/large", bytes(range(256)) * 4096 * 9)
        bench.destination.faults.add("send", times=None, skip=3, error=ServiceFault("broken"))

        def unfinished() -> list[str]:
            return [token for token, upload in bench.destination.uploads.items() if not upload.finished_id]

        await breaks_off_and_goes_on(bench, unfinished, bench.destination.faults.clear)
        assert len(bench.destination.uploads) == 1  # the second run went on with it
        assert bench.destination.tree() == bench.source.tree()


@pytest.mark.servers
@pytest.mark.slow
async def test_of_a_resumable_upload_to_google(tmp_path: Path, simulators: RunningFront) -> None:
    google = people.google_of(simulators)
    account: Any = Served(connects(simulators, "google", people.single(simulators)))
    source = MemoryService()
    source.add_file("/large", bytes(66 * MIB))
    google.faults.add(BROKEN, method="PUT", skip=2, times=ENDLESS)
    async with workbench(tmp_path, source, account, url=url_of(tmp_path)) as bench:
        await breaks_off_and_goes_on(
            bench,
            lambda: list(google.uploads.sessions),
            google.faults.clear,
            destination_root="/My Drive/there",
        )


@pytest.mark.servers
@pytest.mark.slow
async def test_of_an_upload_session_at_microsoft(tmp_path: Path, simulators: RunningFront) -> None:
    microsoft = simulators.world.vendors["microsoft"]
    assert isinstance(microsoft, Microsoft)
    token = simulators.inside(lambda: microsoft.token(microsoft.add_user("anna")))
    account: Any = Served(connects(simulators, "onedrive", {"access_token": Secret(token)}))
    source = MemoryService()
    source.add_file("/large", bytes(42 * MIB))
    microsoft.faults.add(BROKEN, method="PUT", skip=2, times=ENDLESS)
    async with workbench(tmp_path, source, account, url=url_of(tmp_path)) as bench:
        await breaks_off_and_goes_on(
            bench,
            lambda: list(microsoft.state.sessions),
            microsoft.faults.clear,
            destination_root="/there",
        )
