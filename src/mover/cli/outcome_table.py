"""How a run went, for people: a table that adds up, and the first problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.table import Table
from rich.text import Text

from mover.cli.figures import count_text, duration_text, rate_text, size_text
from mover.cli.outcome import Outcome
from mover.cli.screen import out, plain, words
from mover.errors import advice_for
from mover.ledger.estimates import Estimate
from mover.ledger.ledger import Ledger
from mover.ledger.records import ReportItem
from mover.ledger.states import (
    MOVED,
    OPEN,
    PROBLEMS,
    SKIPPED,
    Code,
    ItemState,
    RunMode,
    RunStatus,
    Verification,
)

_LISTED_PROBLEMS = 10
_STYLES = {RunStatus.SUCCESS: "bold green", RunStatus.SOME_PROBLEMS: "bold yellow"}
_PROOFS = {
    Verification.HASH: "by content hash",
    Verification.READ_BACK: "read back",
    Verification.ALTERED: "altered by the destination",
    Verification.SIZE: "by size alone",
    Verification.SIZE_AND_TIME: "by size and time",
    Verification.EARLIER: "by an earlier run",
}
_CODES = {
    Code.SUCCESS: "",
    Code.NOTHING_TO_COPY: "nothing to do",
    Code.UNSUPPORTED_BY_DESTINATION: "not supported by the destination",
    Code.UNSUPPORTED_NOT_MOVED: "unsupported entries were not moved",
    Code.SOME_UPLOADS_FAILED: "some uploads failed",
    Code.ALL_UPLOADS_FAILED: "nothing copied, uploads failed",
    Code.SOME_DOWNLOADS_FAILED: "some downloads failed",
    Code.DOWNLOADS_AND_UPLOADS_FAILED: "some downloads and uploads failed",
    Code.ALL_DOWNLOADS_FAILED: "nothing copied, downloads failed",
    Code.ALL_BOTH_FAILED: "nothing copied, downloads and uploads failed",
    Code.DESTINATION_QUOTA: "the destination is full",
    Code.API_QUOTA: "the service's quota of calls is used up",
    Code.SIGN_IN_FAILED: "sign-in failed",
    Code.SOURCE_UNREACHABLE: "a service is unreachable",
    Code.USER_NOT_FOUND: "the user was not found",
    Code.GENERAL_FAILURE: "general failure",
}
_ROW_STYLES = {MOVED: "green", SKIPPED: "", OPEN: "cyan", PROBLEMS: "bold yellow"}
_MOVING = {MOVED: "moved", SKIPPED: "nothing to do", OPEN: "not done yet", PROBLEMS: "problems"}
_LOOKING = {OPEN: "would be moved", SKIPPED: "nothing to do", PROBLEMS: "problems"}
_COMPARING = {SKIPPED: "the same", OPEN: "not compared yet", PROBLEMS: "problems"}


async def print_outcome(ledger: Ledger, found: Outcome) -> None:
    """Print how a run went: a table that adds up, the proofs, and the first problems."""
    console = out()
    console.print(_headline(found))
    if found.ended_by:
        console.print(words(f"  {advice_for(found.ended_by)}", "dim"))
    if found.run.base_id is not None:
        console.print(
            words(
                f"  looked at what changed since run {found.run.base_id}; --full looks at everything", "dim"
            )
        )
    console.print(_table(found))
    if found.run.unencrypted:
        sides = " and ".join(found.run.unencrypted)
        console.print(words(f"  not encrypted in transit: {sides}", "bold yellow"))
    if found.proofs:
        proofs = ", ".join(f"{count:,} {_PROOFS.get(proof, proof)}" for proof, count in _sorted(found.proofs))
        console.print(words(f"  verified: {proofs}"))
    if found.run.estimate is not None:
        _print_estimate(found.run.estimate)
    if found.items(*PROBLEMS):
        await _print_problems(ledger, found)


def _print_estimate(estimate: Estimate) -> None:
    """Print what the move will cost."""
    from mover.reports.estimate import calls_told, time_told  # noqa: PLC0415 - only after a look

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("  calls", words(calls_told(estimate)))
    table.add_row("  time", words(time_told(estimate)))
    out().print(table)


def print_where_to_look(found: Outcome, written: list[Path]) -> None:
    """Print where there is more about a run."""
    line = Text(f"  run {found.run.id}; the whole story: ", style="dim")
    line.append(f"mover report {found.run.id}", style="cyan")
    if written:
        line.append(f", and in {plain(str(written[0].parent))}")
    out().print(line)


def _sorted(proofs: Mapping[Verification, int]) -> list[tuple[Verification, int]]:
    order = list(Verification)
    return sorted(proofs.items(), key=lambda proof: order.index(proof[0]))


def _headline(found: Outcome) -> Text:
    run = found.run
    line = Text(str(found.status), style=_STYLES.get(found.status, "bold red"))
    about = [_CODES.get(run.code, ""), plain(run.message)]
    if said := "; ".join(text for text in about if text):
        line.append(f" ({said})", style="not bold")
    line.append(f"  {plain(run.source_label)}")
    line.append(f" → {plain(run.destination_label)}" if run.destination_label else "")
    took = f"  {duration_text(found.seconds)}"
    if found.totals.bytes_sent and found.seconds >= 1:
        took += f", {rate_text(found.totals.bytes_sent / found.seconds)}"
    line.append(took, style="dim")
    return line


def _table(found: Outcome) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("")
    table.add_column("files", justify="right")
    table.add_column("size", justify="right")
    table.add_column("")
    for name, count, size, details, style in _rows(found):
        table.add_row(
            Text(f"  {name}", style=style),
            Text(f"{count:,}", style=style),
            size_text(size),
            Text(details, "dim"),
        )
    return table


def _rows(found: Outcome) -> Iterator[tuple[str, int, int, str, str]]:
    yield "seen", *found.files(*ItemState), _folders(found), "bold"
    for group, name in _row_names(found).items():
        count = found.files(*group)[0]
        if count or group is not OPEN:
            yield _row(found, name, sorted(group), _ROW_STYLES[group] if count else "")


def _row_names(found: Outcome) -> Mapping[frozenset[ItemState], str]:
    match found.run.mode:
        case RunMode.VERIFY:
            return _COMPARING
        case RunMode.SCAN:
            return _LOOKING
        case RunMode.COPY:
            return _LOOKING if found.run.dry_run else _MOVING


def _row(found: Outcome, name: str, states: list[ItemState], style: str) -> tuple[str, int, int, str, str]:
    details = ", ".join(
        f"{count:,} {state.replace('_', ' ')}" for state in states if (count := found.files(state)[0])
    )
    count, size = found.files(*states)
    return name, count, size, details, style


def _folders(found: Outcome) -> str:
    totals = found.totals
    text = count_text(totals.folders_seen, "folder")
    if totals.folders_created:
        text += f", {totals.folders_created:,} created"
    if totals.folders_problem:
        text += f", {totals.folders_problem:,} with problems"
    return text


async def _print_problems(ledger: Ledger, found: Outcome) -> None:
    console = out()
    count = found.items(*PROBLEMS)
    console.print(Text(f"  {count_text(count, 'problem')}:", style="yellow"))
    shown = 0
    async for item in ledger.report_items(found.run.id, states=sorted(PROBLEMS), page=_LISTED_PROBLEMS):
        if shown == _LISTED_PROBLEMS:
            console.print(Text(f"    and {count - shown:,} more", style="dim"))
            break
        shown += 1
        _print_problem(item)


def _print_problem(item: ReportItem) -> None:
    reason = (item.reason or item.state).replace("_", " ")
    line = words(f"    {item.path}", "bold")
    line.append(f"  {reason}", style="yellow")
    out().print(line)
    out().print(words(f"      {item.message}"))
    if item.reason:
        out().print(words(f"      {advice_for(item.reason)}", "dim"))
