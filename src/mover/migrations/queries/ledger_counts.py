"""What a run of the ledger comes to, as the counts of a run of a pair."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from mover.entries import EntryKind
from mover.ledger.queries import counts as ledger
from mover.ledger.records import Totals
from mover.ledger.states import MOVED, PROBLEMS, SKIPPED, ItemState
from mover.ledger.tables import folders
from mover.migrations.records import Counts


def counts_of(connection: Connection, ledger_run_id: int, before: Counts, *, dry_run: bool) -> Counts:
    """Add up a run of the ledger. What it does not know (bytes received, throttling) is as it was `before`.

    In a dry run what would be moved counts as copied.
    """
    tallies = ledger.tally(connection, ledger_run_id)
    totals = Totals.of(tallies)
    moved = MOVED | {ItemState.PLANNED} if dry_run else MOVED

    def sizes(states: frozenset[ItemState]) -> int:
        return sum(t.size for t in tallies if t.kind is not EntryKind.FOLDER and t.state in states)

    by_state = (
        select(folders.c.state, func.count().label("number"))
        .where(folders.c.run_id == ledger_run_id)
        .group_by(folders.c.state)
    )
    states = {row.state: int(row.number) for row in connection.execute(by_state)}
    return Counts(
        files_seen=totals.files_seen,
        files_copied=totals.files_moved + (totals.files_open if dry_run else 0),
        files_skipped=totals.files_skipped,
        files_failed=totals.files_problem,
        folders_seen=states.get("listed", 0),
        folders_created=totals.folders_created,
        folders_failed=states.get("failed", 0),
        bytes_seen=totals.bytes_seen,
        bytes_copied=sizes(moved),
        bytes_skipped=sizes(SKIPPED),
        bytes_failed=sizes(PROBLEMS),
        bytes_received=max(before.bytes_received, totals.bytes_sent),
        throttled=before.throttled,
    )
