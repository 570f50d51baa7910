"""A database to S3: Mover against `mariadb-dump | rclone rcat`, and back: Mover against `rclone cat | mariadb`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.mariadb import MariaDbServer, mariadb
from tests.servers.processes import tool

from bench.clients import Mover
from bench.measuring import CommandFailedError, Cost, run
from bench.places import S3Place, s3_place
from bench.rclone import RCLONE, environment
from bench.tables import table

ROWS = 1_000_000
_TABLE = """CREATE TABLE orders (
  id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, customer varchar(100) NOT NULL, note text,
  amount decimal(12,2), at datetime(6), weight double, KEY at (at)
)"""
_ROWS = """INSERT INTO orders SELECT seq, concat('customer ', seq % 9999), if(seq % 3, repeat('note ', seq % 20), NULL),
  seq * 1.37 % 1000000, '2020-01-01' + INTERVAL seq SECOND, seq / 7 FROM seq_{first}_to_{last}"""
_AT_ONCE = 250_000  # rows of one INSERT


@dataclass(frozen=True, kw_only=True)
class Dumped:
    """What one client needed for one way, once."""

    way: str
    client: str
    rows: int
    wall_s: float
    cpu_s: float
    peak_bytes: int


def dumps(folder: Path, rows: int, rounds: int, tell: Callable[[str], None]) -> Iterator[Dumped]:
    """Yield measurements of both clients, out and back, for each round. Raises CommandFailedError."""
    with _servers(folder, rows, tell) as ends:
        for number in range(rounds):
            clients: list[Callable[[_Ends], Iterator[Dumped]]] = [_by_mover, _by_pipe]
            for client in clients[:: -1 if number % 2 else 1]:
                for measured in client(ends):
                    tell(
                        f"{measured.way} {measured.client}: {measured.wall_s:.1f} s, CPU {measured.cpu_s:.1f} s"
                    )
                    yield measured


def dump_table(measured: Sequence[Dumped]) -> str:
    """Return the table of the case."""
    lines = [
        (
            one.way,
            one.client,
            f"{one.wall_s:.1f}",
            f"{one.rows / one.wall_s:,.0f}",
            f"{one.cpu_s:.1f}",
            f"{one.peak_bytes / 1e6:.0f}",
        )
        for one in sorted(measured, key=lambda one: (one.way, one.client), reverse=True)
    ]
    header = ("way", "client", "wall s", "rows / s", "CPU s", "peak MB")
    rows = measured[0].rows if measured else 0
    return f"### A table of {rows:,} rows\n\n{table(header, lines)}"


@dataclass(frozen=True)
class _Ends:
    database: MariaDbServer
    s3: S3Place
    mover: Mover
    folder: Path
    rows: int

    def fresh(self, name: str) -> None:
        self.database.execute(f"DROP DATABASE IF EXISTS `{name}`", f"CREATE DATABASE `{name}`")

    def check(self, name: str) -> None:
        found = self.database.execute(f"CHECKSUM TABLE `{name}`.orders, bench.orders")
        if found[0][1] != found[1][1]:
            raise CommandFailedError(f"{name} is not what was dumped")

    def dumped(self, way: str, client: str, cost: Cost) -> Dumped:
        return Dumped(
            way=way,
            client=client,
            rows=self.rows,
            wall_s=cost.wall_s,
            cpu_s=cost.cpu_s,
            peak_bytes=cost.peak_bytes,
        )


def _by_mover(ends: _Ends) -> Iterator[Dumped]:
    ends.s3.make_room("dumps")
    yield ends.dumped("mysql-s3", "mover", ends.mover.between("db:/bench", "s3:/dumps").cost)
    ends.fresh("back")
    yield ends.dumped("s3-mysql", "mover", ends.mover.between("s3:/dumps", "db:/back").cost)
    ends.check("back")
    ends.s3.remove("dumps")


def _by_pipe(ends: _Ends) -> Iterator[Dumped]:
    ends.s3.make_room("pipe")
    rclone = f"{RCLONE} --ca-cert {ends.s3.server.ca_file}"
    dump = " ".join(map(str, ends.database.client("mariadb-dump")))
    yield ends.dumped(
        "mysql-s3",
        "mariadb-dump | rclone rcat",
        _shell(ends, f"{dump} --single-transaction bench orders | {rclone} rcat s3:pipe/orders.sql"),
    )
    ends.fresh("back")
    client = " ".join(map(str, ends.database.client()))
    yield ends.dumped(
        "s3-mysql", "rclone cat | mariadb", _shell(ends, f"{rclone} cat s3:pipe/orders.sql | {client} back")
    )
    ends.check("back")
    ends.s3.remove("pipe")


def _shell(ends: _Ends, command: str) -> Cost:
    variables = environment(ends.folder / "scratch", {"s3": ends.s3.rclone_keys}) | ends.database.environment
    return run(
        ["bash", "-o", "pipefail", "-c", command],
        environment=variables,
        log=ends.folder / "scratch" / "pipe.log",
    )


@contextmanager
def _servers(folder: Path, rows: int, tell: Callable[[str], None]) -> Iterator[_Ends]:
    with ExitStack() as stack:
        for name in ("s3", "scratch"):
            (folder / name).mkdir(parents=True)
        database = stack.enter_context(mariadb(folder / "mariadb"))
        place = stack.enter_context(s3_place(folder / "s3", folder / "scratch"))
        tell(f"filling a table with {rows:,} rows")
        database.execute("CREATE DATABASE bench")
        database.execute(_TABLE, database="bench")
        for first in range(1, rows + 1, _AT_ONCE):
            database.execute(
                _ROWS.format(first=first, last=min(first + _AT_ONCE - 1, rows)), database="bench"
            )
        mover = Mover(
            name="mover", command=Path(tool("mover")), home=folder / "home", scratch=folder / "scratch"
        )
        mover.connect([place, _Database(database)])
        yield _Ends(database, place, mover, folder, rows)


@dataclass(frozen=True)
class _Database:
    """What `Mover.connect` asks of a place."""

    server: MariaDbServer
    name: str = "db"
    service: str = "mysql"

    @property
    def mover_keys(self) -> dict[str, str]:
        server = self.server
        return {
            "host": server.host,
            "port": str(server.port),
            "username": server.username,
            "password": server.password,
            "ca_file": str(server.ca_file),
        }
