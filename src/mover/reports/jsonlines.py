"""A run for machines: a line of JSON for each item, and one for the summary at the end."""

from __future__ import annotations

from typing import Any, TextIO

import msgspec

from mover.ledger.ledger import Ledger
from mover.reports.cells import moment
from mover.reports.summary import Summary


def summary_object(found: Summary) -> dict[str, Any]:
    """The summary as plain values: what `summary.json` holds, and the last line of the item log."""
    run = found.run
    return {
        "run": run.id,
        "pair": run.pair_id,
        "mode": run.mode,
        "dry_run": run.dry_run,
        "source": run.source_label,
        "destination": run.destination_label,
        "status": found.status,
        "code": int(run.code),
        "message": run.message,
        "unencrypted": list(run.unencrypted),
        "started": moment(run.started_ns),
        "ended": moment(run.ended_ns),
        "seconds": round(run.active_ns / 1e9, 3),
        "totals": msgspec.structs.asdict(found.totals),
        "files_by_state": dict(found.files),
        "folders_by_state": dict(found.folders),
        "verified_by": dict(found.verifications),
        "permissions_by_state": dict(found.permissions),
        "unlisted_folders": found.unlisted_folders,
        "adds_up": not found.discrepancies,
        "discrepancies": list(found.discrepancies),
        **({"estimate": run.estimate} if run.estimate is not None else {}),
    }


async def write_json_lines(ledger: Ledger, found: Summary, stream: TextIO) -> None:
    """Write every item, then the summary."""
    async for item in ledger.report_items(found.run.id):
        line = msgspec.structs.asdict(item)
        line["started"] = moment(line.pop("started_ns"))
        line["ended"] = moment(line.pop("ended_ns"))
        line["modified"] = moment(line.pop("modified_ns"))
        stream.write(msgspec.json.encode(line).decode() + "\n")
    stream.write(msgspec.json.encode({"summary": summary_object(found)}).decode() + "\n")
