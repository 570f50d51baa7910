"""The migration report: a row a pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mover.ledger.estimates import Estimate
from mover.migrations.records import Pair
from mover.migrations.streams import Row
from mover.reports.cells import moment
from mover.reports.estimate import time_told

_HOUR_NS = 3_600 * 1_000_000_000

COLUMNS = (
    "id",
    "source",
    "destination",
    "tags",
    "notes",
    "schedule",
    "first run",
    "times run",
    "status",
    "code",
    "meaning",
    "message",
    "files seen",
    "files copied",
    "files skipped",
    "files failed",
    "bytes seen",
    "bytes copied",
    "bytes skipped",
    "bytes failed",
    "folders listed",
    "folders failed",
    "start",
    "end",
    "seconds",
    "files per hour",
    "bytes per hour",
    "average files per hour",
    "average bytes per hour",
    "total files copied",
    "total bytes copied",
    "total seconds",
    "scan: calls to the source",
    "scan: calls to the destination",
    "scan: seconds at least",
    "scan: seconds at most",
    "scan: time",
)


def row_of(
    pair: Pair, connections: Mapping[str, str], schedules: Sequence[str], estimate: Estimate | None = None
) -> Row:
    """The row of a pair; `seconds` are those at work, without pauses, and `estimate` is that of its last run, a scan."""
    counts = pair.counts
    last, all_runs = pair.last_active_ns, pair.active_ns
    return (
        pair.id,
        f"{connections.get(pair.source_connection_id, '(removed)')}:{pair.source_path}",
        f"{connections.get(pair.destination_connection_id, '(removed)')}:{pair.destination_path}",
        ", ".join(pair.tags),
        pair.notes,
        ", ".join(schedules),
        moment(pair.first_started_ns),
        pair.runs,
        pair.status.word,
        pair.code,
        pair.meaning,
        pair.message,
        counts.files_seen,
        counts.files_copied,
        counts.files_skipped,
        counts.files_failed,
        counts.bytes_seen,
        counts.bytes_copied,
        counts.bytes_skipped,
        counts.bytes_failed,
        counts.folders_seen,
        counts.folders_failed,
        moment(pair.started_ns),
        moment(pair.ended_ns),
        last // 1_000_000_000,
        per_hour(counts.files_copied, last) if pair.ended_ns else None,
        per_hour(counts.bytes_copied, last) if pair.ended_ns else None,
        per_hour(pair.total_files_copied, all_runs),
        per_hour(pair.total_bytes_copied, all_runs),
        pair.total_files_copied,
        pair.total_bytes_copied,
        all_runs // 1_000_000_000,
        *_cost(estimate),
    )


def _cost(estimate: Estimate | None) -> Row:
    """What the move will cost, where the last run told that."""
    if estimate is None:
        return (None, None, None, None, "")
    least = None if estimate.least is None else round(estimate.least.seconds)
    most = None if estimate.most_s is None else round(estimate.most_s)
    return (estimate.source.calls, estimate.destination.calls, least, most, time_told(estimate))


def per_hour(count: int, active_ns: int) -> int | None:
    """A rate; None where nothing has run."""
    return count * _HOUR_NS // active_ns if active_ns > 0 else None
