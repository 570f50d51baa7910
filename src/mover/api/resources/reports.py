"""Reports as downloads, written while they are read."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path, Query
from starlette.responses import StreamingResponse

from mover.accounts.actor import Permission
from mover.api.calls import Calling
from mover.api.models import Id, NumberedId
from mover.api.operations import Resource
from mover.api.resources.pairs import FilterQuery
from mover.api.streams import csv_download, jsonl_download
from mover.migrations.scan_reports import ScanReport
from mover.migrations.streams import RowStream

resource = Resource("Reports", "What was moved, what was not, and the proof, as CSV or lines of JSON.")


_TABLE = ("text/csv", "application/jsonl")
_Kind = Annotated[ScanReport, Path(description="Which of the reports.")]
Format = Annotated[
    Literal["csv", "jsonl"], Query(alias="format", description="CSV, or lines of JSON objects.")
]


@resource.get("/migrations/{migration_id}/report", Permission.READ, media_types=_TABLE)
async def migration_report(
    call: Calling, migration_id: Id, text: FilterQuery = "", form: Format = "csv"
) -> StreamingResponse:
    """Download the migration report: a row a pair."""
    return await _sent(
        await call.services.reports.migration_report(call.actor, migration_id, filter=text), form
    )


@resource.get("/migrations/{migration_id}/errors", Permission.READ, media_types=_TABLE)
async def migration_errors(call: Calling, migration_id: Id, form: Format = "csv") -> StreamingResponse:
    """Download the error report of the last runs of all pairs of a migration."""
    return await _sent(await call.services.reports.errors(call.actor, migration_id=migration_id), form)


@resource.get("/runs/{run_id}/log", Permission.READ, media_types=_TABLE)
async def item_log(call: Calling, run_id: NumberedId, form: Format = "csv") -> StreamingResponse:
    """Download the item log of a run: a row an item."""
    return await _sent(await call.services.reports.item_log(call.actor, run_id), form)


@resource.get("/runs/{run_id}/errors", Permission.READ, media_types=_TABLE)
async def run_errors(call: Calling, run_id: NumberedId, form: Format = "csv") -> StreamingResponse:
    """Download the error report of a run."""
    return await _sent(await call.services.reports.errors(call.actor, run_id=run_id), form)


@resource.get("/runs/{run_id}/scan/{kind}", Permission.READ, media_types=_TABLE)
async def scan_report(
    call: Calling, run_id: NumberedId, kind: _Kind, form: Format = "csv"
) -> StreamingResponse:
    """Download what a scan found."""
    return await _sent(await call.services.scan_reports.report(call.actor, run_id, kind), form)


@resource.get(
    "/runs/{run_id}/reconciliation", Permission.READ, media_types=("application/jsonl",), problems=(409,)
)
async def reconciliation(call: Calling, run_id: NumberedId) -> StreamingResponse:
    """Download source against destination, item by item, signed; `mover report verify` checks it."""
    lines = await call.services.reports.reconciliation(call.actor, run_id)
    return await jsonl_download(lines, f"reconciliation-{run_id}")


async def _sent(report: RowStream, form: Literal["csv", "jsonl"]) -> StreamingResponse:
    if form == "csv":
        return await csv_download(report.csv(), report.name)
    return await jsonl_download(report.jsonl(), report.name)
