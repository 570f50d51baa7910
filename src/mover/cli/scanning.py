"""`mover scan`: what is at the source, and what a copy would do."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from rich.table import Table

from mover.cli.addresses import parse_address
from mover.cli.choices import Choices, sealing_of, with_map
from mover.cli.codes import exit_code
from mover.cli.figures import count_text, size_text
from mover.cli.moving import run
from mover.cli.outcome import Outcome
from mover.cli.outcome_table import print_outcome, print_where_to_look
from mover.cli.permissions import print_permissions
from mover.cli.screen import out, plain, print_json, words
from mover.cli.workplace import workplace
from mover.ledger.states import Action, RunMode
from mover.ledger.survey import Survey

_LINES = 10
_LONG_PATH = 200  # characters; shorter ones trouble nobody
_WORDS = {
    Action.COPY: "would be copied",
    Action.REPLACE: "would be replaced by a newer version",
    Action.COMPARE: "would be compared, something of the same size is there",
    Action.RENAME: "would be renamed at the destination",
}


async def scan(source: str, destination: str | None, choices: Choices, *, machine: bool) -> int:
    """Look and tell. Returns the exit code; raises MoverError if nothing could be looked at."""
    from_, to = parse_address(source), parse_address(destination) if destination is not None else None
    choices = await with_map(choices)
    choices.options()
    sealing = sealing_of(choices)
    async with workplace() as place:
        found = await run(place, RunMode.SCAN, from_, to, choices, machine=machine, sealing=sealing)
        survey = await place.ledger.survey(found.run.id, most=_LINES)
        if machine:
            permissions = msgspec.to_builtins(await place.ledger.grant_tally(found.run.id))
            looked = {"survey": msgspec.to_builtins(survey), "permissions": permissions}
            print_json({**found.as_object(), **looked})
        else:
            await print_outcome(place.ledger, found)
            _print(found, survey)
            await print_permissions(place.ledger, found.run.id)
            out().print()
            print_where_to_look(found, [])
    return exit_code(found.status)


def _print(found: Outcome, survey: Survey) -> None:
    if found.run.destination_label:
        _section("What a copy would do")
        _lines(
            (f"{survey.actions[action]:,}", text)
            for action, text in _WORDS.items()
            if action in survey.actions
        )
        if not survey.actions:
            _lines([("0", "nothing to do")])
    if survey.extensions:
        _section("Most bytes by extension")
        _lines(
            (
                size_text(line.size),
                f".{line.extension}" if line.extension else "(none)",
                count_text(line.count, "file"),
            )
            for line in survey.extensions
        )
    if survey.largest:
        _section("Largest files")
        _lines((size_text(line.size), line.path) for line in survey.largest)
    if any(line.length >= _LONG_PATH for line in survey.longest):
        _section("Longest paths")
        _lines((f"{line.length:,}", line.path) for line in survey.longest if line.length >= _LONG_PATH)
    if survey.names_changed:
        _section(f"{count_text(survey.names_changed, 'name')} would change")
        _lines(("", f"{line.path} → {line.name}") for line in survey.new_names)
    if survey.unsupported:
        _section("Cannot be moved")
        _lines(
            (f"{line.count:,}", line.kind, f"{line.example}: {line.message}") for line in survey.unsupported
        )


def _section(title: str) -> None:
    out().print()
    out().print(words(title, "bold"))


def _lines(lines: Iterable[tuple[str, ...]]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    for index, line in enumerate(lines):
        if index == 0:
            table.add_column(justify="right", no_wrap=True, min_width=10)
            for _ in line[1:]:
                table.add_column(overflow="fold")
        table.add_row(*(words(plain(text)) for text in line))
    out().print(table)
