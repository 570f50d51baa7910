"""Groups of a SharePoint site: listed by name with the reason why they are not given, given through a map, never wider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from simulators.blobs import Bytes
from tests.contract.microsoft import sharepoint, vendor_of
from tests.memory.directory import Directory
from tests.memory.service import MemoryService
from tests.transfer.uploading import upload_keys
from tests.transfer.workbench import MEMORY_BYTES, NO_WAIT, Workbench, signed_in, workbench

from mover.connectors.contract import Connector
from mover.connectors.paced import Paced
from mover.entries import AccessRole, GranteeKind
from mover.errors import Reason
from mover.ledger.grants import GrantState, ReportGrant
from mover.ledger.ledger import Ledger
from mover.ledger.states import ItemState, RunMode
from mover.transfer.grantees import GranteeMap
from mover.transfer.options import Options
from mover.transfer.progress import Progress
from mover.transfer.run import Engine, RunResult, run_pair
from mover.transfer.sharing_rules import SharingRules, Wider
from mover.transfer.side import Side
from mover.transport.pacing import Pacer

pytestmark = pytest.mark.servers

ROOT = "/Marketing/Documents"
MEMBERS = "Marketing Members"


@asynccontextmanager
async def _at_site(connector: Connector) -> AsyncIterator[Side]:
    await connector.sign_in()
    paced = Paced(connector, Pacer(*connector.capabilities.concurrency), policy=NO_WAIT)
    try:
        found = await paced.look_up(ROOT)
        yield Side("site:" + ROOT, "site", paced, ROOT, root_id=found.id, root_stands=True)
    finally:
        await paced.close()


async def _run(bench: Workbench, source: Side, destination: Side, rules: SharingRules) -> RunResult:
    engine = Engine(
        ledger=Ledger(bench.database),
        staging=bench.staging,
        staging_memory_bytes=MEMORY_BYTES,
        retries=NO_WAIT,
    )
    return await run_pair(
        engine,
        source,
        destination,
        RunMode.COPY,
        Options(sharing=rules),
        Progress(),
        shown_options={},
        upload_keys=upload_keys(bench.database),
    )


async def _lines(bench: Workbench, run: int) -> list[ReportGrant]:
    return [line async for line in Ledger(bench.database).report_grants(run)]


def _map(rows: dict[str, str]) -> GranteeMap:
    return GranteeMap({key.casefold(): (key, value) for key, value in rows.items()})


@pytest.mark.parametrize("row", [{}, {MEMBERS: "Staff"}])
async def test_groups_of_a_site_are_listed_by_name_and_given_through_a_map_alone(
    request: pytest.FixtureRequest, tmp_path: Path, row: dict[str, str]
) -> None:
    service, vendor = sharepoint(request), vendor_of(request)
    site = next(site for site in vendor.state.sites.values() if site.name == "Marketing")
    drive = site.libraries[0].drive
    folder = drive.folder("/shared")
    drive.add(folder, "file", blob=Bytes(b"x"))
    vendor.share(folder, "ben@contoso.example")
    ben = vendor.state.accounts.person_of("ben@contoso.example")
    folder.owner = ben  # what somebody made in a library is the site's all the same, and shared again
    there = MemoryService(
        directory=Directory(
            domain="new.org",
            owner="boss@new.org",
            people=frozenset({"ben@new.org"}),
            groups=frozenset({"Staff", MEMBERS}),
        )
    )
    rules = SharingRules(map=_map({"contoso.example": "new.org", **row}))
    async with workbench(tmp_path, destination=there) as bench, _at_site(service.connect()) as source:
        async with signed_in(there) as other:
            destination = Side("memory:/", "memory", other, "/", root_stands=True)
            result = await _run(bench, source, destination, rules)
        lines = await _lines(bench, result.run)
    assert there.tree() == {"/shared/file": b"x"}
    told = {line.identity: line for line in lines if line.kind is GranteeKind.GROUP}
    assert set(told) >= {"Marketing Owners", MEMBERS, "Marketing Visitors"}
    unmapped = {name: line for name, line in told.items() if name not in row}
    assert all(line.state is not GrantState.GIVEN and line.message for line in unmapped.values())
    groups = {who: role for (kind, who), role in there.shares("/shared").items() if kind is GranteeKind.GROUP}
    assert there.shares("/shared")[GranteeKind.PERSON, "ben@new.org"] is AccessRole.READ
    assert groups == ({"Staff": AccessRole.WRITE} if row else {})


async def test_a_group_of_the_destination_s_site_is_named_with_the_reason_why_it_is_not_given(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    service = sharepoint(request)
    here = MemoryService(directory=Directory(groups=frozenset({"Team", "Others"})))
    here.add_file("/shared/file", b"x")
    here.share("/shared", "Team", AccessRole.READ, kind=GranteeKind.GROUP)
    here.share("/shared", "Others", AccessRole.READ, kind=GranteeKind.GROUP)
    held = SharingRules(map=_map({"Team": "Sales Members", "Others": MEMBERS}))
    async with workbench(tmp_path, here) as bench, _at_site(service.connect()) as destination:
        async with signed_in(here) as other:
            source = Side("memory:/", "memory", other, "/", root_stands=True)
            first = await _run(bench, source, destination, held)
            states = await bench.states(first.run)
            allowed = SharingRules(map=held.map, wider=Wider.ALLOW)
            second = await _run(bench, source, destination, allowed)
        lines = await _lines(bench, second.run)
    # The site's own groups would see it, of which nobody knows whether they are the same people.
    assert states["/shared"] is ItemState.UNSUPPORTED
    told = {line.identity: line for line in lines if line.path == "/shared"}
    refused = told["Team"]
    assert (refused.state, refused.reason) == (GrantState.UNSUPPORTED, Reason.UNSUPPORTED)
    assert "SharePoint group is managed at its site" in refused.message
    assert refused.target is not None
    assert refused.target.identity == "Sales Members"
    assert told["Others"].state is GrantState.ALREADY_THERE  # through the library, more than that
