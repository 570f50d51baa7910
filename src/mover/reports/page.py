"""A run as one HTML page that needs nothing else: no script, no font, no address to load anything from."""

from __future__ import annotations

from html import escape
from typing import TextIO

from mover.errors import advice_for
from mover.ledger.ledger import Ledger
from mover.ledger.records import ReportItem
from mover.ledger.states import PROBLEMS, RunStatus
from mover.reports.cells import moment
from mover.reports.estimate import calls_told, time_told
from mover.reports.permissions import permissions_section
from mover.reports.summary import Summary

_LISTED = 5_000  # rows of one table: a browser bears no more; the CSV has them all
_TONES = {RunStatus.SUCCESS: "good", RunStatus.FAILED: "bad"}
_STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; }
.badge { display: inline-block; padding: .1rem .7rem; border-radius: 1rem; font-weight: 600; color: #fff; background: #9a6700; }
.good { background: #1a7f37; } .bad { background: #cf222e; }
.path { overflow-wrap: anywhere; } .quiet { opacity: .7; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 1.25rem 0; }
.card { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .9rem; }
.card b { display: block; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.alarm { border: 2px solid #cf222e; border-radius: .5rem; padding: .6rem .9rem; }
"""


async def write_page(ledger: Ledger, found: Summary, stream: TextIO) -> None:
    """Write the page."""
    run, totals = found.run, found.totals
    title = f"Run {run.id}: {run.source_label} → {run.destination_label or 'scan'}"
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    stream.write(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
        f'<h1 class="path">{escape(title)}</h1>'
        f'<p><span class="badge {_TONES.get(found.status, "")}">{escape(found.status)} · {int(run.code)}</span> '
        f'<span class="quiet">{moment(run.started_ns)} to {moment(run.ended_ns)}, '
        f"{run.active_ns / 1e9:,.1f} s at work</span></p>"
    )
    if run.message:
        stream.write(f"<p>{escape(run.message)}</p>")
    stream.writelines(
        f'<p class="alarm"><b>Not encrypted in transit:</b> {escape(side)}, {escape(label)}</p>'
        for side, label in (("source", run.source_label), ("destination", run.destination_label))
        if side in run.unencrypted
    )
    stream.writelines(
        f'<p class="alarm"><b>This report does not add up:</b> {escape(discrepancy)}</p>'
        for discrepancy in found.discrepancies
    )
    if not found.discrepancies:
        stream.write(f'<p class="quiet">{escape(_proof(found))}</p>')
    _cards(
        stream,
        [
            ("files seen", totals.files_seen),
            ("moved", totals.files_moved),
            ("nothing to do", totals.files_skipped),
            ("problems", totals.files_problem),
            ("bytes moved", totals.bytes_moved),
            ("folders", totals.folders_seen),
        ],
    )
    if run.estimate is not None:
        stream.write(
            "<h2>What the move will cost</h2>"
            f"<p>{escape(calls_told(run.estimate))}</p><p>Time: {escape(time_told(run.estimate))}</p>"
        )
    _counts(stream, "How arrivals were verified", [(str(k), v) for k, v in found.verifications.items()])
    _counts(stream, "Files by outcome", [(str(k), v) for k, v in found.files.items()])
    _counts(stream, "Folders by outcome", [(str(k), v) for k, v in found.folders.items()])
    await _problems(ledger, found, stream)
    await permissions_section(ledger, run.id, stream)
    await _names(ledger, found, stream)
    stream.write("</body></html>\n")


def _proof(found: Summary) -> str:
    """The sum that every report must come to, in words."""
    totals = found.totals
    terms = [
        f"{totals.files_moved:,} moved",
        f"{totals.files_skipped:,} with nothing to do",
        f"{totals.files_problem:,} problems",
    ]
    if totals.files_open:
        terms.append(f"{totals.files_open:,} still to do")
    return f"Adds up: {totals.files_seen:,} files seen = {' + '.join(terms)}."


def _cards(stream: TextIO, values: list[tuple[str, int]]) -> None:
    cards = "".join(f'<div class="card"><b>{value:,}</b>{escape(name)}</div>' for name, value in values)
    stream.write(f'<div class="cards">{cards}</div>')


def _counts(stream: TextIO, title: str, values: list[tuple[str, int]]) -> None:
    if values:
        rows = "".join(
            f'<tr><td>{escape(name.replace("_", " "))}</td><td class="number">{count:,}</td></tr>'
            for name, count in sorted(values)
        )
        stream.write(f"<h2>{escape(title)}</h2><table>{rows}</table>")


async def _problems(ledger: Ledger, found: Summary, stream: TextIO) -> None:
    if not (found.totals.files_problem or found.totals.folders_problem):
        return
    stream.write(
        '<h2>Problems</h2><div class="scroll"><table><tr><th>path<th>reason<th>what happened<th>what to do</tr>'
    )
    shown = 0
    async for item in ledger.report_items(found.run.id, states=sorted(PROBLEMS)):
        if shown == _LISTED:
            stream.write(f'<tr><td colspan="4">The first {_LISTED:,}; errors.csv has them all.</td></tr>')
            break
        shown += 1
        stream.write(_problem_row(item))
    stream.write("</table></div>")


def _problem_row(item: ReportItem) -> str:
    reason = item.reason or item.state
    advice = advice_for(item.reason) if item.reason else ""
    cells = (item.path, reason.replace("_", " "), item.message, advice)
    return "<tr>" + "".join(f'<td class="path">{escape(text)}</td>' for text in cells) + "</tr>"


async def _names(ledger: Ledger, found: Summary, stream: TextIO) -> None:
    shown = 0
    async for item in ledger.report_items(found.run.id):
        if not item.renamed:
            continue
        if shown == 0:
            stream.write(
                '<h2>Names that changed</h2><div class="scroll"><table><tr><th>at the source<th>at the destination</tr>'
            )
        if shown == _LISTED:
            stream.write(f'<tr><td colspan="2">The first {_LISTED:,}; names.csv has them all.</td></tr>')
            break
        shown += 1
        stream.write(
            f'<tr><td class="path">{escape(item.path)}</td><td class="path">{escape(item.destination_path)}</td></tr>'
        )
    if shown:
        stream.write("</table></div>")
