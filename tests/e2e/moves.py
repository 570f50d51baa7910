"""One move after the other between folders of a service, for as long as a test needs some to be under way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.fleet import Fleet
from tests.e2e.operator import Operator
from tests.e2e.places import files_below, put, sftp_values
from tests.servers.ssh import SftpServer

from mover.cli.remote.answers import Migration
from mover.cli.remote.choice import ServerChoice
from mover.cli.remote.server import open_server
from mover.transport.retries import RetryPolicy

PAIRS = 3
FILES_OF_A_PAIR = 40
FILE_BYTES = 20_000
BANDWIDTH = "400K"  # of a pair: a round takes two seconds at least
_PATIENT = RetryPolicy(attempts=100_000, first_s=0.2, cap_s=1.0, total_s=240)
_LOOK_S = 0.05


@dataclass
class Moves:
    """Rounds of one migration, each with new files. Made by `of`.

    Attributes:
        files: All that was there to be moved, by path.
        rounds: How many have ended.
    """

    operator: Operator
    migration: Migration
    source: Path
    destination: Path
    rng: random.Random
    owner: int | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    rounds: int = 0
    arrived: dict[str, int] = field(default_factory=dict)
    _working: asyncio.Event = field(default_factory=asyncio.Event)
    _enough: bool = False

    @classmethod
    @asynccontextmanager
    async def of(
        cls, service: Fleet, rng: random.Random, *, nas: SftpServer | None = None
    ) -> AsyncIterator[Moves]:
        """Plan them, from a folder of this machine or from a folder `moves` of a server, which takes a password."""
        destination = service.folder / "files" / "to"
        destination.mkdir()
        source = service.folder / "files" / "from" if nas is None else nas.root / "moves"
        source.mkdir()
        owner, above = (None, "") if nas is None else (nas.owner, f"/{source.name}")
        connection: dict[str, Any] = {"service": "local", "configuration": {"path": str(source)}}
        if nas is not None:
            connection = {"service": "sftp", "configuration": sftp_values(nas)}
        choice = ServerChoice(service.url, service.prepared.key, service.certificates.ca_file)
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(open_server(choice, policy=_PATIENT))
            operator = Operator(server, server)
            migration = await operator.plan(
                connection,
                {"service": "local", "configuration": {"path": str(destination)}},
                [{"source_path": f"{above}/p{n}", "destination_path": f"/p{n}"} for n in range(PAIRS)],
                bandwidth=BANDWIDTH,
            )
            yield cls(operator, migration, source, destination, rng, owner)

    async def again_and_again(self) -> None:
        """Move until `enough`."""
        while not self._enough:
            await self.once()

    async def once(self) -> None:
        """Move new files, and see that this round ends well."""
        new = {
            f"/p{n % PAIRS}/round {self.rounds}/{n}": self.rng.randbytes(FILE_BYTES)
            for n in range(PAIRS * FILES_OF_A_PAIR)
        }
        put(self.source, new, owner=self.owner)
        self.files |= new
        started = await self.operator.start(self.migration)
        watching = asyncio.create_task(self.operator.watch(self.migration, started))
        while not watching.done():
            arrived = len(self.inodes())
            if len(self.files) - len(new) < arrived < len(self.files):
                self._working.set()
            await asyncio.sleep(_LOOK_S)
        self._working.clear()
        assert await watching == 0
        for path, inode in self.inodes().items():
            assert self.arrived.setdefault(path, inode) == inode, f"{path} was sent again"
        self.rounds += 1

    async def under_way(self) -> None:
        """Wait until some files of a round have arrived, and others have not."""
        self._working.clear()
        async with asyncio.timeout(120):
            await self._working.wait()

    def enough(self) -> None:
        """Begin no more rounds."""
        self._enough = True

    def inodes(self) -> dict[str, int]:
        """What stands at the destination, whole."""
        return {
            str(path.relative_to(self.destination)): path.stat().st_ino
            for path in self.destination.glob("p*/round */*")
            if path.name.isdigit()
        }

    def check(self) -> None:
        """Everything has arrived, and nothing else is there."""
        assert files_below(self.destination) == self.files
