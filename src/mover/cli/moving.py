"""`mover copy`, `mover verify` and the walk of `mover scan`: from addresses and options to a run.

What is loaded here is what it takes to reach the services; the rest is loaded while they are waited for.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mover.cli.addresses import parse_address
from mover.cli.choices import Choices, sealing_of, with_map
from mover.cli.codes import COULD_NOT_RUN, exit_code
from mover.cli.faults import say
from mover.cli.process import collect_rarely, load_without_collecting
from mover.cli.screen import print_json
from mover.cli.workplace import workplace
from mover.errors import InvalidConfiguration
from mover.ledger.states import RunMode
from mover.workplace.addresses import Address
from mover.workplace.sides import open_sides
from mover.workplace.workplace import Workplace

if TYPE_CHECKING:
    from mover.cli.outcome import Outcome
    from mover.workplace.sealing import SealingChoice


async def move(
    mode: RunMode,
    source: str,
    destination: str,
    choices: Choices,
    *,
    report_folder: Path | None = None,
    machine: bool = False,
) -> int:
    """Run a pair and say how it went. Returns the exit code; raises MoverError if nothing could be run."""
    addresses = parse_address(source), parse_address(destination)
    choices = await with_map(choices)
    choices.options()  # what was mistyped is said before anything is opened
    sealing = sealing_of(choices)
    _check_writable(report_folder)
    if sealing is not None and not machine:
        from mover.cli.sealing import say_what_does_not_apply  # noqa: PLC0415 - only some runs need it

        say_what_does_not_apply(sealing)
    async with workplace() as place:
        found = await run(place, mode, *addresses, choices, machine=machine, sealing=sealing)
        trouble: InvalidConfiguration | None = None
        written: list[Path] = []
        try:
            written = await _written(place, found.run.id, report_folder)
        except InvalidConfiguration as error:
            trouble = error  # the files have moved all the same, and that is told first
        if machine:
            print_json(_with_trouble(found.as_object(), trouble))
        else:
            from mover.cli.outcome_table import (  # noqa: PLC0415 - machines need no table
                print_outcome,
                print_where_to_look,
            )

            await print_outcome(place.ledger, found)
            print_where_to_look(found, written)
        if trouble is not None:
            say(str(trouble), trouble.advice)
            return COULD_NOT_RUN
        return exit_code(found.status)


async def run(
    place: Workplace,
    mode: RunMode,
    source: Address,
    destination: Address | None,
    choices: Choices,
    *,
    machine: bool,
    sealing: SealingChoice | None = None,
) -> Outcome:
    """Run a pair and show it while it works."""
    load_without_collecting()  # connectors, too, until all is there
    async with open_sides(place, source, destination, meanwhile=_load_the_rest) as sides:
        from mover.cli.under_way import run_between  # noqa: PLC0415 - loaded by now, while the services were waited for

        return await run_between(place, mode, sides, choices, machine=machine, sealing=sealing)


def _load_the_rest() -> None:
    """Load what runs need as soon as their sides are open."""
    importlib.import_module("mover.cli.under_way")
    collect_rarely()


def _check_writable(folder: Path | None) -> None:
    """Raise InvalidConfiguration if reports could not be written there: better now than after hours of moving."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InvalidConfiguration(f"--report: {folder} cannot be written to: {error.strerror}") from None


def _with_trouble(found: Mapping[str, Any], trouble: InvalidConfiguration | None) -> Mapping[str, Any]:
    if trouble is None:
        return found
    error = {"reason": trouble.reason, "message": str(trouble), "advice": trouble.advice}
    return {**found, "error": found.get("error", error)}


async def _written(place: Workplace, run_id: int, folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    from mover.reports import write_report  # noqa: PLC0415 - only some runs need it

    return await write_report(place.ledger, run_id, folder)
