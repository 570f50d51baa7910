"""Measuring: each client in turn on the same servers, and the result of each looked at from outside."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.cases import Case, Measurement
from bench.clients import Client, Copied
from bench.places import Place, Places


class WrongResultError(RuntimeError):
    """A client said that all is well, and it is not so."""


class Rounds:
    """Runs cases. Sources are filled once and used by every client.

    Args:
        places: The servers.
        clients: Who is compared. The first one makes the copies on which a re-run finds nothing to do.
        data: Folder for local trees, on the disk of the servers.
        tell: Told what happens, since much of it takes minutes.
    """

    def __init__(
        self, places: Places, clients: Sequence[Client], data: Path, tell: Callable[[str], None]
    ) -> None:
        self._places = places
        self._clients = clients
        self._data = data
        self._tell = tell
        self._filled: set[tuple[str, str]] = set()
        self._numbers = itertools.count(1)

    def measure(self, case: Case, pair: str, rounds: int) -> Iterator[Measurement]:
        """Yield a measurement of each client for each round; who begins changes with the round.

        Raises CommandFailedError, and WrongResultError if files are missing or were sent that should not be.
        """
        source, destination = self._places.pair(pair)
        self._fill(source, case)
        standing = self._copied_before(case, source, destination) if case.again else None
        for number in range(rounds):
            turn = number % len(self._clients)
            for client in (*self._clients[turn:], *self._clients[:turn]):
                copy = standing or self._make_room(destination)
                before = _calls(source, destination)
                copied = client.copy(source, case.tree.name, destination, copy)
                calls = {
                    service: now - before[service] for service, now in _calls(source, destination).items()
                }
                self._check(case, copied, destination, copy)
                if standing is None:
                    destination.remove(copy)
                measured = Measurement(
                    case=case.key,
                    pair=pair,
                    client=client.name,
                    round=number + 1,
                    files=case.tree.files,
                    size_bytes=case.tree.size,
                    wall_s=copied.cost.wall_s,
                    cpu_s=copied.cost.cpu_s,
                    peak_bytes=copied.cost.peak_bytes,
                    calls=calls,
                )
                self._tell(
                    f"{case.key} {pair} {client.name}: {measured.wall_s:.1f} s, CPU {measured.cpu_s:.1f} s"
                )
                yield measured
        if standing is not None:
            destination.remove(standing)

    def _fill(self, source: Place, case: Case) -> None:
        if (source.name, case.tree.name) in self._filled:
            return
        local = self._data / case.tree.name
        if not local.exists():
            case.tree.write(self._data)
        self._tell(f"filling {source.name} with {case.tree.files:,} files")
        source.fill(local)
        self._filled.add((source.name, case.tree.name))

    def _copied_before(self, case: Case, source: Place, destination: Place) -> str:
        copy = self._make_room(destination)
        self._tell(f"copying {case.tree.files:,} files that are then copied again")
        self._clients[0].copy(source, case.tree.name, destination, copy)
        return copy

    def _make_room(self, destination: Place) -> str:
        copy = f"copy-{next(self._numbers)}"
        destination.make_room(copy)
        return copy

    def _check(self, case: Case, copied: Copied, destination: Place, copy: str) -> None:
        expected = 0 if case.again else case.tree.files
        if copied.files != expected:
            raise WrongResultError(f"{copied.files} files were sent instead of {expected}")
        found = destination.found(copy)
        if found != (case.tree.files, case.tree.size):
            raise WrongResultError(
                f"there are {found} files and bytes instead of {case.tree.files, case.tree.size}"
            )


def _calls(*places: Place) -> dict[str, int]:
    """Ask each server once, though it may be at both ends."""
    counted = {place.service: place.requests() for place in places}
    return {service: calls for service, calls in counted.items() if calls is not None}
