"""`mover runs` and `mover report`: what was run, and what came of it. The work is in modules of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mover.cli.arguments import Machine
from mover.cli.commands import RunOrCommand

_LARGEST_NUMBER = 2**63 - 1  # that the ledger can hold

report_app = typer.Typer(cls=RunOrCommand, no_args_is_help=False)

RunNumber = Annotated[
    int, typer.Argument(help="Number of a run, see `mover runs`.", metavar="RUN", min=1, max=_LARGEST_NUMBER)
]


def add_to(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.command()(runs)
    app.add_typer(report_app, name="report")


def runs(
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="The newest so many.")] = 20,
    machine: Machine = False,
) -> int:
    """List what was run."""
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.runs import list_runs  # noqa: PLC0415

    return run(lambda: list_runs(limit, machine=machine))


@report_app.callback()
def reports() -> None:
    """Tell what came of a run, and whether it adds up; or check a signed reconciliation."""


@report_app.command(RunOrCommand.DEFAULT)
def report(
    number: RunNumber,
    *,
    format_name: Annotated[
        str | None,
        typer.Option("--format", metavar="csv|json|html", help="Print this report instead of a summary."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="PATH", help="Write it into this file, or all of them into this folder."
        ),
    ] = None,
    machine: Machine = False,
) -> int:
    """Tell what came of a run, and whether it adds up."""
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.reporting import report as work  # noqa: PLC0415

    return run(lambda: work(number, format_name, output, machine=machine))


@report_app.command("verify")
def verify_report(
    file: Annotated[Path, typer.Argument(help="A reconciliation, as Mover wrote it.", metavar="FILE")],
    *,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="PUBLIC",
            help="The public key that has to have signed it, in base64 or hexadecimal digits.",
        ),
    ] = None,
    machine: Machine = False,
) -> int:
    """Check a signed reconciliation, without any database: nothing was changed, removed, added or moved.

    Exit codes: 0 it is as it was signed, 1 it is not, 2 it cannot be checked.
    """
    from mover.cli.verifying import verify_file  # noqa: PLC0415

    return verify_file(file, key, machine=machine)
