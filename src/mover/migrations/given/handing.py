"""Handing what a person gave to the runners: sealed for those that live, and for nobody else."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row

from mover.migrations.given import queries
from mover.migrations.given.authority import OWNER, make_authority
from mover.migrations.given.boxes import KEY_BYTES, RunPlace, box_up, is_proven, seal_for_run
from mover.migrations.given.wanted import GivenKeys, wanted_by
from mover.migrations.options import PairOptions, effective
from mover.migrations.queries import rows
from mover.migrations.refusals import NotPossible
from mover.vault.vault import Vault


@dataclass(frozen=True)
class Handed:
    """Keys that were looked at and can be sealed."""

    keys: GivenKeys
    authority: bytes = field(repr=False)

    def put(self, connection: Connection, runs: Sequence[Row[Any]], now_ns: int) -> list[int]:
        """Seal and keep them for those of these runs which need no more than was given; returns their ids.

        Raises NotPossible: no runner is there to take them. `runs` are rows of `queries.runs_with_options`.
        """
        by_queue: dict[str, list[Row[Any]]] = defaultdict(list)
        for run in runs:
            wanted = wanted_by(options_of(run))
            if wanted and wanted <= self.keys.given:
                by_queue[run.queue].append(run)
        for queue, its_runs in sorted(by_queue.items()):
            self._put(connection, queue, its_runs, now_ns)
        return [run.id for some in by_queue.values() for run in some]

    def _put(self, connection: Connection, queue: str, runs: Sequence[Row[Any]], now_ns: int) -> None:
        runners = [
            key for key in queries.live_keys(connection, queue, now_ns) if is_proven(self.authority, key)
        ]
        if not runners:
            raise NotPossible(
                f"no runner of the queue {queue or 'default'} is there to take the key: it is kept nowhere else, so nothing "
                "was done; try again when a runner is at work"
            )
        organisation_id = runs[0].organisation_id
        giving_id, key = secrets.token_hex(16), secrets.token_bytes(KEY_BYTES)
        queries.put_keys(
            connection,
            [
                {
                    "run_id": run.id,
                    "organisation_id": organisation_id,
                    "giving_id": giving_id,
                    "sealed": seal_for_run(
                        key, place_of(run, giving_id), self.keys.packed(wanted_by(options_of(run)))
                    ),
                }
                for run in runs
            ],
        )
        queries.put_boxes(
            connection,
            [
                {
                    "giving_id": giving_id,
                    "runner_key_id": one.id,
                    "organisation_id": organisation_id,
                    "queue": queue,
                    "box": box_up(self.authority, one.public, giving_id, organisation_id, key),
                }
                for one in runners
            ],
        )


class Handing:
    """The API's way to runners. `vault` has the secret that they know one another by."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def prepare(self, keys: GivenKeys) -> Handed:
        """Look at keys before anything is done. Raises InvalidConfiguration, and what the vault raises."""
        keys.check()
        return Handed(keys, await make_authority(self._vault))

    async def begin(self) -> None:
        """Make what runners publish their keys with, so that they can before somebody gives something."""
        if not await self._vault.owners(OWNER):  # asked first, since that needs no key
            await make_authority(self._vault)


def options_of(run: Row[Any]) -> PairOptions:
    """The effective options: as they were fixed, or as they are now."""
    if run.options is not None:
        return rows.options_from(run.options)
    return effective(rows.options_from(run.migration_options), rows.options_from(run.pair_options))


def place_of(run: Any, giving_id: str) -> RunPlace:
    """What the keys of a run are bound to."""
    return RunPlace(
        organisation_id=run.organisation_id,
        migration_id=run.migration_id,
        pair_id=run.pair_id,
        run_id=run.id,
        giving_id=giving_id,
    )
