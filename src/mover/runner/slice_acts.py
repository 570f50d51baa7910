"""What a slice does that belongs in the audit log of its organisation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from mover.accounts.actor import system_actor
from mover.migrations.acts import Act
from mover.migrations.records import Assignment, PairRun
from mover.runner.bench import Bench


class SliceActs:
    """Records the acts of one slice."""

    def __init__(self, bench: Bench, run: PairRun) -> None:
        self._bench = bench
        self._run = run

    async def opened(self, assignment: Assignment, names: Mapping[str, str], *, scan_alone: bool) -> None:
        """Record for what the secrets of connections are used by this slice, before they are."""
        details = {"pair": str(self._run.pair_id), "process": f"runner {self._bench.runner}"}
        sides = {"source": assignment.source_connection_id}
        if not scan_alone:
            sides["destination"] = assignment.destination_connection_id
        for side, connection_id in sides.items():
            details[side] = names.get(connection_id, "")
            details[f"{side}_id"] = connection_id
        await self._record(Act.CONNECTIONS_OPENED, details)

    async def gave(self, ledger_run: int) -> None:
        """Record how many permissions the run gave at the destination, or could not."""
        tally = await self._bench.place.ledger.grant_tally(ledger_run)
        states: Counter[str] = Counter()
        for one in tally:
            states[one.state.value] += one.count
        if states:
            details = {
                "pair": str(self._run.pair_id),
                **{state: str(count) for state, count in states.items()},
            }
            await self._record(Act.PERMISSIONS_GIVEN, details)

    async def _record(self, act: Act, details: Mapping[str, str]) -> None:
        run = self._run
        await self._bench.place.database.write(
            lambda transaction: self._bench.auditor.record(
                transaction,
                system_actor(run.organisation_id, "runner"),
                act,
                f"run {run.id}",
                details,
                now_ns=self._bench.now_ns(),
            )
        )
