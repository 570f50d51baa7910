"""`mover runs` and `mover report`: what was run, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from mover.cli.codes import ALL_WELL
from mover.cli.figures import duration_text, moment_text
from mover.cli.ledgers import open_ledger
from mover.cli.screen import out, print_json, words
from mover.ledger.records import Run
from mover.ledger.states import RunStatus, status_of

_STYLES = {RunStatus.SUCCESS: "green", RunStatus.FAILED: "red", RunStatus.RUNNING: "cyan"}


async def list_runs(limit: int, *, machine: bool) -> int:
    """List the newest runs."""
    async with open_ledger() as ledger:
        found = await ledger.runs(limit)
    if machine:
        print_json([_as_object(run) for run in found])
        return ALL_WELL
    if not found:
        out().print("Nothing was run yet. Begin with: mover copy SOURCE DESTINATION")
        return ALL_WELL
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("run", justify="right")
    for heading in ("what", "status", "started"):
        table.add_column(heading, no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    for heading in ("source", "destination"):
        table.add_column(heading, overflow="fold")
    for run in found:
        status = status_of(run.code)
        table.add_row(
            str(run.id),
            run.mode.value + (", dry" if run.dry_run and run.mode.value == "copy" else ""),
            words(f"{status} ({int(run.code)})", _STYLES.get(status, "yellow")),
            moment_text(run.started_ns),
            duration_text(run.active_ns / 1e9),
            words(run.source_label),
            words(run.destination_label),
        )
    out().print(table)
    return ALL_WELL


def _as_object(run: Run) -> Mapping[str, Any]:
    return {
        "run": run.id,
        "pair": run.pair_id,
        "mode": run.mode,
        "dry_run": run.dry_run,
        "source": run.source_label,
        "destination": run.destination_label,
        "status": status_of(run.code),
        "code": int(run.code),
        "finished": run.finished,
        "started_ns": run.started_ns,
        "ended_ns": run.ended_ns,
        "seconds": round(run.active_ns / 1e9, 3),
        "message": run.message,
        "unencrypted": list(run.unencrypted),
        "options": run.options,
    }
