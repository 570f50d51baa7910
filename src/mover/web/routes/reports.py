"""Reports, as files to keep: of migrations and of runs."""

from __future__ import annotations

from starlette.responses import Response

from mover.accounts.actor import Permission
from mover.api.streams import csv_download, jsonl_download
from mover.errors import InvalidConfiguration
from mover.migrations.scan_reports import ScanReport
from mover.migrations.streams import RowStream
from mover.web.routes.migrations import connection_names
from mover.web.routes.pair import number
from mover.web.routes.pairs import pairs_of_runs
from mover.web.visit import Visit
from mover.web.ways import Way

_PLACE = "reports"


async def reports(visit: Visit) -> Response:
    """List what there is to download."""
    services = visit.house.services
    migrations = await services.migrations.list(visit.actor, limit=100)
    runs = await services.runs.page(visit.actor, cursor=visit.query("cursor") or None, limit=50)
    return visit.page(
        "reports.html",
        place=_PLACE,
        migrations=migrations.items,
        runs=runs,
        pairs=await pairs_of_runs(visit, runs.items),
        names={one.id: one.name for one in migrations.items},
        keys=await services.signing_keys.public_keys(visit.actor),
        connections=await connection_names(visit),
        first=not visit.query("cursor"),
    )


async def of_migration(visit: Visit) -> Response:
    """A row a pair, or a row an error."""
    services, actor = visit.house.services, visit.actor
    migration_id, kind = visit.parameter("migration_id"), visit.parameter("kind")
    match kind:
        case "pairs":
            stream = await services.reports.migration_report(actor, migration_id)
        case "errors":
            stream = await services.reports.errors(actor, migration_id=migration_id)
        case _:
            raise InvalidConfiguration("there is no such report")
    return await _file(visit, stream)


async def of_run(visit: Visit) -> Response:
    """The item log, the errors, what a scan found, or the signed reconciliation."""
    services, actor = visit.house.services, visit.actor
    run_id, kind = number(visit.parameter("run_id")), visit.parameter("kind")
    match kind:
        case "items":
            stream = await services.reports.item_log(actor, run_id)
        case "errors":
            stream = await services.reports.errors(actor, run_id=run_id)
        case "permissions":
            stream = await services.permission_reports.report(actor, run_id)
        case "reconciliation":
            lines = await services.reports.reconciliation(actor, run_id)
            return await jsonl_download(lines, f"reconciliation-{run_id}")
        case _ if kind in set(ScanReport):
            stream = await services.scan_reports.report(actor, run_id, ScanReport(kind))
        case _:
            raise InvalidConfiguration("there is no such report")
    return await _file(visit, stream)


async def _file(visit: Visit, stream: RowStream) -> Response:
    if visit.query("as") == "jsonl":
        return await jsonl_download(stream.jsonl(), stream.name)
    return await csv_download(stream.csv(), stream.name)


WAYS = (
    Way("GET", "/reports", Permission.READ, reports),
    Way("GET", "/reports/migrations/{migration_id}/{kind}", Permission.READ, of_migration),
    Way("GET", "/reports/runs/{run_id}/{kind}", Permission.READ, of_run),
)
