"""Reports of a server: what came of a run, and files of the whole story, written as they come."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from mover.cli.codes import ALL_WELL, SOME_FAILED
from mover.cli.figures import count_text, duration_text, size_text
from mover.cli.remote.answers import Problems, Run
from mover.cli.remote.finding import find_migration
from mover.cli.remote.looking import status_words, when
from mover.cli.remote.report_kinds import ReportFormat, ReportKind
from mover.cli.remote.server import Query, Server
from mover.cli.screen import err, out, print_json, words
from mover.errors import InvalidConfiguration


async def report(
    server: Server,
    what: str,
    *,
    kind: ReportKind | None,
    form: ReportFormat | None,
    output: Path | None,
    machine: bool,
) -> int:
    """Tell what came of a run, or download a report of a run (its number) or of a migration (its name).

    Raises InvalidConfiguration: no such report, or it cannot be written.
    """
    if what.isdecimal() and kind is None and form is None and output is None:
        return await _show(server, int(what), machine=machine)
    path, query = await _address(server, what, kind, form)
    if output is None:
        async with server.download(path, query) as pieces:
            async for piece in pieces:
                sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return ALL_WELL
    async with server.download(path, query) as pieces:
        size = await _write(output, pieces)
    if machine:
        print_json({"written": str(output), "bytes": size})
    else:
        err().print(words(f"{output} ({size_text(size)})"))
    return ALL_WELL


async def _address(
    server: Server, what: str, kind: ReportKind | None, form: ReportFormat | None
) -> tuple[str, Query]:
    chosen: Query = {"format": str(form or ReportFormat.CSV)}
    if what.isdecimal():
        match kind:
            case ReportKind.LOG | None:
                return f"/runs/{what}/log", chosen
            case ReportKind.ERRORS:
                return f"/runs/{what}/errors", chosen
            case ReportKind.PERMISSIONS:
                return f"/runs/{what}/permissions/report", chosen
            case ReportKind.RECONCILIATION:
                if form is ReportFormat.CSV:
                    raise InvalidConfiguration(
                        "--format: the reconciliation is signed line by line, so it is jsonl"
                    )
                return f"/runs/{what}/reconciliation", {}
            case ReportKind.PAIRS:
                raise InvalidConfiguration("--kind pairs is a report of a migration; give its name")
    found = await find_migration(server, what)
    match kind:
        case ReportKind.PAIRS | None:
            return f"/migrations/{found.id}/report", chosen
        case ReportKind.ERRORS:
            return f"/migrations/{found.id}/errors", chosen
        case ReportKind.LOG | ReportKind.PERMISSIONS | ReportKind.RECONCILIATION:
            raise InvalidConfiguration(f"--kind {kind} is a report of a run; give its number")


async def _write(output: Path, pieces: AsyncIterator[bytes]) -> int:
    """Put a file in place when all of it is there; names and paths are for its owner only. Returns its size."""
    new = output.with_name(output.name + ".part")
    size = 0
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            async for piece in pieces:
                size += file.write(piece)
        new.replace(output)
    except OSError as error:
        raise InvalidConfiguration(f"--output: {output} cannot be written: {error.strerror}") from None
    finally:
        new.unlink(missing_ok=True)
    return size


async def _show(server: Server, number: int, *, machine: bool) -> int:
    run = await server.get(f"/runs/{number}", Run)
    problems = (await server.get(f"/runs/{number}/problems", Problems)).items
    code = SOME_FAILED if problems and run.status != "success" else ALL_WELL
    if machine:
        print_json({**msgspec.to_builtins(run), "problems": [msgspec.to_builtins(each) for each in problems]})
        return code
    line = words(f"run {run.id}, pair {run.pair_id}, {run.mode}: ", "bold")
    line.append_text(status_words(run.status, run.code))
    line.append_text(words(f"  {run.meaning}" + (f"; {run.message}" if run.message else "")))
    out().print(line)
    counts = run.counts
    out().print(
        words(
            f"  {count_text(counts.files_seen, 'file')} seen ({size_text(counts.bytes_seen)}), {counts.files_copied:,} "
            f"copied ({size_text(counts.bytes_copied)}), {counts.files_skipped:,} had nothing to do, "
            f"{counts.files_failed:,} failed"
        )
    )
    out().print(words(f"  started {when(run.started_at)}, took {duration_text(run.active_ns / 1e9)}", "dim"))
    for each in problems:
        line = words(f"  {each.count:,} {each.reason.replace('_', ' ') or each.state}", "yellow")
        out().print(line.append_text(words(f"  {each.message}  such as {each.example}")))
        if each.advice:
            out().print(words(f"    {each.advice}", "dim"))
    return code
