"""Permissions of a run: after a scan who would get what, after a copy what became of each."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import Query
from pydantic import Field
from starlette.responses import StreamingResponse

from mover.accounts.actor import Permission
from mover.api.calls import Calling
from mover.api.models import Answer, Cursor, Limit, NumberedId
from mover.api.operations import Resource
from mover.api.resources.reports import Format
from mover.api.streams import csv_download, jsonl_download
from mover.entries import AccessRole, GranteeKind
from mover.ledger.grants import GrantAction, GrantState, ReportGrant

resource = Resource("Permissions", "Who gets what at the destination, before a copy and after it.")

_State = Annotated[GrantState | None, Query(description="Only permissions in this state.")]
_Search = Annotated[
    str, Query(max_length=500, description="Only those with this in their path or in who is named.")
]


class RunPermission(Answer):
    """A permission of an entry: as the source has it, for whom it is meant, and what became of it."""

    id: int
    path: str
    action: GrantAction
    source_kind: GranteeKind | None
    source: str = Field(description="Address, name of a group, domain; empty for whoever has a link.")
    source_role: AccessRole | None
    service_role: str = Field(description="The role as the source calls it.")
    destination_kind: GranteeKind | None
    destination: str
    destination_role: AccessRole | None
    state: GrantState
    reason: str | None
    side: str | None
    message: str

    @classmethod
    def of_line(cls, line: ReportGrant) -> Self:
        """Show a line of the ledger."""
        return cls(
            id=line.id,
            path=line.path,
            action=line.action,
            source_kind=line.kind,
            source=line.identity,
            source_role=line.role,
            service_role=line.service_role,
            destination_kind=line.target.kind if line.target else None,
            destination=line.target.identity if line.target else "",
            destination_role=line.target_role,
            state=line.state,
            reason=line.reason,
            side=line.side,
            message=line.message,
        )


class RunPermissions(Answer):
    """Some permissions. `total` is counted up to 10,000."""

    items: list[RunPermission]
    next_cursor: str | None
    total: int


@resource.get("/runs/{run_id}/permissions", Permission.READ, problems=(400,))
async def list_permissions(
    call: Calling,
    run_id: NumberedId,
    state: _State = None,
    text: _Search = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> RunPermissions:
    """List the permissions of a run: of a scan who would get what, of a copy what became of it."""
    page = await call.services.permission_reports.page(
        call.actor,
        run_id,
        states=None if state is None else (state,),
        text=text,
        cursor=call.cursors.open(cursor),
        limit=limit,
    )
    return RunPermissions(
        items=[RunPermission.of_line(line) for line in page.items],
        next_cursor=call.cursors.make(page.next),
        total=page.total,
    )


@resource.get(
    "/runs/{run_id}/permissions/report", Permission.READ, media_types=("text/csv", "application/jsonl")
)
async def permissions_report(call: Calling, run_id: NumberedId, form: Format = "csv") -> StreamingResponse:
    """Download the permissions report of a run: a row a permission."""
    report = await call.services.permission_reports.report(call.actor, run_id)
    if form == "csv":
        return await csv_download(report.csv(), report.name)
    return await jsonl_download(report.jsonl(), report.name)
