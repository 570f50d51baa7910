"""What a scan tells of calls, against the calls that the simulators then count for the move itself."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from bench.cloud_accounts import open_account
from simulators.front import RunningFront
from simulators.vendor import Vendor
from tests.contract.microsoft import MICROSOFT, vendor_of
from tests.contract.services import Connect, Grantees, Service, configured, forget
from tests.database_url import fresh
from tests.matrix.moving import Reached, reached
from tests.matrix.services import SERVICES
from tests.servers.simulators import simulators_egress
from tests.transfer.uploading import upload_keys

from mover.connectors.registry import Surroundings, connector_type
from mover.database.database import Database
from mover.entries import AccessRole, GranteeKind, Permission
from mover.ledger.estimates import Estimate, Sort
from mover.ledger.ledger import Ledger
from mover.ledger.states import Code, RunMode
from mover.ledger.tokens import UploadKeys
from mover.staging import Staging
from mover.transfer.grantees import GranteeMap
from mover.transfer.options import Options, VerifyLevel
from mover.transfer.progress import Progress
from mover.transfer.run import Engine, run_pair
from mover.transfer.sharing_rules import SharingRules, Unmapped, Wider
from mover.transfer.side import Side

pytestmark = [pytest.mark.servers, pytest.mark.slow]

_MEMORY = 64 << 20
_FOLDERS, _FILES = 4, 24
_MIB = 1 << 20
_ONE = ("box", "dropbox", "egnyte", "google", "onedrive")
_LARGE = {
    "box": 50_000_000,
    "dropbox": 144 * _MIB,
    "egnyte": 100_000_000,
    "google": 64 * _MIB,
    "onedrive": 40 * _MIB,
}
"""From this size on files are sent in parts."""
_VENDORS = {"onedrive": "microsoft"}
_SHARING = ("box", "dropbox")
"""Where small files share calls: how many share one is a matter of the moment."""


@dataclass
class Cloud:
    """One side at a cloud service, whose simulator counts; where there is no vendor, the connector counts itself."""

    name: str
    vendor: Vendor | None
    base: str
    connect: Connect
    grantees: Grantees | None = None

    @property
    def service(self) -> Service:
        return Service(connect=self.connect, base=self.base or "/")


@dataclass
class Bench:
    """Scans and moves, and what the vendors counted."""

    engine: Engine
    keys: UploadKeys
    home: Path

    async def run(
        self, mode: RunMode, source: Reached, destination: Reached, paths: tuple[str, str], options: Options
    ) -> tuple[Code, Estimate | None]:
        def side(at: Reached, path: str) -> Side:
            return Side(at.name, at.name, at.connector, f"{at.place.base.rstrip('/')}/{path}")

        result = await run_pair(
            self.engine,
            side(source, paths[0]),
            side(destination, paths[1]),
            mode,
            options,
            Progress(),
            shown_options={},
            upload_keys=self.keys,
        )
        run = await self.engine.ledger.run(result.run)
        assert run is not None
        return result.code, run.estimate

    async def compare(
        self, cloud: Cloud, source: Service, destination: Service, path: str, to: str = "", **options: object
    ) -> Estimate:
        """Scan, then move with new connections; the told calls are those that the simulator counts for the move."""
        wanted = Options(**options)  # type: ignore[arg-type]
        names = [cloud.name if place.connect is cloud.connect else "file" for place in (source, destination)]
        async with reached(names[0], source) as one, reached(names[1], destination) as other:
            code, told = await self.run(RunMode.SCAN, one, other, (path, to or path), wanted)
        assert told is not None, code
        if cloud.vendor is not None:
            cloud.vendor.tally.clear()
        async with reached(names[0], source) as one, reached(names[1], destination) as other:
            code, none = await self.run(RunMode.COPY, one, other, (path, to or path), wanted)
            own = sum(at.connector.calls for at in (one, other) if at.name != "file")
        assert code in {Code.SUCCESS, Code.NOTHING_TO_COPY}
        assert none is None
        calls = sum(
            side.calls
            for side, name in zip((told.source, told.destination), names, strict=True)
            if name != "file" and side.calls is not None
        )
        counted = cloud.vendor.tally.total if cloud.vendor is not None else own
        shared = told.files / 3 if cloud.name in _SHARING else 0.0
        assert abs(calls - counted) <= 0.1 * counted + 5 + shared, (told, counted)
        return told


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    database = await Database.open(fresh(tmp_path / "ledger"))
    staging = Staging(tmp_path / "staging", memory_bytes=_MEMORY, disk_bytes=1 << 30)
    await staging.open()
    engine = Engine(ledger=Ledger(database), staging=staging, staging_memory_bytes=_MEMORY)
    home = tmp_path / "files"
    home.mkdir()
    yield Bench(engine, upload_keys(database), home)
    await staging.close()
    await database.close()


@pytest.fixture(params=[*_ONE, "sharepoint", "office365"])
def cloud(request: pytest.FixtureRequest, simulators: RunningFront) -> Cloud:
    return _cloud(request, simulators, request.param)


def _cloud(request: pytest.FixtureRequest, front: RunningFront, name: str) -> Cloud:
    if name in MICROSOFT and name not in _ONE:
        place = SERVICES[name](request)
        return Cloud(name, vendor_of(request), place.base.rstrip("/"), place.connect, place.grantees)
    account = open_account(front, name)
    kind = connector_type(name)
    config = kind.config.model_validate(account.mover_keys)
    surroundings = Surroundings(egress=simulators_egress(front), remember=forget)
    return Cloud(name, account.vendor, account.top, lambda: kind.make(config, surroundings))


def _local(bench: Bench) -> Service:
    return Service(connect=configured("local", {"path": str(bench.home)}))


def _fill(folder: Path, sizes: Mapping[str, int]) -> None:
    for number, (name, size) in enumerate(sizes.items()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes([number % 256]) * size)


def _small() -> dict[str, int]:
    sizes = {f"folder {n % _FOLDERS}/file {n}": 100 + n * 9_000 for n in range(_FILES)}
    return {**sizes, "empty": 0, "six": 6 * _MIB, "nine": 9 * _MIB}


async def test_a_scan_tells_the_calls_of_the_move_in_both_directions(cloud: Cloud, bench: Bench) -> None:
    _fill(bench.home / "tree", _small())
    here = _local(bench)
    told = await bench.compare(cloud, here, cloud.service, "tree")
    assert told.files == _FILES + 3
    assert told.source.by_sort is None  # nobody counts the calls of a folder
    assert told.destination.service
    again = await bench.compare(cloud, here, cloud.service, "tree")
    assert (again.files, again.size) == (0, 0)
    _fill(bench.home / "tree", {name: size + 7 for name, size in _small().items() if size < _MIB})
    (bench.home / "tree" / "folder 0" / "new").write_bytes(b"new")
    replaced = await bench.compare(cloud, here, cloud.service, "tree")
    assert replaced.files == _FILES + 2
    (bench.home / "tree").rename(bench.home / "elsewhere")
    out = await bench.compare(cloud, cloud.service, here, "tree")
    assert out.files == _FILES + 4


@pytest.mark.parametrize("name", _ONE)
async def test_reading_back_is_counted(
    name: str, request: pytest.FixtureRequest, simulators: RunningFront, bench: Bench
) -> None:
    cloud = _cloud(request, simulators, name)
    _fill(bench.home / "back", {f"file {n}": 1_000 for n in range(12)})
    await bench.compare(cloud, _local(bench), cloud.service, "back", verify=VerifyLevel.READBACK)


@pytest.mark.parametrize("name", _ONE)
async def test_parts_are_counted(
    name: str, request: pytest.FixtureRequest, simulators: RunningFront, bench: Bench
) -> None:
    cloud = _cloud(request, simulators, name)
    _fill(bench.home / "large", {"file": _LARGE[name]})
    await bench.compare(cloud, _local(bench), cloud.service, "large")


@pytest.mark.parametrize("name", ["box", "dropbox", "egnyte", "google", "onedrive"])
async def test_permissions_are_counted(
    name: str, request: pytest.FixtureRequest, simulators: RunningFront, bench: Bench
) -> None:
    place = SERVICES[name](request)
    vendor = simulators.world.vendors[_VENDORS.get(name, name)]
    assert place.grantees is not None
    ann, ben = place.grantees.people
    async with reached(name, place) as at:
        assert at.connector.permissions is not None
        root = await at.new_folder("shared")
        for number in range(5):
            made = await at.connector.create_folder(root, f"folder {number}")
            line = Permission(kind=GranteeKind.PERSON, identity=ann, role=AccessRole.READ)
            await at.connector.permissions.grant(root.child(made.name, made.id), line)
    sharing = SharingRules(map=GranteeMap({ann: (ann, ben)}), unmapped=Unmapped.DROP, wider=Wider.ALLOW)
    cloud = Cloud(name, vendor, place.base, place.connect)
    told = await bench.compare(cloud, place, place, "shared", to="moved", sharing=sharing)
    assert told.destination.by_sort is not None
    assert told.destination.by_sort[Sort.PERMITTING] >= 5


@pytest.mark.parametrize("name", ["s3", "swift", "webdav"])
async def test_so_are_those_of_servers_of_ones_own(
    name: str, request: pytest.FixtureRequest, bench: Bench
) -> None:
    place = SERVICES[name](request)
    cloud = Cloud(name, None, place.base, place.connect)
    tree = f"estimate-{uuid.uuid4().hex[:8]}"
    _fill(bench.home / tree, {**_small(), "large": 40 * _MIB})
    told = await bench.compare(cloud, _local(bench), place, tree)
    assert told.destination.calls
    _fill(bench.home / tree, {name: size + 7 for name, size in _small().items() if size < _MIB})
    await bench.compare(cloud, _local(bench), place, tree)
    (bench.home / tree).rename(bench.home / "elsewhere")
    await bench.compare(cloud, place, _local(bench), tree)
