"""A great many permissions: memory stays flat, calls stay few, and no more is under way at once than is polite."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from tests.memory.made_up import MadeUpConnector
from tests.transfer.uploading import upload_keys
from tests.transfer.workbench import MEMORY_BYTES, NO_WAIT, workbench

from mover.connectors.contract import Permissions
from mover.entries import AccessRole, Entry, EntryRef, GranteeKind, Permission
from mover.ledger.grants import GrantState
from mover.ledger.ledger import Ledger
from mover.ledger.states import RunMode
from mover.transfer.options import Options
from mover.transfer.progress import Progress
from mover.transfer.run import Engine, run_pair
from mover.transfer.sharing_rules import SharingRules
from mover.transfer.side import Side

pytestmark = pytest.mark.slow


class Shares:
    """Every file is shared with two people, or can be."""

    kinds = frozenset(GranteeKind)
    inherited = True
    roles = frozenset(AccessRole)
    on_files = True
    tells_links_above = True

    def __init__(self) -> None:
        self.asked = self.given = 0

    async def of(self, entries: Sequence[EntryRef]) -> Sequence[Sequence[Permission]]:
        """The owner, and two people on files."""
        self.asked += 1
        return [
            [_to("owner", AccessRole.OWNER)]
            + (
                [_to("ann", AccessRole.READ), _to("ben", AccessRole.WRITE)]
                if entry.name.endswith(".bin")
                else []
            )
            for entry in entries
        ]

    async def grant(self, _entry: EntryRef, _grantee: Permission) -> None:
        """Count it."""
        self.given += 1

    async def revoke(self, _entry: EntryRef, _grantee: Permission) -> None:
        """Nothing is ever taken back here."""
        raise AssertionError


def _to(name: str, role: AccessRole) -> Permission:
    return Permission(kind=GranteeKind.PERSON, identity=f"{name}@example.org", role=role)


class SharedMadeUp(MadeUpConnector):
    """Made-up files with made-up shares."""

    def __init__(self, files: int, *, shared: bool) -> None:
        super().__init__(files, files_in_folder=100)
        self.shares = Shares()
        self.permissions: Permissions = self.shares  # type: ignore[assignment]  # the account without has none
        self._shared = shared

    def _file(self, number: int) -> Entry:
        return msgspec.structs.replace(super()._file(number), shared=self._shared)

    def _folder(self, number: int) -> Entry:
        return msgspec.structs.replace(super()._folder(number), shared=False)


async def test_memory_does_not_grow_with_the_number_of_permissions(tmp_path: Path) -> None:
    peaks = [await _peak(tmp_path / str(files), files) for files in (1_500, 4_500)]
    assert peaks[1] < peaks[0] + 1_500_000, peaks


async def _peak(folder: Path, files: int) -> int:
    """Move the permissions of so many files, and return the greatest number of bytes that were held meanwhile."""
    folder.mkdir()
    source, destination = SharedMadeUp(files, shared=True), SharedMadeUp(files, shared=False)
    async with workbench(folder) as bench:
        engine = Engine(
            ledger=Ledger(bench.database),
            staging=bench.staging,
            staging_memory_bytes=MEMORY_BYTES,
            retries=NO_WAIT,
        )
        tracemalloc.start()
        result = await run_pair(
            engine,
            Side("source:/", "one", source, "/"),
            Side("destination:/", "other", destination, "/"),
            RunMode.COPY,
            Options(sharing=SharingRules()),
            Progress(),
            shown_options={},
            upload_keys=upload_keys(bench.database),
        )
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        tally = {line.state: line.count for line in await Ledger(bench.database).grant_tally(result.run)}
    assert tally == {GrantState.GIVEN: 2 * files}
    assert destination.shares.given == 2 * files
    assert source.shares.asked == 1 + files // 100
    assert destination.shares.asked == 1
    return peak
