"""Permissions by the change feeds of services that tell of them, on either side of a move."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from simulators.blobs import Bytes
from simulators.front import RunningFront
from simulators.microsoft.state import APP_ROLES, FULL_CONTROL
from simulators.nodes import Drive, Node
from tests.contract import google as people
from tests.contract.services import forget
from tests.memory.directory import Directory
from tests.memory.service import MemoryService
from tests.servers.simulators import simulators_egress
from tests.transfer.test_sharing import rules
from tests.transfer.uploading import upload_keys
from tests.transfer.workbench import MEMORY_BYTES, NO_WAIT, Workbench, signed_in, workbench

from mover.connectors.contract import Connector
from mover.connectors.paced import Paced
from mover.connectors.registry import Surroundings, connector_type
from mover.entries import AccessRole
from mover.ledger.ledger import Ledger
from mover.ledger.states import RunMode
from mover.transfer.options import Options
from mover.transfer.progress import Progress
from mover.transfer.run import Engine, RunResult, run_pair
from mover.transfer.side import Side
from mover.transport.pacing import Pacer
from mover.vault.secret import Secret
from simulators.microsoft import Microsoft

pytestmark = [pytest.mark.servers, pytest.mark.promise("P13")]

FOLDERS, FILES = 4, 3
QUIET = 20  # calls of a run after which nothing changed, on both sides together


@dataclass
class World:
    """An organisation at a simulated service, and one of its people's drives.

    Attributes:
        domain: Of its addresses.
        root: Of the drive in the connection.
        drive: Of the simulator.
        connect: Makes connectors.
        share, unshare: At the service, as its owner would.
    """

    domain: str
    root: str
    drive: Drive
    connect: Callable[[], Connector]
    share: Callable[[Node, str], None]
    unshare: Callable[[Node, str], None]

    def may(self, path: str) -> set[str]:
        """Who may use an entry by what is permitted on itself."""
        node = self.drive.at(path)
        assert node is not None, path
        return {grant.identity.partition("@")[0] for grant in node.grants}


def google_world(front: RunningFront) -> World:
    google = people.google_of(front)
    front.inside(lambda: [google.add_person(f"{name}@example.org") for name in ("ann", "ben", "zoe")])
    drive = google.drive_of(people.ALICE)

    def share(node: Node, email: str) -> None:
        google.state.grant(node, email, "reader")
        drive.touch(node)

    def unshare(node: Node, email: str) -> None:
        node.grants[:] = [grant for grant in node.grants if grant.identity != email]
        drive.touch(node)

    connect = people.connects(front, "google-admin", people.administrator(front))
    return World("example.org", f"/Users/{people.ALICE}", drive, connect, share, unshare)


def microsoft_world(front: RunningFront) -> World:
    vendor = front.world.vendors["microsoft"]
    assert isinstance(vendor, Microsoft)
    owner, *_ = front.inside(lambda: [vendor.add_user(name) for name in ("alice", "ann", "ben", "zoe")])
    vendor.state.app_roles["test-app"] = APP_ROLES | {FULL_CONTROL}
    kind = connector_type("office365")
    config = kind.config.model_validate(
        {
            "tenant": vendor.state.tenant_id,
            "client_id": "test-app",
            "client_secret": Secret("test-secret"),
        }
    )

    def connect() -> Connector:
        return kind.make(config, Surroundings(egress=simulators_egress(front), remember=forget))

    return World(
        vendor.state.domain,
        f"/Users/alice@{vendor.state.domain}",
        vendor.drive_of(owner).drive,
        connect,
        vendor.share,
        vendor.unshare,
    )


@pytest.fixture(params=[google_world, microsoft_world], ids=["google", "microsoft"])
def world(request: pytest.FixtureRequest, simulators: RunningFront) -> World:
    """One service in turn."""
    found: World = request.param(simulators)
    return found


def organisation(domain: str, owner: str, *, feed: bool = True) -> MemoryService:
    """A service in memory."""
    known = Directory(
        domain=domain,
        owner=f"{owner}@{domain}",
        people=frozenset(f"{n}@{domain}" for n in ("ann", "ben", "zoe")),
    )
    return MemoryService(directory=known, sharing_feed=feed)


@asynccontextmanager
async def side_of(world: World) -> AsyncIterator[Side]:
    connector = world.connect()
    await connector.sign_in()
    paced = Paced(connector, Pacer(*connector.capabilities.concurrency), policy=NO_WAIT)
    try:
        yield Side("simulated", "simulated", paced, world.root)
    finally:
        await paced.close()


async def moved(
    bench: Workbench, world: World, memory: MemoryService, *, to_memory: bool, full: bool = False
) -> tuple[RunResult, int]:
    """Run the pair as a new process would; returns how many calls it took after signing in."""
    engine = Engine(
        ledger=Ledger(bench.database),
        staging=bench.staging,
        staging_memory_bytes=MEMORY_BYTES,
        retries=NO_WAIT,
    )
    domains = (world.domain, "new.org") if to_memory else ("old.org", world.domain)
    sharing = rules({domains[0]: domains[1]})
    memory.calls.clear()
    async with side_of(world) as simulated, signed_in(memory) as connector:
        before = simulated.connector.calls
        other = Side("memory", "memory", connector, "/into" if to_memory else "/top")
        source, destination = (simulated, other) if to_memory else (other, simulated)
        options: dict[str, Any] = {"sharing": sharing, "full": full}
        result = await run_pair(
            engine,
            source,
            destination,
            RunMode.COPY,
            Options(**options),
            Progress(),
            shown_options={},
            upload_keys=upload_keys(bench.database),
        )
        assert result.finished, result.message
        return result, simulated.connector.calls - before + sum(memory.calls.values())


async def test_a_source_that_tells_of_permissions_is_followed(
    simulators: RunningFront, world: World, tmp_path: Path
) -> None:
    there = organisation("new.org", "boss")
    there.add_folder("/into")
    drive = world.drive
    email = f"{{}}@{world.domain}".format

    def fill() -> None:
        for outer in range(FOLDERS):
            folder = drive.folder(f"/f{outer}")
            for number in range(FILES):
                drive.add(folder, f"{number}", blob=Bytes(b"%d %d" % (outer, number)))
        world.share(drive.folder("/f0"), email("ann"))
        world.share(one("/f1/1"), email("ben"))

    def one(path: str) -> Node:
        node = drive.at(path)
        assert node is not None
        return node

    def change() -> None:
        world.unshare(one("/f0"), email("ann"))
        world.share(one("/f2"), email("ann"))
        world.share(one("/f3/2"), email("zoe"))
        world.unshare(one("/f1/1"), email("ben"))

    def given() -> dict[str, set[str]]:
        paths = [*there.folders(), *(path for path, _ in there.files())]
        return {path: {who for _, who in there.shares(path)} for path in paths if there.shares(path)}

    simulators.inside(fill)
    async with workbench(tmp_path, destination=there) as bench:
        await moved(bench, world, there, to_memory=True)
        assert given() == {"/into/f0": {"ann@new.org"}, "/into/f1/1": {"ben@new.org"}}
        await moved(bench, world, there, to_memory=True)
        _, calls = await moved(bench, world, there, to_memory=True)
        assert calls < QUIET
        simulators.inside(change)
        await moved(bench, world, there, to_memory=True)
    assert given() == {"/into/f2": {"ann@new.org"}, "/into/f3/2": {"zoe@new.org"}}


async def test_a_destination_that_tells_of_permissions_is_followed(
    simulators: RunningFront, world: World, tmp_path: Path
) -> None:
    here = organisation("old.org", "alice")
    for outer in range(FOLDERS):
        for number in range(FILES):
            here.add_file(f"/top/f{outer}/{number}", b"%d %d" % (outer, number))
    here.share("/top/f0", "ann@old.org", AccessRole.WRITE)
    here.share("/top/f1/1", "ben@old.org")
    email = f"{{}}@{world.domain}".format

    def take_off() -> None:
        for path, who in (("/f0", "ann"), ("/f1/1", "ben")):
            node = world.drive.at(path)
            assert node is not None
            world.unshare(node, email(who))

    def let_in() -> None:
        node = world.drive.at("/f2")
        assert node is not None
        world.share(node, email("zoe"))

    async with workbench(tmp_path, here) as bench:
        await moved(bench, world, here, to_memory=False)
        assert (world.may("/f0"), world.may("/f1/1")) == ({"ann"}, {"ben"})
        await moved(bench, world, here, to_memory=False)
        _, calls = await moved(bench, world, here, to_memory=False)
        assert calls < QUIET
        simulators.inside(take_off)
        await moved(bench, world, here, to_memory=False)
        assert (world.may("/f0"), world.may("/f1/1")) == ({"ann"}, {"ben"})
        simulators.inside(let_in)
        here.add_file("/top/f2/new", b"not for zoe")
        here.unshare("/top/f0", "ann@old.org")
        await moved(bench, world, here, to_memory=False)
    assert world.drive.at("/f2/new") is None
    assert world.may("/f0") == set()
