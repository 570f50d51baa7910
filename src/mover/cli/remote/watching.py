"""A live table of what runs on a server, until it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table

from mover.cli.codes import ALL_WELL, COULD_NOT_RUN, INTERRUPTED, SOME_FAILED
from mover.cli.figures import count_text, size_text
from mover.cli.remote.answers import Counts, Migration, MigrationRun, Page, Pair, Run, StatusCounts
from mover.cli.remote.finding import find_migration
from mover.cli.remote.refusals import NotThere
from mover.cli.remote.server import Server
from mover.cli.screen import err, out, print_json, words

_LOOK_EVERY_S = 1.0
_LINES_EVERY = 10  # looks
_SHOWN = 12
_UNDER_WAY = "status:running"

Sleep = Callable[[float], Awaitable[None]]


async def watch(server: Server, migration: str, *, machine: bool) -> int:
    """Watch what was started last in a migration. Raises NotThere: nothing was."""
    found = await find_migration(server, migration)
    starts = await server.get(f"/migrations/{found.id}/starts", Page[MigrationRun], {"limit": 1})
    if not starts.items:
        raise NotThere(f"nothing was started in {found.name!r} yet", "Begin with: mover remote start")
    return await watch_start(server, found, starts.items[0].id, machine=machine)


async def watch_start(
    server: Server, migration: Migration, start_id: str, *, machine: bool, sleep: Sleep = asyncio.sleep
) -> int:
    """Watch pairs that were started together until all have ended; the exit code tells how."""
    server = server.patient()
    live = not machine and err().is_terminal
    try:
        if live:
            with Live(console=err(), auto_refresh=False, transient=True, vertical_overflow="crop") as display:
                await _until_ended(
                    server,
                    migration,
                    start_id,
                    sleep,
                    lambda look: display.update(look.picture(), refresh=True),
                )
        else:
            await _until_ended(server, migration, start_id, sleep, _print_line)
    except asyncio.CancelledError:
        err().print(words("the server goes on with it; to end it: mover remote cancel"))
        raise
    return await _outcome(server, migration, start_id, machine=machine)


class _Look:
    """What was seen at one moment."""

    def __init__(
        self,
        number: int,
        migration: Migration,
        start: MigrationRun,
        counts: Mapping[str, int],
        pairs: list[Pair],
    ) -> None:
        self.number = number
        self._migration = migration
        self._start = start
        self._counts = counts
        self._pairs = pairs

    def line(self) -> str:
        done = self._start.pairs - self._start.open_pairs
        told = ", ".join(
            f"{count:,} {status.replace('_', ' ')}" for status, count in self._counts.items() if count
        )
        return f"{done:,} of {count_text(self._start.pairs, 'pair')} done; all pairs: {told}"

    def picture(self) -> RenderableType:
        title = words(self._migration.name, "bold")
        title.append_text(words(f"  {self.line()}", "dim"))
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for heading in ("pair", "files", "size", "source", "destination"):
            table.add_column(heading, no_wrap=True, overflow="ellipsis")
        for pair in self._pairs:
            counts = pair.counts
            table.add_row(
                str(pair.id),
                f"{counts.files_copied + counts.files_skipped:,} of {counts.files_seen:,}",
                f"{size_text(counts.bytes_copied + counts.bytes_skipped)} of {size_text(counts.bytes_seen)}",
                words(pair.source_path),
                words(pair.destination_path),
            )
        return Group(title, table) if self._pairs else title


async def _until_ended(
    server: Server, migration: Migration, start_id: str, sleep: Sleep, show: Callable[[_Look], None]
) -> None:
    number = 0
    while True:
        start = await _start(server, migration, start_id)
        counts = await server.get(f"/migrations/{migration.id}/pair-statuses", StatusCounts)
        running = await server.get(
            f"/migrations/{migration.id}/pairs", Page[Pair], {"filter": _UNDER_WAY, "limit": _SHOWN}
        )
        show(_Look(number, migration, start, counts.counts, running.items))
        if start.ended_at is not None or start.open_pairs == 0:
            return
        number += 1
        await sleep(_LOOK_EVERY_S)


async def _start(server: Server, migration: Migration, start_id: str) -> MigrationRun:
    async for each in server.pages(f"/migrations/{migration.id}/starts", MigrationRun, page=20):
        if each.id == start_id:
            return each
    raise NotThere("the server does not know that start any more", "Look at: mover remote runs")


def _print_line(look: _Look) -> None:
    if look.number % _LINES_EVERY == 0:
        err().print(words(look.line()))


async def _outcome(server: Server, migration: Migration, start_id: str, *, machine: bool) -> int:
    """Print what came of it, and return the exit code."""
    statuses: dict[str, int] = {}
    totals = Counts()
    bad: list[Run] = []
    seen: set[int] = set()
    async for run in server.pages(f"/migrations/{migration.id}/runs", Run):
        if run.migration_run_id != start_id or run.pair_id in seen:
            continue  # of an earlier start, or what an automatic re-run has made up for
        seen.add(run.pair_id)
        statuses[run.status] = statuses.get(run.status, 0) + 1
        totals = _sum(totals, run.counts)
        if run.status != "success":
            bad.append(run)
    code = _exit_code(statuses)
    if machine:
        print_json(
            {
                "migration": migration.id,
                "start": start_id,
                "pairs": statuses,
                **msgspec.to_builtins(totals),
                "problems": [
                    {
                        "run": run.id,
                        "pair": run.pair_id,
                        "status": run.status,
                        "code": run.code,
                        "message": run.message,
                    }
                    for run in bad
                ],
            }
        )
        return code
    _print_summary(migration, statuses, totals)
    for run in bad[:_SHOWN]:
        line = words(
            f"  pair {run.pair_id}: {run.status.replace('_', ' ')} ({run.code}), {run.meaning}", "yellow"
        )
        out().print(line.append_text(words(f"  {run.message}")) if run.message else line)
    if len(bad) > _SHOWN:
        out().print(words(f"  and {len(bad) - _SHOWN:,} more", "dim"))
    return code


def _print_summary(migration: Migration, statuses: Mapping[str, int], totals: Counts) -> None:
    told = ", ".join(f"{count:,} {status.replace('_', ' ')}" for status, count in sorted(statuses.items()))
    line = words(migration.name, "bold")
    line.append_text(words(f"  {told or 'no pair ran'}"))
    out().print(line)
    out().print(
        words(
            f"  {totals.files_copied:,} copied ({size_text(totals.bytes_copied)}), {totals.files_skipped:,} had nothing "
            f"to do, {totals.files_failed:,} failed, of {count_text(totals.files_seen, 'file')}"
        )
    )


def _sum(one: Counts, other: Counts) -> Counts:
    added: dict[str, Any] = {
        name: getattr(one, name) + getattr(other, name) for name in Counts.__struct_fields__
    }
    return Counts(**added)


def _exit_code(statuses: Mapping[str, int]) -> int:
    """As the local commands have it: 0 all well, 1 some failed, 2 nothing went, 130 canceled."""
    kinds = {status for status, count in statuses.items() if count}
    if kinds <= {"success"}:
        return ALL_WELL
    if kinds == {"failed"}:
        return COULD_NOT_RUN
    if kinds <= {"success", "canceled"}:
        return INTERRUPTED
    return SOME_FAILED
