"""Who would get what, as `mover scan --permissions` shows it."""

from __future__ import annotations

from rich.table import Table

from mover.cli.figures import count_text
from mover.cli.screen import out, plain, words
from mover.ledger.grants import GrantAction, GrantState, ReportGrant
from mover.ledger.ledger import Ledger

_LISTED = 50  # lines; the report has them all
_WORDS = {
    GrantState.PLANNED: "would be given",
    GrantState.ALREADY_THERE: "there already",
    GrantState.WIDER: "would see too much",
}


async def print_permissions(ledger: Ledger, run_id: int) -> None:
    """Print the first lines of a run's permissions, and how many there are; nothing if there are none."""
    count = sum(tally.count for tally in await ledger.grant_tally(run_id))
    if not count:
        return
    out().print()
    out().print(words(count_text(count, "permission"), "bold"))
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for heading in ("  path", "at the source", "may", "at the destination", ""):
        table.add_column(heading, overflow="fold")
    shown = 0
    async for line in ledger.report_grants(run_id, page=_LISTED):
        if shown == _LISTED:
            break
        shown += 1
        table.add_row(*(words(plain(text)) for text in _cells(line)))
    out().print(table)
    if count > shown:
        out().print(words(f"  and {count - shown:,} more: mover report {run_id} --output DIR", "dim"))


def _cells(line: ReportGrant) -> tuple[str, ...]:
    what = "would be taken back" if line.action is GrantAction.TAKE_BACK else _WORDS.get(line.state, "")
    note = line.message or what
    who = line.identity or ("whoever has the link" if line.kind is not None else "")
    target = line.target.identity or "whoever has the link" if line.target is not None else ""
    return (f"  {line.path}", who, str(line.role or line.target_role or ""), target, note or line.state.value)
