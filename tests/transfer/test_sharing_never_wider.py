"""Whatever the tree, the shares, the map and the rules: nobody can do more at the destination than at the source."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from tests.memory.service import MemoryService
from tests.transfer.sharing_cases import Case, cases, is_file, too_wide
from tests.transfer.workbench import Workbench, workbench

from mover.entries import GranteeKind, parent_path
from mover.ledger.grants import GrantState
from mover.ledger.ledger import Ledger

pytestmark = [pytest.mark.promise("P13"), pytest.mark.slow]


@given(case=cases)
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # a run takes a second: shrinking would take minutes
    suppress_health_check=list(HealthCheck),
)
def test_nothing_is_wider_at_the_destination_without_a_word(case: Case) -> None:
    asyncio.run(_moved_twice(case))


async def _moved_twice(case: Case) -> None:
    note(repr(case))
    source, destination = case.source(), case.destination()
    stood = set(destination.folders())
    with tempfile.TemporaryDirectory(prefix="sharing-") as folder:
        async with workbench(Path(folder), source, destination) as bench:
            await bench.run(destination_root="/into", sharing=case.rules)
            for path, who in too_wide(case, source, destination):
                assert f"/into{path}" in stood, f"{who} sees {path}, which Mover put there"
            _given_is_given_back(case, source, destination)
            case.take_off(source)
            run = (await bench.run(destination_root="/into", sharing=case.rules)).run
            said = await _said(bench, run)
            for path, (_, identity) in too_wide(case, source, destination):
                assert any((above, identity) in said for above in _above(path)), (path, identity, said)
            _given_is_given_back(case, source, destination)
            grants = destination.calls["grant"] + destination.calls["revoke"]
            last = await bench.run(destination_root="/into", sharing=case.rules)
            tally = await Ledger(bench.database).grant_tally(last.run)
            again = {t.state for t in tally} & {GrantState.GIVEN, GrantState.TAKEN_BACK}
            assert not again or destination.calls["grant"] + destination.calls["revoke"] == grants, tally


def _given_is_given_back(case: Case, source: MemoryService, destination: MemoryService) -> None:
    """Files that arrived have what the map says, as far as the destination knows people and has roles."""
    assert destination.directory is not None
    for path in ("/f", "/a/f", "/a/b/f", "/a/b/c/f", "/d/f", "/d/g"):
        if not is_file(destination, f"/into{path}"):
            continue
        there = destination.access(f"/into{path}")
        for who, role in case.may(source, path).items():
            if _is_listed_only(case, source, path, who) or not destination.directory.knows(*who):
                continue
            assert who in there, (path, who, role, there)


def _is_listed_only(case: Case, source: MemoryService, path: str, who: tuple[object, str]) -> bool:
    """Whether nobody becomes this one but outsiders, and people whom the map leaves out."""
    mapped = {key.lower() for key in case.rows}
    for kind, identity in [*source.access(path), (GranteeKind.PERSON, "owner@old.org")]:
        if case.becomes(kind, identity) != who:
            continue
        has_row = identity.lower() in mapped or identity.rpartition("@")[2].lower() in mapped
        outside = identity == "out@partner.com" and not case.external
        unmapped_owner = identity == "owner@old.org" and not has_row
        if not outside and not unmapped_owner and (has_row or case.unmapped == "same"):
            return False
    return True


async def _said(bench: Workbench, run: int) -> set[tuple[str, str]]:
    lines = Ledger(bench.database).report_grants(run)
    return {
        (line.path, line.target.identity)
        async for line in lines
        if line.state is GrantState.WIDER and line.target
    }


def _above(path: str) -> list[str]:
    found = [path]
    while path != "/":
        path = parent_path(path)
        found.append(path)
    return found
