"""The two clients that are compared, each as a person would run it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench import rclone
from bench.measuring import CommandFailedError, Cost, run
from bench.places import Place

_FIGURES_AT_THE_END = ("--use-json-log", "--stats", "24h", "--stats-log-level", "NOTICE")
_SECRETS = {
    "password": "BENCH_PASSWORD",
    "secret_key": "BENCH_SECRET_KEY",
    "access_token": "BENCH_ACCESS_TOKEN",
}


@dataclass(frozen=True)
class Copied:
    """What came of a copy: what it cost, and how many files were sent."""

    cost: Cost
    files: int


class Connected(Protocol):
    """What a connection is made of."""

    @property
    def name(self) -> str:
        """See `Place`, as for the others."""

    @property
    def service(self) -> str:
        """The connector's name."""

    @property
    def mover_keys(self) -> Mapping[str, str]:
        """Keys of `mover connect`."""


class Client(Protocol):
    """Copies a tree from one place to another."""

    @property
    def name(self) -> str:
        """As it stands in the tables."""

    def copy(self, source: Place, tree: str, destination: Place, copy: str) -> Copied:
        """Copy what is new in `tree` to `copy`. Raises CommandFailedError, also if anything was left out."""


@dataclass(frozen=True, kw_only=True)
class Mover:
    """Our command, with its defaults.

    Attributes:
        command: The program.
        home: For its state.
        scratch: For what it prints.
        options: On top of the defaults.
        variables: Environment variables on top of those that it needs anyway.
    """

    name: str
    command: Path
    home: Path
    scratch: Path
    options: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def connect(self, places: Iterable[Connected]) -> None:
        """Save the connections."""
        for place in places:
            values, variables = [], {}
            for key, value in place.mover_keys.items():
                if variable := _SECRETS.get(key):
                    variables[variable] = value
                    values.append(f"{key}=@env:{variable}")
                else:
                    values.append(f"{key}={value}")
            run(
                [self.command, "connect", place.service, place.name, *values],
                environment={**self._environment(), **variables},
                log=self.scratch / "connect.log",
            )

    def copy(self, source: Place, tree: str, destination: Place, copy: str) -> Copied:
        """Run `mover copy`."""
        return self.between(
            f"{source.name}:{source.path(tree)}", f"{destination.name}:{destination.path(copy)}"
        )

    def between(self, source: str, destination: str) -> Copied:
        """Run `mover copy` between two ends as a person writes them."""
        cost = run(
            [self.command, "copy", source, destination, "--json", *self.options],
            environment=self._environment(),
            log=self.scratch / "mover.log",
        )
        outcome = json.loads(cost.printed.strip().splitlines()[-1])
        if outcome["failed"]:
            raise CommandFailedError(f"mover left files out: {outcome}")
        return Copied(cost, outcome["copied"])

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "HOME": str(self.scratch),
            "LANG": "C.UTF-8",
            "MOVER_HOME": str(self.home),
            "MOVER_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",
            **self.variables,
        }


@dataclass(frozen=True, kw_only=True)
class Rclone:
    """rclone with its defaults.

    Attributes:
        home: Empty: it finds no configuration but the given one.
        remotes: By name.
        ca_files: Whom to trust.
        options: On top of the defaults.
        variables: Environment variables on top of those that it needs anyway.
    """

    home: Path
    remotes: Mapping[str, Mapping[str, str]]
    ca_files: tuple[Path, ...]
    name: str = "rclone"
    options: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def copy(self, source: Place, tree: str, destination: Place, copy: str) -> Copied:
        """Run `rclone copy`."""
        return self.between(
            f"{source.name}:{source.path(tree)}", f"{destination.name}:{destination.path(copy)}"
        )

    def between(self, source: str, destination: str) -> Copied:
        """Run `rclone copy` between two ends as a person writes them."""
        trusted = [word for file in self.ca_files for word in ("--ca-cert", str(file))]
        log = self.home / "rclone.log"
        cost = run(
            [rclone.RCLONE, "copy", *_FIGURES_AT_THE_END, *trusted, *self.options, source, destination],
            environment={**rclone.environment(self.home, self.remotes), **self.variables},
            log=log,
        )
        return Copied(cost, json.loads(log.read_text().splitlines()[-1])["stats"]["transfers"])
