"""How a run went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mover.entries import EntryKind
from mover.errors import Reason, advice_for
from mover.ledger.ledger import Ledger
from mover.ledger.records import Run, Tally, Totals
from mover.ledger.states import ItemState, RunStatus, Verification, status_of


class Outcome(msgspec.Struct, frozen=True):
    """A run that has ended, with all that is told about it. `ended_by` is the reason code of what ended it early."""

    run: Run
    totals: Totals
    tallies: tuple[Tally, ...]
    proofs: Mapping[Verification, int]
    resumed: bool
    ended_by: Reason | None = None

    @property
    def status(self) -> RunStatus:
        """The word for its code."""
        return status_of(self.run.code)

    @property
    def seconds(self) -> float:
        """Time spent on it, over all interruptions."""
        return self.run.active_ns / 1e9

    def files(self, *states: ItemState) -> tuple[int, int]:
        """Number and size in bytes of the files in some states."""
        found = [t for t in self.tallies if t.kind is not EntryKind.FOLDER and t.state in states]
        return sum(t.count for t in found), sum(t.size for t in found)

    def items(self, *states: ItemState) -> int:
        """Number of files and folders in some states."""
        return sum(t.count for t in self.tallies if t.state in states)

    def as_object(self) -> Mapping[str, Any]:
        """The last object of `--json`."""
        totals, run = self.totals, self.run
        error = (
            {"reason": self.ended_by, "message": run.message, "advice": advice_for(self.ended_by)}
            if self.ended_by
            else None
        )
        return {
            "run": run.id,
            "mode": run.mode,
            "dry_run": run.dry_run,
            "status": self.status,
            "code": int(run.code),
            "message": run.message,
            "unencrypted": list(run.unencrypted),
            "copied": totals.files_moved,
            "skipped": totals.files_skipped,
            "failed": self.items(ItemState.FAILED),
            "unsupported": self.items(ItemState.UNSUPPORTED),
            "conflicts": self.items(ItemState.CONFLICT),
            "open": totals.files_open,
            "seen": totals.files_seen,
            "folders": totals.folders_seen,
            "folders_created": totals.folders_created,
            "bytes": totals.bytes_moved,
            "bytes_sent": totals.bytes_sent,
            "bytes_seen": totals.bytes_seen,
            "seconds": round(self.seconds, 3),
            "verified_by": {proof.value: count for proof, count in self.proofs.items()},
            "resumed": self.resumed,
            "follows": run.base_id,
            **({"estimate": msgspec.to_builtins(run.estimate)} if run.estimate else {}),
            **({"error": error} if error else {}),
        }


async def outcome_of(
    ledger: Ledger, run_id: int, *, resumed: bool, ended_by: Reason | None = None
) -> Outcome:
    """Look up in the ledger what a run came to."""
    run = await ledger.run(run_id)
    assert run is not None
    tallies = await ledger.tally(run_id)
    proofs = await ledger.verifications(run_id)
    return Outcome(run, Totals.of(tallies), tuple(tallies), proofs, resumed, ended_by)
