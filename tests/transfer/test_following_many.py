"""A pair whose root stands above drives: a re-run reads the feeds below it, and lists only what changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from simulators.blobs import Bytes
from simulators.microsoft.state import Library
from tests.contract.microsoft import office365, vendor_of
from tests.contract.services import Service
from tests.memory.service import MemoryService
from tests.transfer.uploading import upload_keys
from tests.transfer.workbench import MEMORY_BYTES, NO_WAIT, Workbench, workbench

from mover.connectors.contract import Connector
from mover.connectors.paced import Paced
from mover.ledger.ledger import Ledger
from mover.ledger.states import RunMode
from mover.transfer.options import Options
from mover.transfer.progress import Progress
from mover.transfer.run import Engine, RunResult, run_pair
from mover.transfer.side import Side
from mover.transport.pacing import Pacer
from simulators.microsoft import Microsoft

pytestmark = pytest.mark.servers


class _Tenant:
    """Office 365, and a service in memory: runs between them, and what they cost at Microsoft."""

    def __init__(self, vendor: Microsoft, service: Service, bench: Workbench) -> None:
        self.vendor = vendor
        self._service = service
        self._bench = bench
        self.memory = bench.destination

    def user(self, name: str) -> Library:
        person = self.vendor.state.accounts.person_of(f"{name}@{self.vendor.state.domain}")
        assert person is not None
        return self.vendor.drive_of(person)

    def library(self, site: str, number: int = 0) -> Library:
        return next(one for one in self.vendor.state.sites.values() if one.name == site).libraries[number]

    async def run(self, *, at_source: str | None = None, at_destination: str | None = None) -> RunResult:
        self.vendor.tally.clear()
        engine = Engine(
            ledger=Ledger(self._bench.database),
            staging=self._bench.staging,
            staging_memory_bytes=MEMORY_BYTES,
            retries=NO_WAIT,
        )
        tenant, memory = self._service.connect(), self.memory.connector()
        async with _signed_in(tenant) as cloud, _signed_in(memory) as other:
            root = at_source or at_destination or "/"
            cloud_side = Side(
                "m365:" + root, "one", cloud, root, root_id=(await cloud.look_up(root)).id, root_stands=True
            )
            sides = [cloud_side, Side("memory:/", "other", other, "/", root_stands=True)]
            source, destination = sides if at_source else reversed(sides)
            keys = upload_keys(self._bench.database)
            return await run_pair(
                engine,
                source,
                destination,
                RunMode.COPY,
                Options(),
                Progress(),
                shown_options={},
                upload_keys=keys,
            )

    @property
    def listings(self) -> int:
        return self.vendor.tally.calls["GET children"]


@asynccontextmanager
async def _signed_in(connector: Connector) -> AsyncIterator[Paced]:
    await connector.sign_in()
    paced = Paced(connector, Pacer(*connector.capabilities.concurrency), policy=NO_WAIT)
    try:
        yield paced
    finally:
        await paced.close()


def _add(library: Library, path: str, content: bytes) -> None:
    folder, _, name = path.rpartition("/")
    library.drive.add(library.drive.folder(folder), name, blob=Bytes(content))


@pytest.fixture
async def tenant(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[_Tenant]:
    service = office365(request)
    vendor = vendor_of(request)
    site = next(one for one in vendor.state.sites.values() if one.name == "Marketing")
    vendor.add_site("EU", above=site)
    async with workbench(tmp_path, destination=MemoryService()) as bench:
        made = _Tenant(vendor, service, bench)
        for where in (made.user("anna"), made.user("ben"), made.library("Marketing"), made.library("EU")):
            for number in range(6):
                _add(where, f"/folder {number}/file", f"{where.id} {number}".encode())
        yield made


async def test_users_and_sites_are_followed_from_above(tenant: _Tenant) -> None:
    first = await tenant.run(at_source="/")
    assert first.totals.files_moved == 24
    assert tenant.listings > 24

    nothing = await tenant.run(at_source="/")
    assert (nothing.totals.files_skipped, nothing.totals.files_moved) == (24, 0)
    assert tenant.listings == 0
    assert tenant.vendor.tally.calls["GET delta"] == 6  # three users, three libraries
    assert tenant.vendor.tally.calls.total() < 20

    _add(tenant.user("anna"), "/at the top", b"anna")
    _add(tenant.library("EU"), "/folder 1/more", b"eu")
    some = await tenant.run(at_source="/")
    assert (some.totals.files_seen, some.totals.files_moved) == (26, 2)
    assert tenant.listings == 2
    tree = tenant.memory.tree()
    assert tree["/Users/anna@contoso.example/at the top"] == b"anna"
    assert tree["/Sites/Marketing/EU/Documents/folder 1/more"] == b"eu"


async def test_who_comes_and_whose_feed_is_lost_is_listed_and_nobody_else(tenant: _Tenant) -> None:
    await tenant.run(at_source="/")
    tenant.vendor.add_user("dora")
    _add(tenant.user("dora"), "/hers", b"dora")
    site = next(one for one in tenant.vendor.state.sites.values() if one.name == "EU")
    tenant.vendor.add_site("Paris", above=site)
    _add(tenant.library("Paris"), "/theirs", b"paris")
    _add(tenant.user("ben"), "/late", b"ben")
    for _ in range(2):
        tenant.user("ben").drive.forget_log()
    result = await tenant.run(at_source="/")
    assert result.totals.files_moved == 3
    tree = tenant.memory.tree()
    assert tree["/Users/dora@contoso.example/hers"] == b"dora"
    assert tree["/Sites/Marketing/EU/Paris/Documents/theirs"] == b"paris"
    assert tree["/Users/ben@contoso.example/late"] == b"ben"
    assert tenant.listings == 7 + 2  # all of ben's; what dora and Paris have


async def test_what_others_did_at_a_destination_above_drives_is_seen(tenant: _Tenant) -> None:
    for number in range(6):
        tenant.memory.add_file(f"/Archive/{number}/file", str(number).encode())
    first = await tenant.run(at_destination="/Sites/Marketing")
    assert first.totals.files_moved == 6
    await tenant.run(at_destination="/Sites/Marketing")
    assert tenant.listings == 0
    drive = tenant.library("Marketing", 1).drive
    gone = drive.at("/3/file")
    assert gone is not None
    drive.remove(gone)
    again = await tenant.run(at_destination="/Sites/Marketing")
    assert again.totals.files_moved == 1
    assert drive.at("/3/file") is not None
    assert tenant.listings <= 2
