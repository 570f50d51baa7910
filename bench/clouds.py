"""Mover and rclone at the simulated cloud services: what each asks of them, how fast, and whether it waits when told to."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.front import RunningFront, running
from tests.servers.processes import tool

from bench.ceilings import ceiling
from bench.clients import Copied, Mover, Rclone
from bench.cloud_accounts import MANY_AT, CloudAccount, limit, open_account, put_there
from bench.measuring import CommandFailedError
from bench.rounds import WrongResultError
from bench.trees import KIB, MIB, Tree

LATENCY_S = 0.05
_WINDOW_S = 120.0
"""In which all limits are forgotten: no run pays for the one before."""

SMALL = "small files, into"
LARGE = "one large file, into"
AGAIN_INTO = "nothing to do, into"
OUT = "small files, out of"
AGAIN_OUT = "nothing to do, out of"
TIGHT = "small files, into, limits tight"
MORE_INTO = "more small files, into, no limits"
MORE_OUT = "more small files, out of, no limits"
MORE_OUT_LIMITED = "more small files, out of"
MANY_FIRST = "nothing to do over many, seen first"
MANY_AGAIN = "nothing to do over many, again"

_RCLONE_OPTIONS = ("--transfers", "16", "--checkers", "16")


@dataclass(frozen=True, kw_only=True)
class CloudRun:
    """One run of one client.

    Attributes:
        service: Mover's name of it.
        client: `mover` or `rclone`.
        what: One of the names above.
        files: In the tree.
        calls: By operation, all of them.
        refused: Calls of these that were told to come back later.
        early: Calls that came before a Retry-After had run out, those under way when it was told among them.
        forbidden: Calls of these whose sender knew better.
        wall_s: From start to end of the command.
        cpu_s: The client's alone.
        peak_bytes: Most resident memory of the client.
        ceiling: Files a second that the vendor's throttle lets through in the long run; see `bench.ceilings`.
    """

    service: str
    client: str
    what: str
    files: int
    calls: dict[str, int]
    refused: int
    early: int
    forbidden: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
    ceiling: float | None

    @property
    def total(self) -> int:
        """All calls."""
        return sum(self.calls.values())


class Clouds:
    """Measures. The simulators run in a thread of this process, which does nothing else while a client runs.

    Args:
        folder: For everything.
        scale: Makes the number of files smaller.
        rounds: How often each client does what takes seconds, in turn; what takes minutes is done once.
        tell: Told what happens.
    """

    def __init__(self, folder: Path, scale: float, rounds: int, tell: Callable[[str], None]) -> None:
        def scaled(files: int) -> int:
            return max(1, round(files * scale))

        self._folder = folder
        self._rounds = rounds
        self._tell = tell
        self._small = Tree(name="small", files=scaled(200), smallest=KIB, largest=16 * KIB, in_one_folder=10)
        self._few = Tree(name="few", files=scaled(60), smallest=KIB, largest=16 * KIB, in_one_folder=10)
        self._more = Tree(name="more", files=scaled(1_000), smallest=KIB, largest=16 * KIB, in_one_folder=50)
        self._large = Tree(name="large", files=1, smallest=40 * MIB, largest=40 * MIB)
        self._many = Tree(name="many", files=scaled(100_000), smallest=64, largest=KIB)

    def measure(self, services: Sequence[str]) -> Iterator[CloudRun]:
        """Yield each run when it is done. Raises CommandFailedError and WrongResultError."""
        trees = self._folder / "trees"
        for tree in (self._small, self._few, self._more, self._large):
            tree.write(trees)
        (self._folder / "front").mkdir()
        with running(self._folder / "front") as front:
            for service in services:
                for _ in range(self._rounds):
                    yield from self._both(front, service, self._documented)
                yield from self._both(front, service, self._tight)
                yield from self._both(front, service, self._unlimited)
            for service in services:
                if service in MANY_AT:
                    self._many.write(trees)
                    yield from self._both(front, service, self._unchanged)

    def _both(
        self, front: RunningFront, service: str, measured: Callable[[_Session], Iterator[CloudRun]]
    ) -> Iterator[CloudRun]:
        for client in ("mover", "rclone"):
            account = open_account(front, service)
            if client == "rclone" and account.rclone_keys is None:
                continue
            home = self._folder / "home"
            home.mkdir()
            try:
                for run in measured(_Session(front, account, client, home)):
                    self._tell(
                        f"{service} {client} {run.what}: {run.wall_s:.1f} s, {run.total} calls ({run.refused} refused, "
                        f"{run.early} early, {run.forbidden} forbidden): {run.calls}"
                    )
                    yield run
            except (CommandFailedError, WrongResultError) as error:
                if client == "mover":
                    raise
                self._tell(f"{service}: rclone gave up, and its line stays empty: {error}")
            shutil.rmtree(home)

    def _documented(self, session: _Session) -> Iterator[CloudRun]:
        trees, out = self._folder / "trees", session.home / "out"
        session.account.vendor.faults.latency_s = LATENCY_S
        limit(session.account, tight=False)
        yield session.run(SMALL, self._small, trees / "small", session.remote("small"))
        yield session.run(LARGE, self._large, trees / "large", session.remote("large"))
        yield session.run(AGAIN_INTO, self._small, trees / "small", session.remote("small"), again=True)
        yield session.run(OUT, self._small, session.remote("small"), out)
        yield session.run(AGAIN_OUT, self._small, session.remote("small"), out, again=True)

    def _tight(self, session: _Session) -> Iterator[CloudRun]:
        limit(session.account, tight=True)
        yield session.run(TIGHT, self._few, self._folder / "trees" / "few", session.remote("few"))

    def _unlimited(self, session: _Session) -> Iterator[CloudRun]:
        session.account.vendor.faults.latency_s = LATENCY_S
        more = self._folder / "trees" / "more"
        yield session.run(MORE_INTO, self._more, more, session.remote("more"))
        yield session.run(MORE_OUT, self._more, session.remote("more"), session.home / "out")
        limit(session.account, tight=False)
        yield session.run(MORE_OUT_LIMITED, self._more, session.remote("more"), session.home / "limited")

    def _unchanged(self, session: _Session) -> Iterator[CloudRun]:
        local = self._folder / "trees" / "many"
        for path, _ in self._many.entries():
            file = local / path
            session.front.inside(
                lambda file=file, path=path: put_there(  # type: ignore[misc]
                    session.account, f"/many/{path}", file.read_bytes(), file.stat().st_mtime_ns
                )
            )
        for what in (MANY_FIRST, MANY_AGAIN):
            yield session.run(what, self._many, session.remote("many"), local, again=True)


class _Session:
    """One client at one account in a world of its own."""

    def __init__(self, front: RunningFront, account: CloudAccount, client: str, home: Path) -> None:
        self.front = front
        self.account = account
        self.home = home
        self._client = client
        if client == "mover":
            mover = Mover(
                name=client,
                command=Path(tool("mover")),
                home=home / "state",
                scratch=home,
                variables={"MOVER_PROXY": front.proxy_url, "MOVER_CA_FILE": str(front.ca_file)},
            )
            mover.connect([account])
            self._copy: Callable[[str, str], Copied] = mover.between
        else:
            assert account.rclone_keys is not None
            rclone = Rclone(
                home=home,
                remotes={account.name: account.rclone_keys},
                ca_files=(front.ca_file,),
                options=(*_RCLONE_OPTIONS, *account.rclone_options),
                variables={"HTTPS_PROXY": front.proxy_url},
            )
            self._copy = rclone.between

    def remote(self, tree: str) -> str:
        """Where a tree stands at the service."""
        top = self.account.top if self._client == "mover" else ""
        return f"{self.account.name}:{top}/{tree}"

    def _begin(self) -> None:
        self.account.vendor.tally.clear()
        self.front.world.clock.advance(_WINDOW_S)

    def run(
        self, what: str, tree: Tree, source: Path | str, destination: Path | str, *, again: bool = False
    ) -> CloudRun:
        """Copy, and count. Raises WrongResultError if another number of files was sent than should be."""
        vendor = self.account.vendor
        self.front.inside(self._begin)
        early = self.account.early
        copied = self._copy(str(source), str(destination))
        expected = 0 if again else tree.files
        if copied.files != expected:
            raise WrongResultError(
                f"{self._client} at {self.account.service}, {what}: {copied.files} files were sent instead of {expected}"
            )
        return CloudRun(
            service=self.account.service,
            client=self._client,
            what=what,
            files=tree.files,
            calls=dict(vendor.tally.calls),
            refused=self.account.refused,
            early=self.account.early - early,
            forbidden=vendor.tally.forbidden,
            wall_s=copied.cost.wall_s,
            cpu_s=copied.cost.cpu_s,
            peak_bytes=copied.cost.peak_bytes,
            ceiling=ceiling(vendor, vendor.tally.calls, tree.files, refused=self.account.refused),
        )
