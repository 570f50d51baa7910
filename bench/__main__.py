"""Compare `mover copy` with `rclone copy` on the same servers in the same run, alternating: `python -m bench`."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.servers.processes import tool

from bench import rclone
from bench.cases import PAIRS, Measurement, cases
from bench.clients import Mover, Rclone
from bench.cloud_accounts import CLOUDS
from bench.cloud_tables import cloud_tables
from bench.clouds import CloudRun, Clouds
from bench.dumps import ROWS, Dumped, dump_table, dumps
from bench.memory import SIZES, Scanned, memory_table, scans
from bench.places import places
from bench.rounds import Rounds
from bench.tables import case_table

_MEMORY = "memory"
_MYSQL = "mysql"
_CLOUDS = "clouds"


def main() -> int:
    """Measure what was chosen, and print a table of each case as soon as it is done."""
    chosen = _chosen(sys.argv[1:])
    _tell(f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} processors, {platform.platform()}")
    _tell(f"Python {platform.python_version()}, {rclone.version()}")
    measured: list[Measurement] = []
    scanned: list[Scanned] = []
    dumped: list[Dumped] = []
    in_clouds: list[CloudRun] = []
    with tempfile.TemporaryDirectory(prefix="mover-bench-", dir=chosen.folder) as name:
        folder = Path(name)
        folder.chmod(0o755)  # the servers run as other users
        if any(case not in {_MEMORY, _MYSQL, _CLOUDS} for case in chosen.cases):
            measured = _compare(chosen, folder)
        if _MYSQL in chosen.cases:
            rows = max(1, round(ROWS * chosen.scale))
            dumped += dumps(folder / "mysql", rows, chosen.rounds, _tell)
            print(f"\n{dump_table(dumped)}\n", flush=True)
        if _CLOUDS in chosen.cases:
            (folder / _CLOUDS).mkdir()
            in_clouds += Clouds(folder / _CLOUDS, chosen.scale, chosen.rounds, _tell).measure(chosen.clouds)
            print(f"\n{cloud_tables(in_clouds)}\n", flush=True)
        if _MEMORY in chosen.cases:
            for one in scans(folder, [max(1, round(files * chosen.scale)) for files in SIZES]):
                scanned.append(one)
                _tell(f"scan of {one.files:,}: {one.wall_s:.1f} s, CPU {one.cpu_s:.1f} s")
            print(f"\n{memory_table(scanned)}\n", flush=True)
    if chosen.json is not None:
        found = {
            "measured": list(map(dataclasses.asdict, measured)),
            "scanned": list(map(dataclasses.asdict, scanned)),
            "dumped": list(map(dataclasses.asdict, dumped)),
            "clouds": list(map(dataclasses.asdict, in_clouds)),
        }
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def _compare(chosen: argparse.Namespace, folder: Path) -> list[Measurement]:
    for part in ("servers", "data", "scratch", "rclone"):
        (folder / part).mkdir()
    every: list[Measurement] = []
    with places(folder / "servers") as servers:
        by_default, by_size = (
            Mover(
                name=f"mover{''.join(f' {word}' for word in options)}",
                command=Path(tool("mover")),
                home=folder / "home",
                scratch=folder / "scratch",
                options=options,
            )
            for options in ((), ("--verify", "size"))
        )
        by_default.connect(servers.all)
        other = Rclone(
            home=folder / "rclone",
            remotes={place.name: place.rclone_keys for place in servers.all},
            ca_files=servers.ca_files,
        )
        rounds = Rounds(servers, (by_default, by_size, other), folder / "data", _tell)
        for case in (case for key, case in cases(chosen.scale).items() if key in chosen.cases):
            measured: list[Measurement] = []
            for pair in (pair for pair in chosen.pairs if pair not in case.too_long):
                measured.extend(rounds.measure(case, pair, chosen.rounds))
            print(f"\n{case_table(case, measured, other.name)}\n", flush=True)
            every += measured
    return every


def _chosen(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    every = (*cases(1), _MYSQL, _MEMORY, _CLOUDS)
    parser.add_argument(
        "part", nargs="?", type=_several(every), help="the same as --cases: `python -m bench clouds`"
    )
    parser.add_argument("--cases", type=_several(every), default=every, help=f"of {', '.join(every)}")
    parser.add_argument("--pairs", type=_several(PAIRS), default=PAIRS, help=f"of {', '.join(PAIRS)}")
    parser.add_argument("--clouds", type=_several(CLOUDS), default=CLOUDS, help=f"of {', '.join(CLOUDS)}")
    parser.add_argument("--rounds", type=int, default=1, help="how often each client does each case, in turn")
    parser.add_argument("--scale", type=float, default=1, help="0.02: a fiftieth of the files or bytes")
    parser.add_argument("--folder", type=Path, help="where servers and files lie, some 20 GB in all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    chosen = parser.parse_args(words)
    chosen.cases = chosen.part or chosen.cases
    return chosen


def _several(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Make a reader of a list with commas, of known words."""

    def words(text: str) -> tuple[str, ...]:
        found = tuple(text.split(","))
        if unknown := [word for word in found if word not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {', '.join(known)}")
        return found

    return words


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
