"""The permissions report: a row for each permission of the source, and what became of it. Of a scan it is the preview."""

from __future__ import annotations

import csv
from html import escape
from typing import Any, TextIO

import msgspec

from mover.errors import advice_for
from mover.ledger.grants import GRANT_PROBLEMS, GrantAction, GrantState, ReportGrant
from mover.ledger.ledger import Ledger
from mover.reports.cells import cell

COLUMNS = (
    "path",
    "kind",
    "source",
    "source role",
    "source role as the service calls it",
    "destination kind",
    "destination",
    "destination role",
    "outcome",
    "reason",
    "message",
)

_LISTED = 5_000  # rows of the page: a browser bears no more; the CSV has them all


def permission_row(line: ReportGrant) -> tuple[object, ...]:
    """A row of the report, in the order of `COLUMNS`."""
    return (
        line.path,
        line.kind,
        line.identity,
        line.role,
        line.service_role,
        line.target.kind if line.target else None,
        line.target.identity if line.target else "",
        line.target_role,
        outcome_of(line),
        line.reason,
        line.message,
    )


def outcome_of(line: ReportGrant) -> str:
    """What became of it, or would: the state, but for what is still to be taken back."""
    if line.action is GrantAction.TAKE_BACK and line.state is GrantState.PLANNED:
        return "to_be_taken_back"
    return line.state.value


async def write_permissions(ledger: Ledger, run_id: int, stream: TextIO) -> None:
    """Write them as CSV (RFC 4180, UTF-8). The stream must not translate line ends."""
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    async for line in ledger.report_grants(run_id):
        writer.writerow([cell(value) for value in permission_row(line)])


async def write_permission_lines(ledger: Ledger, run_id: int, stream: TextIO) -> None:
    """Write them as lines of JSON."""
    async for line in ledger.report_grants(run_id):
        stream.write(msgspec.json.encode(permission_object(line)).decode() + "\n")


def permission_object(line: ReportGrant) -> dict[str, Any]:
    """A line as plain values."""
    return {name.replace(" ", "_"): value for name, value in zip(COLUMNS, permission_row(line), strict=True)}


async def permissions_section(ledger: Ledger, run_id: int, stream: TextIO) -> None:
    """Write the part of the page about permissions, problems first; nothing if there are none."""
    tallies = await ledger.grant_tally(run_id)
    if not tallies:
        return
    stream.write('<h2>Permissions</h2><div class="scroll"><table>')
    stream.write(
        "<tr><th>path<th>at the source<th>role<th>at the destination<th>outcome<th>what to know</tr>"
    )
    shown = 0
    problems = sorted(GRANT_PROBLEMS)
    for states in (problems, sorted(set(GrantState) - GRANT_PROBLEMS)):
        async for line in ledger.report_grants(run_id, states=states):
            if shown == _LISTED:
                text = f"The first {_LISTED:,}; permissions.csv has them all."
                stream.write(f'<tr><td colspan="6">{text}</td></tr></table></div>')
                return
            shown += 1
            stream.write(_row(line))
    stream.write("</table></div>")


def _row(line: ReportGrant) -> str:
    who = line.identity or ("whoever has the link" if line.kind else "")
    target = (line.target.identity or "whoever has the link") if line.target else ""
    advice = f" {advice_for(line.reason)}" if line.reason else ""
    cells = (
        line.path,
        who,
        str(line.role or line.target_role or ""),
        target,
        outcome_of(line).replace("_", " "),
        f"{line.message}{advice}",
    )
    return "<tr>" + "".join(f'<td class="path">{escape(text)}</td>' for text in cells) + "</tr>"
