"""What is on a server: connections, migrations, pairs, runs. Printed as it comes, however much it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from itertools import islice
from typing import Any, TypeVar

import msgspec
from rich.table import Table

from mover.cli.codes import ALL_WELL
from mover.cli.figures import count_text, duration_text, size_text
from mover.cli.remote.answers import Connection, Counts, Migration, Page, Pair, Run
from mover.cli.remote.finding import find_migration
from mover.cli.remote.server import Query, Server
from mover.cli.screen import out, print_json, words

T = TypeVar("T")

_STYLES = {
    "success": "green",
    "failed": "red",
    "some_problems": "yellow",
    "running": "cyan",
    "scanning": "cyan",
}
_SHOWN_AT_ONCE = 200
_MOMENT = len("2026-03-01T08:30:00")


async def list_connections(server: Server, *, machine: bool) -> int:
    """List the connections."""
    return await _print_all(
        _each((await server.get("/connections", Page[Connection])).items),
        ("name", "service", "where", "last used"),
        lambda each: (
            words(each.name, "bold"),
            words(each.service),
            words(_where(each.configuration)),
            when(each.last_used_at),
        ),
        empty="The server has no connections yet.",
        machine=machine,
    )


async def list_migrations(server: Server, *, machine: bool) -> int:
    """List the migrations."""
    names = {each.id: each.name for each in (await server.get("/connections", Page[Connection])).items}
    return await _print_all(
        server.pages("/migrations", Migration),
        ("name", "source", "destination", "made", "id"),
        lambda each: (
            words(each.name, "bold"),
            words(names.get(each.source_connection_id, "?")),
            words(names.get(each.destination_connection_id, "?")),
            when(each.created_at),
            words(each.id, "dim"),
        ),
        empty="The server has no migrations yet.",
        machine=machine,
    )


async def list_pairs(
    server: Server,
    migration: str,
    text: str,
    *,
    sort: str,
    descending: bool,
    limit: int | None,
    machine: bool,
) -> int:
    """List the pairs of a migration that match a filter."""
    found = await find_migration(server, migration)
    query: Query = {
        "filter": text,
        "sort": sort,
        "direction": "descending" if descending else "ascending",
    }
    return await _print_all(
        _first(server.pages(f"/migrations/{found.id}/pairs", Pair, query), limit),
        ("pair", "status", "files", "size", "source", "destination", "tags"),
        lambda each: (
            str(each.id),
            status_words(each.status, each.code),
            _files(each.counts),
            size_text(each.counts.bytes_seen),
            words(each.source_path),
            words(each.destination_path),
            words(", ".join(each.tags), "dim"),
        ),
        empty="No pair matches." if text else "The migration has no pairs yet.",
        machine=machine,
    )


async def list_runs(server: Server, migration: str | None, *, limit: int, machine: bool) -> int:
    """List the newest runs, of a migration or of all."""
    path = f"/migrations/{(await find_migration(server, migration)).id}/runs" if migration else "/runs"
    return await _print_all(
        _first(server.pages(path, Run, page=min(limit, _SHOWN_AT_ONCE)), limit),
        ("run", "pair", "what", "status", "files", "started", "took"),
        lambda each: (
            str(each.id),
            str(each.pair_id),
            words(each.mode),
            status_words(each.status, each.code),
            _files(each.counts),
            when(each.started_at or each.queued_at),
            duration_text(each.active_ns / 1e9),
        ),
        empty="Nothing was run yet.",
        machine=machine,
    )


def status_words(status: str, code: int) -> Any:
    """A status as people read it, with its code."""
    word = status.replace("_", " ").capitalize()
    return words(f"{word} ({code})" if code else word, _STYLES.get(status, ""))


def when(moment: str | None) -> str:
    """A moment of the server's (UTC) to the second; a dash where there is none."""
    return words(moment[:_MOMENT].replace("T", " ")).plain if moment else "-"


async def _print_all(
    found: AsyncIterator[T],
    headings: Sequence[str],
    row: Callable[[T], Sequence[Any]],
    *,
    empty: str,
    machine: bool,
) -> int:
    """Print a table as its rows come, in pieces; for machines a line of JSON each."""
    shown = 0
    waiting: list[Sequence[Any]] = []
    async for each in found:
        shown += 1
        if machine:
            print_json(msgspec.to_builtins(each))
            continue
        waiting.append(row(each))
        if len(waiting) == _SHOWN_AT_ONCE:
            _print_rows(headings, waiting)
            waiting.clear()
    if waiting:
        _print_rows(headings, waiting)
    if not shown and not machine:
        out().print(empty)
    return ALL_WELL


def _print_rows(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    table = _table(*headings)
    for row in rows:
        table.add_row(*row)
    out().print(table)


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


async def _each(found: Sequence[T]) -> AsyncIterator[T]:
    for each in found:
        yield each


async def _first(found: AsyncIterator[T], limit: int | None) -> AsyncIterator[T]:
    left = limit
    async for each in found:
        yield each
        if left is not None:
            left -= 1
            if left <= 0:
                return


def _files(counts: Counts) -> str:
    done = counts.files_copied + counts.files_skipped
    text = f"{done:,} of {counts.files_seen:,}" if done != counts.files_seen else count_text(done, "file")
    return f"{text}, {counts.files_failed:,} failed" if counts.files_failed else text


def _where(configuration: dict[str, Any]) -> str:
    told = (f"{name}={value}" for name, value in configuration.items() if value not in (None, "", False))
    return " ".join(islice(told, 4))
