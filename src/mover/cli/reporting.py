"""`mover report`: a run's summary with the proof that it adds up, and its reports as files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mover.cli.codes import ALL_WELL, SOME_FAILED
from mover.cli.ledgers import open_ledger
from mover.cli.outcome import outcome_of
from mover.cli.outcome_table import print_outcome
from mover.cli.screen import out, print_json, words
from mover.errors import InvalidConfiguration
from mover.ledger.ledger import Ledger
from mover.reports import FORMATS, Summary, print_report, summary, write_report
from mover.reports.jsonlines import summary_object


async def report(number: int, format_name: str | None, output: Path | None, *, machine: bool) -> int:
    """Print or write reports of a run. Returns 1 if its totals do not add up.

    Raises InvalidConfiguration: no such run, no such format, no place to write to.
    """
    if format_name is not None and format_name not in FORMATS:
        raise InvalidConfiguration(f"--format: {format_name!r} is none of {', '.join(FORMATS)}")
    async with open_ledger() as ledger:
        found = await summary(ledger, number)
        if output is not None:
            written = await _write(ledger, number, format_name, output, is_file=_is_file(output))
            _tell(written, machine=machine)
        elif format_name is not None:
            await print_report(ledger, number, format_name, sys.stdout)
        elif machine:
            print_json(summary_object(found))
        else:
            await print_outcome(ledger, await outcome_of(ledger, number, resumed=False))
            _print_proof(found)
    return SOME_FAILED if found.discrepancies else ALL_WELL


def _is_file(output: Path) -> bool:
    """A path with a suffix that is no folder means a file."""
    return bool(output.suffix) and not output.is_dir()


async def _write(
    ledger: Ledger, number: int, format_name: str | None, output: Path, *, is_file: bool
) -> list[Path]:
    """Write one format into a file, or one or all of them into a folder."""
    if format_name is None or not is_file:
        formats = frozenset({format_name} if format_name else FORMATS)
        return await write_report(ledger, number, output, formats)
    try:
        # Names and paths are for its owner only, if it is made now.
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            await print_report(ledger, number, format_name, stream)
    except OSError as error:
        raise InvalidConfiguration(f"--output: {output} cannot be written: {error.strerror}") from None
    return [output]


def _tell(written: list[Path], *, machine: bool) -> None:
    if machine:
        print_json({"written": [str(path) for path in written]})
        return
    for path in written:
        out().print(words(str(path)))


def _print_proof(found: Summary) -> None:
    if not found.discrepancies:
        out().print(
            "  everything adds up: each entry that was seen has one outcome, each arrival a proof",
            style="green",
        )
        return
    for discrepancy in found.discrepancies:
        out().print(words(f"  this does not add up: {discrepancy}", "bold red"))
